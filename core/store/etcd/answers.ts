import * as z from "zod";

/* What etcd answers. The gateway leaves out what is zero, empty or false, and writes 64-bit numbers as texts. */

const int64 = z.coerce.number().default(0);

const header = z.object({ revision: int64 });
const kv = z.object({
  key: z.string(),
  value: z.string().default(""),
  mod_revision: int64,
  lease: z.string().default("0"),
});
export type KeyValue = z.infer<typeof kv>;

export const rangeAnswer = z.object({
  header: header.optional(),
  kvs: z.array(kv).default([]),
  more: z.boolean().default(false),
});

export const txnAnswer = z.object({
  header,
  succeeded: z.boolean().default(false),
  responses: z.array(z.object({ response_range: rangeAnswer.optional() })).default([]),
});

export const leaseAnswer = z.object({ ID: z.string(), TTL: int64 });
export const keepAliveAnswer = z.object({ result: z.object({ TTL: int64 }) });

export const watchMessage = z.object({
  result: z.object({
    created: z.boolean().default(false),
    canceled: z.boolean().default(false),
    cancel_reason: z.string().default(""),
    compact_revision: int64,
    fragment: z.boolean().default(false),
    events: z.array(z.object({ type: z.enum(["PUT", "DELETE"]).default("PUT"), kv })).default([]),
  }),
});
export type WatchMessage = z.infer<typeof watchMessage>["result"];

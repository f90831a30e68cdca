import * as z from "zod/mini";

/** Milliseconds since the epoch for a point in time, plain milliseconds for a duration. */
export type Millis = number;

/**
 * Why a figure is not known. A view shows a dash and a sentence for the code;
 * `detail` is data (a command's name, a path, a message), never a sentence to translate.
 */
export const missingCodes = [
  "pending",
  "notInstalled",
  "notRunning",
  "notConfigured",
  "denied",
  "timeout",
  "failed",
  "nonsense",
  "unsupported",
  "absent",
  "locked",
] as const;

export const missing = z.object({ code: z.enum(missingCodes), detail: z.string() });
export type Missing = z.infer<typeof missing>;

/**
 * A measured value, or the reason why there is none.
 * - `value`: measured at `at`.
 * - `stale`: the newest attempt failed for the reason `why`; `value` is the last good one, of the time `at`.
 * - `missing`: there is no value that could be shown.
 */
export type Reading<T> =
  | { state: "value"; at: Millis; value: T }
  | { state: "stale"; at: Millis; value: T; why: Missing }
  | { state: "missing"; at: Millis; why: Missing };

/** The schema of a reading of `value`. */
export function reading<T extends z.ZodMiniType>(value: T) {
  return z.discriminatedUnion("state", [
    z.object({ state: z.literal("value"), at: z.number(), value }),
    z.object({ state: z.literal("stale"), at: z.number(), value, why: missing }),
    z.object({ state: z.literal("missing"), at: z.number(), why: missing }),
  ]);
}

/** The value of a reading, fresh or stale; undefined when it is missing. */
export function valueOf<T>(r: Reading<T> | undefined): T | undefined {
  return r === undefined || r.state === "missing" ? undefined : r.value;
}

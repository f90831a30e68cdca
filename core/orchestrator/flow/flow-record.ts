import * as z from "zod/mini";
import { type CloudErrorContent, cloudErrorContent } from "../../model/cloud/refusal.ts";
import type { JsonObject } from "../../store/record.ts";

/** Not looked through: it was JSON when it was written. */
const jsonObject = z.custom<JsonObject>(
  (value) => typeof value === "object" && value !== null && !Array.isArray(value),
);

/** What the store holds of a flow, by the uuid of its task; it goes when the task ends. */
const flowRecord = z.object({
  flow: z.string(),
  data: jsonObject,
  phase: z.enum(["waiting", "running", "undoing"]),
  /** The step that is being run or undone; while waiting, the first one. */
  step: z.string(),
  /** The step whose failure is being taken back; null for a cancellation. */
  failedStep: z.nullable(z.string()),
  /** Why it is taken back; null for a cancellation. */
  error: z.nullable(cloudErrorContent),
  /** Steps that could not be taken back. */
  notUndone: z.array(z.object({ title: z.string(), error: cloudErrorContent })),
  /** Of the undoing of this step, from 1. */
  attempt: z.int(),
  /** How often a manager ended while this step was carried out. */
  interruptions: z.int(),
  epoch: z.int(),
  /** Counts what was written: whoever did not hear whether a write was made sees it by this. */
  serial: z.int(),
  managerUuid: z.string(),
  sessionUuid: z.nullable(z.string()),
  /** When it was made, in milliseconds since the epoch: the order of waiting. */
  createDate: z.number(),
});
export type FlowRecord = Readonly<z.infer<typeof flowRecord>>;

/** A record of the kind Flow as it was read. */
export function readFlow(value: JsonObject): FlowRecord;
export function readFlow(value: JsonObject | undefined): FlowRecord | undefined;
export function readFlow(value: JsonObject | undefined): FlowRecord | undefined {
  return value === undefined ? undefined : flowRecord.parse(value);
}

/** The same, undefined too for what is none: a damaged one, or of another version. */
export function readFlowIfGood(value: JsonObject | undefined): FlowRecord | undefined {
  const read = flowRecord.safeParse(value);
  return read.success ? read.data : undefined;
}

export function newFlow(given: {
  flow: string;
  step: string;
  data: JsonObject;
  managerUuid: string;
  sessionUuid: string | null;
  createDate: number;
}): FlowRecord {
  return {
    ...given,
    phase: "waiting",
    failedStep: null,
    error: null,
    notUndone: [],
    attempt: 1,
    interruptions: 0,
    epoch: 0,
    serial: 0,
  };
}

/** The flow in the hands of another manager, when its own one is gone. */
export function takenOver(record: FlowRecord, managerUuid: string): FlowRecord {
  const interruptions = record.phase === "waiting" ? 0 : record.interruptions + 1;
  return { ...record, managerUuid, interruptions, epoch: record.epoch + 1, serial: record.serial + 1 };
}

/** Why a task failed, with what could not be taken back. */
export function wholeError({ error, notUndone }: FlowRecord, incomplete: CloudErrorContent): CloudErrorContent | null {
  const [first] = notUndone;
  if (first === undefined) return error;
  const left = notUndone.map(({ title, error: why }) => `"${title}" could not be taken back: ${why.details}`).join(" ");
  if (error === null) return { ...incomplete, details: left, cause: first.error };
  return {
    ...error,
    details: `${error.details} ${left}`,
    values: { ...error.values, notUndone: notUndone.map(({ title }) => title).join(", ") },
  };
}

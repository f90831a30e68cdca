import type { CloudErrorContent } from "../../model/cloud/refusal.ts";
import type { JsonObject } from "../../store/record.ts";
import type { Flow, Step } from "./flow.ts";
import type { FlowRecord } from "./flow-record.ts";

/* What follows in a flow: decisions from what is stored and what came of a step. Something else writes them down. */

/** The flow as it goes on, or its end with what is known then. */
export type Next = { goesOn: FlowRecord } | { end: "succeed" | "fail" | "cancelled"; last: FlowRecord };

export function begin(record: FlowRecord): Next {
  return { goesOn: { ...record, phase: "running", epoch: record.epoch + 1 } };
}

/** After a step was run. `isCancelling`: somebody wants the task taken back. */
export function afterRun(flow: Flow, record: FlowRecord, patch: Partial<JsonObject>, isCancelling: boolean): Next {
  const done = withData(record, patch);
  const at = indexOf(flow, record.step);
  const following = flow.steps[at + 1];
  if (following === undefined) return { end: "succeed", last: done };
  if (isCancelling && following.cancellable === true) return undoFrom(flow, { ...done, epoch: done.epoch + 1 }, at);
  return { goesOn: { ...done, step: following.name, interruptions: 0 } };
}

/** After a step failed: its effect may be half made, so that it is the first to be taken back. */
export function afterFailure(flow: Flow, record: FlowRecord, error: CloudErrorContent): Next {
  const failed = { ...record, error, failedStep: record.step, epoch: record.epoch + 1 };
  return undoFrom(flow, failed, indexOf(flow, record.step));
}

/** After a step was taken back. */
export function afterUndo(flow: Flow, record: FlowRecord, patch: Partial<JsonObject>): Next {
  return undoFrom(flow, withData(record, patch), indexOf(flow, record.step) - 1);
}

/** After taking back failed: once more, or it is noted and the rest is taken back. */
export function afterUndoFailure(flow: Flow, record: FlowRecord, error: CloudErrorContent, attempts: number): Next {
  const failed = { ...record, epoch: record.epoch + 1 };
  if (record.attempt < attempts) return { goesOn: { ...failed, attempt: record.attempt + 1 } };
  const at = indexOf(flow, record.step);
  const title = flow.steps[at]?.title ?? record.step;
  return undoFrom(flow, { ...failed, notUndone: [...record.notUndone, { title, error }] }, at - 1);
}

/** Milliseconds until taking back is tried again: 1 s, 2 s, 4 s up to a minute, each with a random part of a half. */
export function undoPauseMs(attempt: number, random: number): number {
  return Math.min(60_000, 1000 * 2 ** (attempt - 2)) * (0.5 + random / 2);
}

/** The step that a flow is at; undefined when this version has none of that name. */
export function stepOf(flow: Flow, record: FlowRecord): Step<JsonObject> | undefined {
  return flow.steps.find(({ name }) => name === record.step);
}

export function indexOf(flow: Flow, step: string): number {
  return flow.steps.findIndex(({ name }) => name === step);
}

/** Whether a cancellation would still be obeyed. */
export function isCancellable(flow: Flow, { phase, step }: FlowRecord): boolean {
  if (phase !== "running") return phase === "waiting";
  return flow.steps.slice(indexOf(flow, step) + 1).some(({ cancellable }) => cancellable === true);
}

/** Percent that is done, or not taken back yet. */
export function percentOf(flow: Flow, { step }: FlowRecord): number {
  return Math.floor((100 * Math.max(0, indexOf(flow, step))) / flow.steps.length);
}

function undoFrom(flow: Flow, record: FlowRecord, from: number): Next {
  for (let at = from; at >= 0; at--) {
    const step = flow.steps[at];
    if (step?.undo !== undefined)
      return { goesOn: { ...record, phase: "undoing", step: step.name, attempt: 1, interruptions: 0 } };
  }
  const isWhole = record.error === null && record.notUndone.length === 0;
  return { end: isWhole ? "cancelled" : "fail", last: { ...record, phase: "undoing" } };
}

function withData(record: FlowRecord, patch: Partial<JsonObject>): FlowRecord {
  const data: Record<string, JsonObject[string]> = { ...record.data };
  for (const [field, value] of Object.entries(patch))
    if (value === undefined) delete data[field];
    else data[field] = value;
  return { ...record, data };
}

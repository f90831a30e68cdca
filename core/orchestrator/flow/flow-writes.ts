import { taskStateMachine } from "../../model/cloud/operations.ts";
import { CloudError, type CloudErrorContent, contentOf, type Refusal, refusalOf } from "../../model/cloud/refusal.ts";
import { nextState } from "../../model/cloud/state-machine.ts";
import { shown } from "../../model/quote.ts";
import type { RecordOf } from "../kinds.ts";
import type { Tx } from "../records.ts";
import { writeAuditEnd } from "../task-audit.ts";
import type { Flow, FlowFailure } from "./flow.ts";
import { type FlowRecord, wholeError } from "./flow-record.ts";
import { isCancellable, type Next, percentOf, stepOf } from "./progress.ts";

type Task = RecordOf<"Task">;

/** Writes what follows in a flow, into its record and its task; at the end with the flow's hook, unless that failed. */
export function writeNext(tx: Tx, flow: Flow, task: Task, next: Next, isWithHook = true): void {
  if ("goesOn" in next) {
    const { goesOn: record } = next;
    tx.put("Flow", task.uuid, { ...record, serial: record.serial + 1 });
    const title = stepOf(flow, record)?.title ?? record.step;
    tx.update("Task", task.uuid, {
      ...(task.state === "Waiting" ? { state: stateAfter(task, "start"), startDate: tx.now } : {}),
      step: record.phase === "undoing" ? `Taking back: ${title}` : title,
      progress: percentOf(flow, record),
      cancellable: isCancellable(flow, record),
    });
    return;
  }
  const { end, last } = next;
  const isSuccess = end === "succeed";
  const error = isSuccess ? null : wholeError(last, incomplete(task));
  writeEnd(tx, task, {
    state: stateAfter(task, end),
    error,
    ...(isSuccess ? { progress: 100, result: flow.result?.(last.data) ?? null } : {}),
  });
  if (!isWithHook) return;
  if (isSuccess) flow.succeeded?.(tx, last.data);
  else {
    const notUndone = last.notUndone.map(({ title }) => title);
    callFailed(tx, flow, last, error ?? cancelled(task), { isCancelled: end === "cancelled", notUndone });
  }
}

/** Cancels a task that has not begun, with its flow; has a running one taken back when it comes to it. */
export function writeCancellation(tx: Tx, flow: Flow | undefined, record: FlowRecord | undefined, task: Task): void {
  const state = stateAfter(task, "cancel");
  if (state === "Cancelled") {
    writeEnd(tx, task, { state });
    if (record !== undefined) flow?.failed?.(tx, record.data, cancelled(task), { isCancelled: true, notUndone: [] });
    return;
  }
  if (!task.cancellable) throw tooLate(task, record);
  tx.update("Task", task.uuid, { state });
}

/** Ends a flow that this version does not know. */
export function writeUnknown(tx: Tx, flow: Flow | undefined, record: FlowRecord, task: Task, isWithHook = true): void {
  const what = flow === undefined ? "flow" : `step ${shown(record.step)} in the flow`;
  const refusal = refusalOf("SYS.1026", {
    where: whereOf(task),
    details: `There is no ${what} ${shown(record.flow)}; what was done is not taken back.`,
    remedy: "Look at what it worked on; before an upgrade let all tasks end.",
  });
  writeGivenUp(tx, flow, record, task, refusal, { isWithHook });
}

/**
 * Ends a flow that can't be carried on; nothing of it is taken back. `record` undefined: it can't be read. `notUndone`:
 * titles of what is left of it, all of its steps unless told.
 */
export function writeGivenUp(
  tx: Tx,
  flow: Flow | undefined,
  record: FlowRecord | undefined,
  task: Task,
  refusal: Refusal,
  { isWithHook, notUndone }: { isWithHook: boolean; notUndone?: readonly string[] },
): void {
  if (task.endDate !== null) {
    tx.delete("Flow", task.uuid);
    return;
  }
  const error = contentOf(new CloudError(refusal));
  const state = stateAfter(task.state === "Waiting" ? { ...task, state: stateAfter(task, "start") } : task, "fail");
  writeEnd(tx, task, { state, error });
  if (flow === undefined || record === undefined || !isWithHook) return;
  const left = notUndone ?? flow.steps.map(({ title }) => title);
  callFailed(tx, flow, record, error, { isCancelled: false, notUndone: left });
}

/** The hook `failed` of a flow threw. */
export class HookError extends Error {}

function callFailed(tx: Tx, flow: Flow, last: FlowRecord, error: CloudErrorContent, how: FlowFailure): void {
  try {
    flow.failed?.(tx, last.data, error, how);
  } catch (cause) {
    throw new HookError("The flow could not write its failure.", { cause });
  }
}

type End = Pick<Task, "state"> & Partial<Pick<Task, "error" | "progress" | "result">>;

/** Every task ends here. */
function writeEnd(tx: Tx, task: Task, end: End): void {
  tx.update("Task", task.uuid, { ...end, step: null, cancellable: false, endDate: tx.now });
  tx.delete("Flow", task.uuid);
  writeAuditEnd(tx, task.uuid, end.state === "Succeeded" ? null : (end.error ?? cancelled(task)).code);
}

/** @throws CloudError SYS.1002 */
function stateAfter(task: Task, event: keyof typeof taskStateMachine.events): Task["state"] {
  const outcome = nextState(taskStateMachine, task.name, task.state, event);
  if (!outcome.done) throw new CloudError(outcome.refusal);
  return outcome.next;
}

function whereOf({ name }: Task): string {
  return `Task ${shown(name)}`;
}

function tooLate(task: Task, record: FlowRecord | undefined): CloudError {
  const isUndoing = record?.phase === "undoing";
  const details = isUndoing
    ? "It failed and is being taken back already."
    : "No step is left before which it could be taken back.";
  const remedy = "Wait until it has ended, and undo then what it did.";
  return new CloudError(refusalOf("SYS.1020", { where: whereOf(task), details, remedy }));
}

function cancelled(task: Task): CloudErrorContent {
  const details = "Somebody wanted it taken back, and all of it was.";
  return contentOf(
    new CloudError(refusalOf("SYS.1021", { where: whereOf(task), details, remedy: "Begin it anew if need be." })),
  );
}

function incomplete(task: Task): CloudErrorContent {
  const remedy = "Put right by hand what is left, as the details say.";
  return contentOf(new CloudError(refusalOf("SYS.1023", { where: whereOf(task), details: "", remedy })));
}

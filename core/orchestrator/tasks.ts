import type { Caller, StartTask } from "./calls/handler.ts";
import type { FlowTable } from "./flow/flow.ts";
import type { Flows } from "./flow/flows.ts";
import type { Kind, RecordOf } from "./kinds.ts";
import type { Mirror } from "./mirror.ts";

const endedStates: ReadonlySet<string> = new Set(["Succeeded", "Failed", "Cancelled"]);

/** Puts the tasks of calls into their transactions. `flows` is asked when it is needed: it begins after this is made. */
export function taskStarter(flows: () => Flows, table: () => FlowTable, newUuid: () => string): StartTask {
  return (tx, { flow: name, data, call, name: title, resourceUuid, uuid = newUuid() }, { caller }) => {
    const flow = table().get(name);
    if (flow === undefined) throw new Error(`There is no flow ${name}.`);
    const task = { uuid, name: title, description: null, call, resourceUuid, sessionUuid: caller.sessionUuid };
    return flows().start(tx, { flow, data, task });
  };
}

/** Whoever acts when nobody has asked: the manager. */
export const managerItself: Caller = { sessionUuid: null, userUuid: null, accountName: null, address: "manager" };

/**
 * Resolves with what `look` gives as soon as that is something, asked again after each change of one record.
 * @throws what `signal` ends with
 */
async function whenSeen<T>(
  mirror: Mirror,
  kind: Kind,
  key: string,
  look: () => T | undefined,
  signal: AbortSignal,
): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const again = () => {
    const seen = look();
    if (seen !== undefined) resolve(seen);
  };
  const unsubscribe = mirror.subscribe((changes) => {
    if (changes.some((change) => change.kind === kind && change.key === key)) again();
  });
  const aborted = () => reject(signal.reason);
  signal.addEventListener("abort", aborted, { once: true });
  try {
    signal.throwIfAborted();
    again();
    return await promise;
  } finally {
    unsubscribe();
    signal.removeEventListener("abort", aborted);
  }
}

/** The task when it has ended, well or not; null when it is gone. */
export function taskEnd(mirror: Mirror, uuid: string, signal: AbortSignal): Promise<RecordOf<"Task"> | null> {
  const look = () => {
    const task = mirror.get("Task", uuid)?.value;
    return task === undefined ? null : endedStates.has(task.state) ? task : undefined;
  };
  return whenSeen(mirror, "Task", uuid, look, signal);
}

/** Resolves when somebody wants a task taken back. @throws what `signal` ends with */
export async function taskCancelling(mirror: Mirror, uuid: string, signal: AbortSignal): Promise<void> {
  const look = () => mirror.get("Task", uuid)?.value.state === "Cancelling" || undefined;
  await whenSeen(mirror, "Task", uuid, look, signal);
}

/** Resolves when a host is not connected any more, or gone. @throws what `signal` ends with */
export async function hostLost(mirror: Mirror, uuid: string, signal: AbortSignal): Promise<void> {
  const look = () => mirror.get("Host", uuid)?.value.status !== "Connected" || undefined;
  await whenSeen(mirror, "Host", uuid, look, signal);
}

/** Resolves when no operation runs on a machine, or it is gone. */
export async function machineIdle(mirror: Mirror, uuid: string, signal: AbortSignal): Promise<void> {
  const look = () => (mirror.get("VmInstance", uuid)?.value.operation ?? null) === null || undefined;
  await whenSeen(mirror, "VmInstance", uuid, look, signal);
}

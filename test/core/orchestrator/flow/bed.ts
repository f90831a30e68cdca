import { join } from "node:path";
import type { TestContext } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { type Flow, FlowTable } from "../../../../core/orchestrator/flow/flow.ts";
import { Flows, type FlowsOptions } from "../../../../core/orchestrator/flow/flows.ts";
import type { RecordOf } from "../../../../core/orchestrator/kinds.ts";
import { Mirror } from "../../../../core/orchestrator/mirror.ts";
import { Records } from "../../../../core/orchestrator/records.ts";
import type { JsonObject } from "../../../../core/store/record.ts";
import { SqliteStore } from "../../../../core/store/sqlite.ts";
import type { Store } from "../../../../core/store/store.ts";
import { temporaryFolder } from "../../../support/programs.ts";
import { undoAfter } from "../../../support/undo.ts";

/** A manager as the daemon puts it together. */
export type Manager = {
  store: Store;
  mirror: Mirror;
  records: Records;
  flows: Flows;
  unexpected: unknown[];
};

export async function openManager(
  store: Store,
  flows: readonly Flow[],
  more: Partial<FlowsOptions> = {},
): Promise<Manager> {
  const mirror = await Mirror.open(store);
  const records = new Records({ store, mirror, now: Date.now });
  const unexpected: unknown[] = [];
  return {
    store,
    mirror,
    records,
    unexpected,
    flows: await Flows.open({
      store,
      records,
      flows: new FlowTable(flows),
      hostname: "test",
      onUnexpected: (error) => unexpected.push(error),
      pause: async (_ms, signal) => {
        await turn();
        signal.throwIfAborted();
      },
      random: () => 0.5,
      ...more,
    }),
  };
}

export function uuidOf(n: number): string {
  return `00000000000040008000${n.toString(16).padStart(12, "0")}`;
}

export function taskFields(n: number, sessionUuid: string | null = null) {
  return {
    uuid: uuidOf(n),
    name: `task ${n}`,
    description: null,
    call: "TestCall",
    resourceUuid: null,
    sessionUuid,
  };
}

/** Resolves when the mirror shows what is looked for. */
export async function until(mirror: Mirror, isSo: () => boolean): Promise<void> {
  if (isSo()) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = mirror.subscribe(() => {
    if (isSo()) resolve();
  });
  await Promise.race([promise, mirror.ended.then(() => Promise.reject(new Error("The mirror has ended.")))]);
  end();
}

export function taskOf(mirror: Mirror, n: number): RecordOf<"Task"> {
  const task = mirror.get("Task", uuidOf(n));
  if (task === undefined) throw new Error(`There is no task ${n}.`);
  return task.value;
}

export async function ended(mirror: Mirror, n: number): Promise<RecordOf<"Task">> {
  await until(mirror, () => mirror.get("Task", uuidOf(n))?.value.endDate != null);
  return taskOf(mirror, n);
}

export async function newStore(t: TestContext): Promise<SqliteStore> {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const store = await SqliteStore.open({ file: join(folder.path, "store.db"), indexes: {} });
  undoAfter(t, () => store.close());
  return store;
}

export async function manager(t: TestContext, store: SqliteStore, ...rest: DropFirst<Parameters<typeof openManager>>) {
  const opened = await openManager(store, ...rest);
  undoAfter(t, () => close(opened));
  return opened;
}
type DropFirst<T extends readonly unknown[]> = T extends readonly [unknown, ...infer Rest] ? Rest : never;

export async function close({ flows, mirror }: Manager): Promise<void> {
  await flows.close();
  await mirror.close();
}

export const untilStopped = (signal: AbortSignal) =>
  new Promise<undefined>((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason));
  });

export const begin = ({ records, flows }: Manager, flow: Flow, n: number, data: JsonObject = {}, session?: string) =>
  records.change((tx) => flows.start(tx, { flow, data, task: taskFields(n, session ?? null) }));

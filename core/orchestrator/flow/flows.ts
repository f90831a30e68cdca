import type { JsonObject } from "../../store/record.ts";
import type { Store } from "../../store/store.ts";
import type { RecordOf } from "../kinds.ts";
import type { MirrorChange } from "../mirror.ts";
import type { Records, Tx } from "../records.ts";
import { FairQueue } from "./fair-queue.ts";
import type { Flow, FlowTable } from "./flow.ts";
import { newFlow, readFlow, readFlowIfGood, takenOver } from "./flow-record.ts";
import { type FlowLimits, FlowRunner, type RunnerOptions } from "./flow-runner.ts";
import { writeCancellation } from "./flow-writes.ts";
import { ManagerPlace } from "./manager-place.ts";
import { undoPauseMs } from "./progress.ts";

export type FlowsOptions = {
  store: Store;
  records: Records;
  flows: FlowTable;
  /** Of this manager, for people. */
  hostname: string;
  onUnexpected: RunnerOptions["onUnexpected"];
  /** How many flows run at once; asked for each time one could begin. 100 unless told. */
  atOnce?: () => number;
  /** Milliseconds after which another manager takes over; 10 s unless told. */
  leaseMs?: number;
  /** Whether no other process can have the store open (SQLite): flows of a former start are gone on with at once. */
  isAlone?: boolean;
  limits?: Partial<FlowLimits>;
  /** Waits so many milliseconds; rejects when the signal says so. */
  pause: (ms: number, signal: AbortSignal) => Promise<void>;
  /** From 0 to 1. */
  random: () => number;
};

/** A flow to be carried out. `uuid`: of the task, and of the flow. */
export type NewFlow<Data extends JsonObject> = {
  flow: Flow<Data>;
  data: Data;
  task: Pick<RecordOf<"Task">, "uuid" | "name" | "description" | "call" | "resourceUuid" | "sessionUuid">;
};

const standardLimits: FlowLimits = {
  undoAttempts: 8,
  interruptions: 10,
  stepTimeoutMs: 60 * 60_000,
  stepGraceMs: 30_000,
};
/** Attempts to write what follows in a flow, and the pause after which one that could not be ended is tried again. */
const [bookkeepingAttempts, longPauseMs] = [5, 60_000];
/** Flows that one transaction takes over, and characters of them: the store takes 1 MiB in a transaction. */
const [takenAtOnce, takenCharacters] = [100, 128 * 1024];

/** The tasks of the cloud: begins those that are made here, and goes on with those of managers that are gone. */
export class Flows {
  readonly #options: FlowsOptions;
  readonly #place: ManagerPlace;
  readonly #runner: FlowRunner;
  readonly #queue = new FairQueue<string>();
  /** Flows of this manager that wait, run or pause. */
  readonly #known = new Set<string>();
  readonly #running = new Map<string, Promise<void>>();
  /** How often what follows in a flow could not be written. */
  readonly #troubles = new Map<string, number>();
  readonly #ending = new AbortController();
  readonly #unsubscribe: () => void;
  #takingOver: Promise<void> = Promise.resolve();

  private constructor(options: FlowsOptions, place: ManagerPlace) {
    const { records, flows, onUnexpected, random } = options;
    const { mirror } = records;
    this.#options = options;
    this.#place = place;
    const limits = { ...standardLimits, ...options.limits };
    this.#runner = new FlowRunner({ place, mirror, flows, limits, random, onUnexpected });
    place.lost.addEventListener("abort", () => this.#ending.abort(place.lost.reason), { once: true });
    this.#unsubscribe = mirror.subscribe((changes) => this.#notice(changes));
    this.#takeOver();
  }

  /** Takes this manager's place, and goes on with the flows that have no living manager. @throws STORE.… */
  static async open(options: FlowsOptions): Promise<Flows> {
    const { store, records, hostname, pause, leaseMs = 10_000, isAlone = false } = options;
    return new Flows(options, await ManagerPlace.take({ store, records, hostname, leaseMs, isAlone, pause }));
  }

  /** Of this manager's record; another one with each start. */
  get managerUuid(): string {
    return this.#place.uuid;
  }

  /**
   * Aborted, with the reason SYS.1027, when this manager has lost its place: its steps have been told to stop, it
   * writes nothing more, and must end. So it is, too, when it was closed.
   */
  get lost(): AbortSignal {
    return this.#place.lost;
  }

  /**
   * Makes a task with its flow in the caller's transaction; it begins when that is committed and its turn comes.
   *
   * @throws SYS.1027 when this manager has lost its place; SYS.1001 when a field of the task is wrong
   */
  start<Data extends JsonObject>(tx: Tx, { flow, data, task }: NewFlow<Data>): RecordOf<"Task"> {
    this.#place.expect(tx);
    const [first] = flow.steps;
    if (first === undefined || this.#options.flows.get(flow.name) === undefined)
      throw new Error(`The flow ${flow.name} is not in the table.`);
    const { sessionUuid } = task;
    const managerUuid = this.#place.uuid;
    const record = newFlow({ flow: flow.name, step: first.name, data, managerUuid, sessionUuid, createDate: tx.now });
    tx.put("Flow", task.uuid, record, true);
    return tx.insert("Task", {
      ...task,
      state: "Waiting",
      progress: 0,
      step: null,
      cancellable: true,
      startDate: null,
      endDate: null,
      result: null,
      error: null,
    });
  }

  /**
   * Has a task taken back: at once when it waits, otherwise before the next step at which that is allowed.
   *
   * @throws SYS.1002 when it has ended or is being cancelled; SYS.1020 when no such step is left; SYS.1005; SYS.1027
   */
  cancel(tx: Tx, taskUuid: string): void {
    this.#place.expect(tx);
    const task = tx.need("Task", taskUuid);
    const record = readFlow(tx.get("Flow", taskUuid));
    writeCancellation(tx, record === undefined ? undefined : this.#options.flows.get(record.flow), record, task);
  }

  /**
   * Stops all steps, leaves their flows to other managers or the next start, and gives the place up. A step that does
   * not end within `graceMs` keeps the place until the store is closed, so that nobody begins it a second time.
   */
  async close(graceMs = 10_000): Promise<void> {
    this.#unsubscribe();
    this.#ending.abort();
    this.#runner.stop(new Error("The manager ends."));
    const running = Promise.all([...this.#running.values(), this.#takingOver]).then(() => true);
    const { promise: late, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => resolve(false), graceMs);
    const hasEnded = await Promise.race([running, late]);
    clearTimeout(timer);
    if (hasEnded) await this.#place.leave();
  }

  #notice(changes: readonly MirrorChange[]): void {
    let isOrphaned = false;
    const mine: string[] = [];
    for (const { kind, key, after } of changes) {
      if (kind === "ManagementNode" && after === undefined) isOrphaned = true;
      if (kind !== "Flow" || after === undefined) continue;
      const { managerUuid } = after.value as JsonObject;
      if (managerUuid === this.#place.uuid) mine.push(key);
    }
    this.#enqueue(mine);
    if (isOrphaned) this.#takeOver();
  }

  #enqueue(tasks: readonly string[]): void {
    const { mirror } = this.#options.records;
    const fresh = tasks
      .filter((task) => !this.#known.has(task))
      .flatMap((task) => {
        const value = mirror.get("Flow", task)?.value;
        return value === undefined ? [] : [{ task, record: readFlowIfGood(value) }];
      })
      .sort((a, b) => (a.record?.createDate ?? 0) - (b.record?.createDate ?? 0));
    for (const { task, record } of fresh) {
      this.#known.add(task);
      if (record?.phase === "waiting") this.#queue.add(record.sessionUuid ?? "", task);
      else this.#queue.addBegun(task);
    }
    this.#fill();
  }

  #fill(): void {
    const atOnce = this.#options.atOnce?.() ?? 100;
    while (!this.#ending.signal.aborted && this.#running.size < atOnce) {
      const task = this.#queue.next();
      if (task === undefined) return;
      this.#running.set(task, this.#carryOut(task));
    }
  }

  /** Never rejects. A flow that pauses leaves its room to another one. */
  async #carryOut(task: string): Promise<void> {
    // Not within the call that found it.
    await Promise.resolve();
    let pauseMs: number | undefined;
    try {
      pauseMs = await this.#runner.carryOut(task);
      this.#troubles.delete(task);
    } catch (error) {
      pauseMs = await this.#afterTrouble(task, error);
    }
    this.#running.delete(task);
    if (pauseMs === undefined) this.#known.delete(task);
    else void this.#goOnIn(pauseMs, task);
    this.#fill();
  }

  /** What follows in a flow could not be written: it is tried again, and given up at last. Gives the pause before. */
  async #afterTrouble(task: string, error: unknown): Promise<number | undefined> {
    const { onUnexpected, random } = this.#options;
    if (this.#place.lost.aborted) return;
    onUnexpected(error, { task, step: "" });
    const attempts = (this.#troubles.get(task) ?? 0) + 1;
    this.#troubles.set(task, attempts);
    if (attempts < bookkeepingAttempts) return undoPauseMs(attempts + 1, random());
    try {
      await this.#runner.giveUp(task, error);
      this.#troubles.delete(task);
      return;
    } catch (reason) {
      if (this.#place.lost.aborted) return;
      onUnexpected(reason, { task, step: "" });
      return longPauseMs;
    }
  }

  async #goOnIn(ms: number, task: string): Promise<void> {
    try {
      await this.#options.pause(ms, this.#ending.signal);
    } catch {
      return;
    }
    this.#queue.addBegun(task);
    this.#fill();
  }

  /** One at a time: what has become an orphan meanwhile is found by the next one. */
  #takeOver(): void {
    this.#takingOver = this.#takingOver.then(() => this.#takeOverAll());
  }

  async #takeOverAll(): Promise<void> {
    try {
      await this.#endUnreadable();
      for (;;) {
        const orphans = this.#orphans();
        if (orphans.length === 0 || this.#ending.signal.aborted) return;
        await this.#place.change((tx) => this.#adopt(tx, orphans));
      }
    } catch (error) {
      if (!this.#place.lost.aborted) this.#options.onUnexpected(error, { task: "", step: "" });
    }
  }

  #orphans(): string[] {
    const { mirror } = this.#options.records;
    const orphans: string[] = [];
    let characters = 0;
    for (const [task, { value }] of mirror.entries("Flow")) {
      if (orphans.length === takenAtOnce || characters > takenCharacters) break;
      const record = readFlowIfGood(value);
      if (record === undefined || mirror.get("ManagementNode", record.managerUuid) !== undefined) continue;
      orphans.push(task);
      characters += JSON.stringify(value).length;
    }
    return orphans;
  }

  /** Orphans that nobody can go on with: they hold up no other. */
  async #endUnreadable(): Promise<void> {
    const { records, onUnexpected } = this.#options;
    const { mirror } = records;
    const isOrphan = ({ managerUuid }: JsonObject) =>
      typeof managerUuid !== "string" || mirror.get("ManagementNode", managerUuid) === undefined;
    for (const [task, { value }] of [...mirror.entries("Flow")])
      if (isOrphan(value) && readFlowIfGood(value) === undefined)
        await this.#runner.giveUp(task, undefined).catch((error: unknown) => {
          if (this.#place.lost.aborted) throw error;
          onUnexpected(error, { task, step: "" });
        });
  }

  #adopt(tx: Tx, orphans: readonly string[]): void {
    for (const task of orphans) {
      const record = readFlow(tx.get("Flow", task));
      if (record === undefined || tx.get("ManagementNode", record.managerUuid) !== undefined) continue;
      tx.put("Flow", task, takenOver(record, this.#place.uuid));
    }
  }
}

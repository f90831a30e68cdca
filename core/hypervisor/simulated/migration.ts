import { createInterface } from "node:readline";
import type { Duplex } from "node:stream";
import * as z from "zod/mini";
import { NodeError } from "../../model/error.ts";
import { jsonOrNothing } from "../../model/json.ts";
import type { HostCommand, MachineReport, MachineSpec } from "../driver.ts";
import { type Announced, ExpectedMachines } from "../migration/expected.ts";
import { migrationCancelled, migrationFailed, noWay, runsHere } from "../migration/refusals.ts";
import type { Dial, MigrationVisit, Visitor } from "../migration/way.ts";
import { calledOff, notRunning } from "../refusals.ts";
import { arrived, makeComing } from "./coming.ts";
import type { Holds } from "./holds.ts";
import { type SimulatedMachine, type SimulatedState, simulatedVolume, startedMachine } from "./state.ts";

/*
 * How simulated machines move: as libvirt's do, in the steps between which anything may end. The source stands still and
 * lets its volumes go before it says "go"; the destination takes the volumes before it runs, and only then says "runs".
 * Whoever does not hear what it waits for leaves its copy as it is, for the manager to decide.
 */

export type SimulatedMigrationOptions = {
  state: SimulatedState;
  holds: Holds;
  bootId: () => string;
  runs: (machine: SimulatedMachine | undefined) => machine is SimulatedMachine;
  /** Waits as long as commands take. @throws HYPERVISOR.ABORTED */
  pause: (delayMs: number, signal: AbortSignal | undefined) => Promise<void>;
  checkDisks: (spec: MachineSpec) => void;
  /** @throws HYPERVISOR.IMAGE_ABSENT */
  needImage: (path: string) => void;
  after: (delayMs: number, action: () => void) => () => void;
  dial: Dial | undefined;
};

type MigrationCommand = Extract<
  HostCommand,
  { do: "expectMachine" | "unexpectMachine" | "migrateMachine" | "cancelMigration" | "dropMachine" }
>;
type Move = { cancel: AbortController; ended: Promise<void>; percent: number };

const parts = 10;
const line = z.discriminatedUnion("say", [
  /** `volumes`: of storage that simulated hosts of several processes share in name alone. */
  z.strictObject({ say: z.literal("hold"), volumes: z.array(simulatedVolume) }),
  z.strictObject({ say: z.enum(["holds", "go", "runs"]) }),
]);
type Line = z.infer<typeof line>;

export class SimulatedMigrations {
  readonly #options: SimulatedMigrationOptions;
  readonly #expected: ExpectedMachines;
  readonly #specs = new Map<string, MachineSpec>();
  /** Copies that have come over and do not run yet. */
  readonly #incoming = new Set<string>();
  readonly #moves = new Map<string, Move>();

  constructor(options: SimulatedMigrationOptions) {
    this.#options = options;
    this.#expected = new ExpectedMachines(options.after);
  }

  /** @param takeMs how long it takes */
  async carryOut(command: MigrationCommand, takeMs: number, failing: () => void, signal: AbortSignal): Promise<void> {
    const { state, holds, pause } = this.#options;
    if (command.do === "migrateMachine") return await this.#migrate(command, takeMs, failing, signal);
    await pause(takeMs, signal);
    failing();
    if (command.do === "expectMachine") return await this.#expect(command);
    const { uuid } = command;
    if (command.do === "unexpectMachine") return this.#expected.end(uuid);
    if (command.do === "cancelMigration") {
      const move = this.#moves.get(uuid);
      move?.cancel.abort();
      return await move?.ended;
    }
    const machine = state.machines.get(uuid);
    if (machine === undefined) return;
    if (this.#options.runs(machine) && machine.isPaused !== true) throw runsHere(uuid);
    await state.removeMachine(uuid);
    holds.release(uuid);
  }

  /** Of machines here, and of copies that have come and do not run. */
  marked(machines: readonly MachineReport[]): MachineReport[] {
    const own = machines.map((each): MachineReport => {
      const move = this.#moves.get(each.uuid);
      return move === undefined ? each : { ...each, migration: { way: "out", percent: move.percent } };
    });
    const known = new Set(own.map(({ uuid }) => uuid));
    const coming = [...this.#incoming].filter((uuid) => !known.has(uuid));
    return [...own, ...coming.map((uuid): MachineReport => ({ uuid, state: "paused", migration: { way: "in" } }))];
  }

  async admit(visit: MigrationVisit): Promise<Visitor> {
    this.#expected.use(visit);
    const { machineUuid: uuid, channel } = visit;
    if (channel === "go") {
      const { state, runs } = this.#options;
      const machine = state.machines.get(uuid);
      if (!runs(machine)) throw notRunning(uuid);
      await state.putMachine({ ...machine, isPaused: false });
      return (stream) => void stream.end();
    }
    return (stream) => {
      this.#expected.keep(uuid, stream);
      void this.#take(uuid, stream).catch(() => stream.destroy());
    };
  }

  /** The host is switched off. */
  lostPower(): void {
    this.#expected.endAll();
    for (const { cancel } of this.#moves.values()) cancel.abort();
  }

  async #expect({
    machine: spec,
    copies = [],
    ...given
  }: Extract<MigrationCommand, { do: "expectMachine" }>): Promise<void> {
    const { state, holds, runs, checkDisks, needImage } = this.#options;
    const { uuid } = spec;
    const known = state.machines.get(uuid);
    if (runs(known)) throw runsHere(uuid);
    this.#expected.end(uuid);
    await makeComing(state, spec, copies, needImage);
    checkDisks(spec);
    holds.takeMemory(spec);
    try {
      if (known !== undefined) await state.removeMachine(uuid);
    } catch (error) {
      holds.release(uuid);
      throw error;
    }
    this.#specs.set(uuid, spec);
    const announced: Announced = { uuid, disks: copies.length, ...given };
    this.#expected.announce(announced, () => {
      this.#specs.delete(uuid);
      this.#incoming.delete(uuid);
      if (!runs(state.machines.get(uuid))) holds.release(uuid);
    });
  }

  /** The destination's part. */
  async #take(uuid: string, stream: Duplex): Promise<void> {
    const { state, holds, bootId } = this.#options;
    const words = wordsOf(stream);
    const spec = this.#specs.get(uuid);
    const hold = await words.next();
    if (spec === undefined || hold?.say !== "hold") throw new Error("Nothing comes.");
    this.#incoming.add(uuid);
    say(stream, { say: "holds" });
    try {
      // Expected no more while it came: it must not begin to run.
      if ((await words.next())?.say !== "go" || !this.#incoming.has(uuid)) return;
      const runsIn = bootId();
      for (const volume of hold.volumes) if (!state.volumes.has(volume.path)) await state.putVolume(volume);
      holds.takeVolumes(spec);
      const isWithDisks = await arrived(state, spec);
      await state.putMachine({ ...startedMachine(spec, runsIn), isPaused: isWithDisks });
      say(stream, { say: "runs" });
      stream.end();
    } finally {
      this.#incoming.delete(uuid);
      if (!stream.writableEnded) stream.destroy();
    }
  }

  async #migrate(
    { uuid, destination, token, copies = [] }: Extract<MigrationCommand, { do: "migrateMachine" }>,
    takeMs: number,
    failing: () => void,
    signal: AbortSignal,
  ): Promise<void> {
    const { state, runs, pause, dial } = this.#options;
    const machine = state.machines.get(uuid);
    if (!runs(machine) || machine.isPaused === true) throw notRunning(uuid);
    if (dial === undefined) throw noWay();
    const cancel = new AbortController();
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    const move: Move = { cancel, ended, percent: 0 };
    const stopping = AbortSignal.any([signal, cancel.signal]);
    this.#moves.set(uuid, move);
    let stream: Duplex | undefined;
    try {
      const ask = { machineUuid: uuid, token, channel: "control" } as const;
      stream = await dial(destination, ask, stopping);
      const other = stream;
      stopping.addEventListener("abort", () => other.destroy(), { once: true });
      for (let part = 1; part <= parts; part++) {
        await pause(takeMs / parts, stopping);
        move.percent = Math.min(99, (100 * part) / parts);
      }
      failing();
      await this.#handOver(uuid, other, new Set(copies.map(({ from }) => from)));
      // What is lost of this word is left to the manager.
      const word = copies.length > 0 ? dial(destination, { ...ask, channel: "go" }, signal) : undefined;
      (await word?.catch(() => undefined))?.destroy();
    } catch (error) {
      if (signal.aborted) throw calledOff();
      if (cancel.signal.aborted) throw migrationCancelled(uuid);
      if (error instanceof NodeError) throw error;
      throw migrationFailed(uuid, "the connection to the other host broke off", error);
    } finally {
      stream?.destroy();
      this.#moves.delete(uuid);
      end();
    }
  }

  /** @param copied paths of those that the other host has made for it: here they stay */
  async #handOver(uuid: string, stream: Duplex, copied: ReadonlySet<string>): Promise<void> {
    const { state, holds, runs } = this.#options;
    const words = wordsOf(stream);
    const paths = (state.machines.get(uuid)?.paths ?? []).filter((path) => !copied.has(path));
    const volumes = paths.flatMap((path) => state.volumes.get(path) ?? []);
    say(stream, { say: "hold", volumes });
    if ((await words.next())?.say !== "holds") throw migrationFailed(uuid, "the other host does not take it");
    const machine = state.machines.get(uuid);
    if (!runs(machine) || machine.isPaused === true) throw notRunning(uuid);
    await state.putMachine({ ...machine, isPaused: true });
    holds.releaseVolumes(uuid);
    const broken = async (why: string) => {
      // As libvirt does: no lock tells it whether the other host has it.
      if (copied.size > 0 && runs(machine)) await this.#goOn(machine);
      return migrationFailed(uuid, why);
    };
    if (!stream.writable) throw await broken("the connection to the other host broke off");
    say(stream, { say: "go" });
    if ((await words.next())?.say !== "runs") throw await broken("the other host has not said that it runs");
    await state.removeMachine(uuid);
    holds.release(uuid);
    for (const { path } of volumes) await state.removeVolume(path);
  }

  async #goOn(machine: SimulatedMachine): Promise<void> {
    const { state, holds, runs } = this.#options;
    if (!runs(state.machines.get(machine.uuid))) return;
    await state.putMachine({ ...machine, isPaused: false });
    holds.keep(machine);
  }
}

function say(stream: Duplex, what: Line): void {
  stream.write(`${JSON.stringify(what)}\n`);
}

/** What the other end says; undefined when it says no more. */
function wordsOf(stream: Duplex): { next(): Promise<Line | undefined> } {
  const reader = createInterface({ input: stream });
  const lines = reader[Symbol.asyncIterator]();
  stream.on("error", () => undefined);
  // One that breaks off has no end that the reader would hear of.
  stream.once("close", () => reader.close());
  if (stream.destroyed) reader.close();
  return {
    async next() {
      const said = await lines.next();
      return said.done === true ? undefined : line.safeParse(jsonOrNothing(said.value)).data;
    },
  };
}

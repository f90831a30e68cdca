import { createHash } from "node:crypto";
import { join } from "node:path";
import type {
  HostCommand,
  HypervisorDriver,
  MachineReport,
  StoragePlace,
  StorageRoom,
} from "../../hypervisor/driver.ts";
import { type ByteRange, takesLong, type VolumePiece } from "../../hypervisor/export-commands.ts";
import { noPiece, noShared } from "../../hypervisor/none.ts";
import type { LockProbe, LockState } from "../../hypervisor/shared-storage.ts";
import type { VolumeFigures, VolumePlace } from "../../hypervisor/volume-commands.ts";
import type { Damage } from "../document.ts";
import { whyNotWritten } from "../durable.ts";
import { CommandJournal, errorOf, failureOf, type Outcome } from "./command-journal.ts";
import { withinTime } from "./in-time.ts";
import { Lanes, type Ticket } from "./lanes.ts";
import { ending, endless, machineBusy, notNoted, otherCommand, outOfTime, replaced, tooMany } from "./refusals.ts";

export type CommandRequest = { id: string; flow: string; epoch: number; command: HostCommand; timeoutMs: number };

export type HostCommandsOptions = {
  /** For the journal of the commands; without one it is in memory, as for a host of a simulation. */
  folder?: string;
  driver: HypervisorDriver;
  /** The wall clock, for the age of what is remembered. */
  now: () => number;
  /** Calls `action` after so long; gives what calls it off. The process's timers unless told. */
  after?: (delayMs: number, action: () => void) => () => void;
  /** `host.syncLevel`: 10 unless told. */
  atOnce?: number;
  /** Commands that may wait for their turn: 1000 unless told. */
  mostWaiting?: number;
  /** How long a command that was called off may take to undo what it began: 5 s unless told. */
  undoMs?: number;
  /** How long what came of a command is remembered: a day unless told. */
  keptMs?: number;
  /** And of how many commands: 10,000 unless told. */
  mostKept?: number;
  onDamage?: (damage: Damage) => void;
  /** What nobody is told otherwise, for the log. */
  onTrouble?: (what: string, error: unknown) => void;
};

type Running = {
  readonly request: CommandRequest;
  readonly digest: string;
  /** Of its flow; later than the request's when it was asked for again by a later attempt. */
  epoch: number;
  readonly ticket: Ticket;
  /** Calls it off, with the error that it ends with then. `isNoted`: this is what came of it, for good. */
  readonly callOff: (why: (cause: unknown) => Error, isNoted?: boolean) => void;
  /** Never rejects. */
  readonly outcome: Promise<Outcome>;
};

type CalledOff = { why: (cause: unknown) => Error; isNoted: boolean };

const machinesMs = 10_000;
/** A server of a network storage that does not answer is waited for. */
const storageMs = 25_000;

/**
 * Carries out what the manager asks this host for, once for each id: a repetition waits for the first, or gets what
 * came of it, be it an error. Commands that have a machine or a volume in common run one after the other as they came.
 *
 * A command is noted before it begins and before it is answered. One that the agent was ended in the middle of has no
 * outcome: asked for again, it is carried out again, which a driver allows (`core/hypervisor/driver.ts`); nobody else
 * takes it up, for only the manager knows whether it is still wanted. The same holds for one whose outcome could not
 * be written.
 */
export class HostCommands {
  readonly #options: HostCommandsOptions;
  readonly #journal: CommandJournal;
  readonly #lanes: Lanes;
  /** Copies of volumes, which take hours: few at once, for one disk has to bear them. */
  readonly #copies = new Lanes(2);
  readonly #running = new Map<string, Running>();
  #isClosed = false;

  private constructor(options: HostCommandsOptions, journal: CommandJournal) {
    this.#options = options;
    this.#journal = journal;
    this.#lanes = new Lanes(options.atOnce ?? 10);
  }

  /** @throws the system's error when the journal can't be read */
  static async open(options: HostCommandsOptions): Promise<HostCommands> {
    const { folder, now, onDamage } = options;
    const journal = await CommandJournal.open({
      file: folder === undefined ? undefined : join(folder, "commands.jsonl"),
      now,
      keptMs: options.keptMs ?? 86_400_000,
      most: options.mostKept ?? 10_000,
      onDamage,
    });
    return new HostCommands(options, journal);
  }

  /**
   * Resolves when the command is carried out. `timeoutMs` counts from now, the wait for its turn included, and then
   * some time to undo what was begun. A later `epoch` of a flow ends the commands of earlier ones, but for the one
   * with the same id: that is the same command.
   * @throws HOST.1020 to HOST.1025, or the driver's own error
   */
  async carryOut(request: CommandRequest): Promise<void> {
    if (this.#isClosed) throw ending();
    const { id, flow, epoch } = request;
    const latest = this.#journal.latestOf(flow);
    if (epoch < latest) throw replaced(request, latest);
    const digest = digestOf(request);
    const running = this.#running.get(id);
    const known = running ?? this.#journal.get(id);
    if (known !== undefined && known.digest !== digest) throw otherCommand(request);
    if (epoch > latest) this.#replaceEarlier(request);
    const outcome = this.#journal.get(id)?.outcome;
    if (epoch > latest && (running !== undefined || outcome !== undefined)) await this.#noteLatest(flow);
    if (running !== undefined) return await this.#answer(running, request);
    if (outcome !== undefined) return settle(outcome);
    const mostWaiting = this.#options.mostWaiting ?? 1000;
    if (this.#lanes.waiting >= mostWaiting) throw tooMany(mostWaiting);
    return await this.#answer(this.#begin(request, digest), request);
  }

  /** @throws NodeError HYPERVISOR.HANGS when it takes too long, or the driver's own error */
  storage(place: StoragePlace): Promise<StorageRoom> {
    const { driver, after = afterTime } = this.#options;
    return withinTime(after, storageMs, "a storage", (signal) => driver.storage(place, signal));
  }

  /** @throws as {@link storage} */
  storageLock(probe: LockProbe): Promise<LockState> {
    const { driver, after = afterTime } = this.#options;
    const { shared = noShared } = driver;
    return withinTime(after, storageMs, "a lock", (signal) => shared.lock(probe, signal));
  }

  /** @throws as {@link storage} */
  keepStorages(uuids: readonly string[]): Promise<void> {
    const { driver, after = afterTime } = this.#options;
    const { shared = noShared } = driver;
    return withinTime(after, storageMs, "its storages", (signal) => shared.keepOnly(uuids, signal));
  }

  /** @throws as {@link storage} */
  volume(place: VolumePlace): Promise<VolumeFigures> {
    const { driver, after = afterTime } = this.#options;
    return withinTime(after, machinesMs, "a volume", (signal) => driver.volume(place, signal));
  }

  /** @throws as {@link storage}; HYPERVISOR.NONE from a driver that gives none */
  volumePiece(path: string, range: ByteRange): Promise<VolumePiece> {
    const { driver, after = afterTime } = this.#options;
    const { volumePiece = noPiece } = driver;
    return withinTime(after, storageMs, "a piece of a volume", (signal) => volumePiece(path, range, signal));
  }

  /** @throws as {@link storage} */
  machines(): Promise<MachineReport[]> {
    const { driver, after = afterTime } = this.#options;
    return withinTime(after, machinesMs, "its machines", (signal) => driver.machines(signal));
  }

  /**
   * Does something else with a machine while no command has it in hand; commands that come meanwhile wait.
   * @throws MACHINE.BUSY when one has it, or waits for it; whatever `work` throws
   */
  async holding(uuid: string, work: () => Promise<void>): Promise<void> {
    if (this.#isClosed || this.#lanes.isTaken(uuid)) throw machineBusy();
    const ticket = this.#lanes.enter([uuid]);
    try {
      await ticket.turn;
      await work();
    } finally {
      ticket.leave();
    }
  }

  /** Takes no more commands; those that wait are not begun. Resolves when the others have ended, or after `graceMs`. */
  async close(graceMs = 5000): Promise<void> {
    this.#isClosed = true;
    const all = [...this.#running.values()];
    // Without a note: asked for again at the next start, they are carried out.
    const begun = new Set<Running>();
    for (const one of all) void one.ticket.turn.then(() => begun.add(one));
    await Promise.resolve();
    for (const one of all) if (!begun.has(one)) one.callOff(ending, false);
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = (this.#options.after ?? afterTime)(graceMs, resolve);
    await Promise.race([Promise.all(all.map(({ outcome }) => outcome)), promise]);
    cancel();
  }

  #replaceEarlier({ id, flow, epoch }: CommandRequest): void {
    this.#journal.raise(flow, epoch);
    for (const one of this.#running.values()) {
      if (one.request.flow !== flow) continue;
      if (one.request.id === id) one.epoch = epoch;
      else one.callOff((cause) => replaced({ ...one.request, epoch: one.epoch }, epoch, cause));
    }
  }

  async #noteLatest(flow: string): Promise<void> {
    await this.#journal.noteLatest(flow).catch((error: unknown) => {
      this.#trouble("the attempt of a flow could not be noted", error);
    });
  }

  #begin(request: CommandRequest, digest: string): Running {
    const calledOff = new AbortController();
    const off = Promise.withResolvers<CalledOff>();
    const ticket = this.#lanes.enter(subjectsOf(request.command));
    const after = this.#options.after ?? afterTime;
    let cancelRoom = () => {};
    const callOff: Running["callOff"] = (why, isNoted = true) => {
      if (calledOff.signal.aborted) return;
      off.resolve({ why, isNoted });
      calledOff.abort();
      // One that does not end keeps its machine and volumes, but must not keep all others from running.
      cancelRoom = after(this.#undoMs, () => ticket.makeRoom());
    };
    const cancelLimit = after(request.timeoutMs, () =>
      callOff((cause) => outOfTime(request, request.timeoutMs, cause)),
    );
    const outcome = this.#run(request, digest, ticket, off.promise, calledOff.signal).finally(() => {
      cancelLimit();
      cancelRoom();
      this.#running.delete(request.id);
    });
    const running: Running = { request, digest, epoch: request.epoch, ticket, callOff, outcome };
    this.#running.set(request.id, running);
    return running;
  }

  async #run(
    request: CommandRequest,
    digest: string,
    ticket: Ticket,
    off: Promise<CalledOff>,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const { id, flow, epoch, command } = request;
    try {
      await this.#journal.accept({ id, flow, epoch, digest });
    } catch (error) {
      ticket.leave();
      return failureOf(notNoted(request, whyNotWritten(error), error));
    }
    let outcome: Outcome = null;
    let isNoted = true;
    let copying: Ticket | undefined;
    try {
      await Promise.race([ticket.turn, off]);
      signal.throwIfAborted();
      // One that takes hours keeps nobody else from running.
      if (command.do === "migrateMachine" || takesLong(command)) ticket.makeRoom();
      if (takesLong(command)) {
        copying = this.#copies.enter([]);
        await Promise.race([copying.turn, off]);
        signal.throwIfAborted();
      }
      await this.#options.driver.carryOut(command, signal);
    } catch (error) {
      const calledOff = signal.aborted ? await off : undefined;
      isNoted = calledOff?.isNoted ?? true;
      outcome = failureOf(calledOff?.why(error) ?? error);
      if (outcome.code === "HYPERVISOR.UNEXPECTED") this.#trouble("a command failed in an unknown way", error);
    }
    copying?.leave();
    ticket.leave();
    if (isNoted)
      await this.#journal.end(id, outcome).catch((error: unknown) => {
        this.#trouble("what came of a command could not be noted", error);
      });
    return outcome;
  }

  async #answer({ outcome }: Running, request: CommandRequest): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<"endless">();
    const limitMs = request.timeoutMs + this.#undoMs;
    const cancel = (this.#options.after ?? afterTime)(limitMs, () => resolve("endless"));
    const ended = await Promise.race([outcome, promise]);
    cancel();
    if (ended === "endless") throw endless(request, limitMs);
    settle(ended);
  }

  get #undoMs(): number {
    return this.#options.undoMs ?? 5000;
  }

  #trouble(what: string, error: unknown): void {
    this.#options.onTrouble?.(what, error);
  }
}

function settle(outcome: Outcome): void {
  if (outcome !== null) throw errorOf(outcome);
}

/** What a command needs for itself. */
function subjectsOf(command: HostCommand): string[] {
  // It ends another one of this machine, which it must not wait for.
  if (command.do === "cancelMigration") return [`cancel ${command.uuid}`];
  if (command.do === "setFirewall") return ["firewall"];
  if ("machine" in command) {
    const { uuid, disks } = command.machine;
    return [uuid, ...disks.map(({ path }) => path)];
  }
  const subjects: string[] = [];
  if ("uuid" in command && command.uuid !== null) subjects.push(command.uuid);
  if ("path" in command) subjects.push(command.path);
  if ("disk" in command) subjects.push(command.disk.path);
  if (command.do === "createVolumeFromImage") subjects.push(command.backing.path);
  if (command.do === "copyVolume" || command.do === "flattenVolume") subjects.push(command.from);
  return subjects;
}

/** The same for the same command, in whatever order its fields came. */
function digestOf({ flow, command }: CommandRequest): string {
  const text = JSON.stringify([flow, sorted(command)]);
  return createHash("sha256").update(text).digest("base64url").slice(0, 22);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.entries(value)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, inside]) => [name, sorted(inside)]);
}

function afterTime(delayMs: number, action: () => void): () => void {
  const timer = setTimeout(action, delayMs);
  return () => clearTimeout(timer);
}

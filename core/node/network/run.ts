import { NodeError } from "../../model/error.ts";
import { type Decision, decide } from "../../model/network/decide.ts";
import { type Renames, renamed } from "../../model/network/rename.ts";
import type {
  EndReason,
  KeepMode,
  NetworkPlan,
  NetworkTransaction,
  ProbeResult,
} from "../../model/network/transaction.ts";
import { whyNotWritten } from "../durable.ts";
import { sleep } from "../machine.ts";
import { touchedLinks } from "./activation.ts";
import { type LinkFailure, untilReady } from "./apply.ts";
import { commitFiles, type FileChange, filesBefore } from "./commit.ts";
import { committedFiles, settingReader } from "./commit-files.ts";
import { commitFile, type RunningChange } from "./journal.ts";
import type { NetworkManager } from "./manager.ts";
import type { Present } from "./present.ts";
import { type Foreknown, foreknown, probeRound, type Questions } from "./probing.ts";
import { giveNewNames, putInForce, settleDown, settleResumed, takeBack } from "./steps.ts";
import { keepEdited, type Strangers, takeStrangersAway } from "./strangers.ts";
import type { NetworkWorld } from "./world.ts";
import type { ProfileWrite } from "./write-profiles.ts";

/** A change as it was planned, with what it was planned on. */
export type Draft = NetworkPlan & { present: Present; renames: Renames; linkFiles: readonly FileChange[] };
/** What is put into /run: first the former settings under their new names, where there are any, then the new ones. */
export type Writes = { renamed: readonly ProfileWrite[]; changed: readonly ProfileWrite[] };
export type Failure = NetworkTransaction["error"];
export type Ending = { phase: "committed" | "rolledBack" | "failed"; why: EndReason; error: Failure };

/** How a change tells of itself: `note` also writes it down, before the next step begins. */
export type Book = {
  tell(progress: Partial<NetworkTransaction>): void;
  note(change: RunningChange, progress: Partial<NetworkTransaction>): Promise<void>;
};

/** How long after the countdown NetworkManager goes back by itself, if nothing of this program is left to do it. */
const checkpointGraceSeconds = 60;
const probeEveryMs = 3_000;
/** A device takes its addresses in the first seconds, after NetworkManager has looked for duplicates itself. */
const impatientMs = 5_000;
const probeSoonMs = 250;

/** One change from its beginning to its end. */
export class Run {
  readonly #world: NetworkWorld;
  readonly #book: Book;
  readonly #draft: Draft;
  readonly #writes: Writes;
  readonly #request: { keep: KeepMode; seconds: number };
  readonly #wake = new AbortController();
  readonly #never = new AbortController().signal;
  #change: RunningChange;
  #asked: "keep" | "rollBack" | null = null;
  #deadline: number | null = null;
  #probes: ProbeResult[] | null = null;
  #known: Foreknown = { deafBefore: new Set(), free: new Set(), taken: undefined };

  constructor(
    world: NetworkWorld,
    book: Book,
    planned: { request: { keep: KeepMode; seconds: number }; draft: Draft; writes: Writes },
    change: RunningChange,
  ) {
    this.#world = world;
    this.#book = book;
    this.#request = planned.request;
    this.#draft = planned.draft;
    this.#writes = planned.writes;
    this.#change = change;
  }

  /** The change with all that its end needs to know. */
  get change(): RunningChange {
    return this.#change;
  }

  /** Milliseconds until it is taken back; null while no countdown runs. */
  get remainingMs(): number | null {
    return this.#deadline === null ? null : Math.max(0, this.#deadline - this.#world.sinceBootMs());
  }

  ask(what: "keep" | "rollBack"): void {
    this.#asked ??= what;
    this.#wake.abort();
  }

  /** Never throws: an error takes the change back. */
  async toEnd(): Promise<Ending> {
    const { manager } = this.#world;
    try {
      // A preview waits as a node does, on a private copy of which nothing comes into force.
      const stopped = manager === null ? undefined : await this.#try(manager);
      if (stopped !== undefined) return await this.#takeBack(stopped.why, stopped.error);
      const decision = await this.#wait();
      if (decision.do === "commit") return await this.#commit(decision.why);
      return await this.#takeBack(decision.why, this.#probeFailure(decision.why));
    } catch (error) {
      return this.#takeBack("applyFailed", failureOf(error));
    }
  }

  /** Puts the change in force; gives the reason why it could not be. */
  async #try(manager: NetworkManager): Promise<{ why: EndReason; error: Failure } | undefined> {
    const questions = this.#questions();
    this.#known = await foreknown(questions);
    const { taken } = this.#known;
    if (taken !== undefined && this.#request.keep !== "always") {
      this.#book.tell({ probes: [taken] });
      return { why: "probeFailed", error: { code: "NET.ADDRESS_TAKEN", description: taken.description } };
    }
    if (this.#change.renames.length > 0) {
      await this.#book.note(this.#change, { phase: "applying" });
      await giveNewNames(this.#world, manager, this.#change, this.#writes.renamed);
    }
    const checkpoint = await manager.createCheckpoint(this.#request.seconds + checkpointGraceSeconds);
    this.#change = { ...this.#change, checkpoint };
    await this.#book.note(this.#change, { phase: "applying" });
    const failures = await putInForce(this.#world, manager, this.#change, this.#writes.changed, this.#never);
    if (failures.length > 0) return { why: "applyFailed", error: notApplied(failures) };
    // Many links may have taken long, and the countdown begins only now. One that started anew has no checkpoint.
    const prolonged = manager.prolongCheckpoint(checkpoint, this.#request.seconds + checkpointGraceSeconds);
    await prolonged.catch((error: unknown) => this.#world.onTrouble("the checkpoint of the network", error));
    return undefined;
  }

  #questions(): Questions {
    const { present, configuration, renames } = this.#draft;
    const touched = touchedLinks(renamed(present.configuration, renames).configuration, configuration);
    return { world: this.#world, present, configuration, touched, renames, signal: this.#never };
  }

  /** Probes again and again until the change is to be kept or taken back. */
  async #wait(): Promise<Exclude<Decision, { do: "wait" }>> {
    const { machine, manager, onTrouble, sinceBootMs } = this.#world;
    this.#deadline = sinceBootMs() + this.#request.seconds * 1000;
    this.#book.tell({ phase: "probing" });
    for (;;) {
      // A round that could not be asked says nothing of the network: the next one may.
      const round =
        manager === null
          ? Promise.resolve([])
          : probeRound(this.#questions(), this.#known).catch((error: unknown) => {
              onTrouble("looking at the network", error);
              return undefined;
            });
      const found = await Promise.race([round, this.#sleep(this.#leftMs())]);
      if (found !== undefined) {
        this.#probes = found;
        this.#book.tell({ phase: "waiting", probes: found });
      }
      const decision = this.#decision();
      if (decision.do !== "wait") return decision;
      const isEarly = this.#request.seconds * 1000 - this.#leftMs() < impatientMs;
      const hasFailed = this.#probes?.some(({ outcome }) => outcome === "failed") ?? false;
      const pauseMs = isEarly && hasFailed ? probeSoonMs : probeEveryMs;
      await sleep(machine, Math.min(pauseMs, this.#leftMs()), this.#wake.signal);
      const later = this.#decision();
      if (later.do !== "wait") return later;
    }
  }

  async #sleep(ms: number): Promise<undefined> {
    await sleep(this.#world.machine, ms, this.#wake.signal);
    return undefined;
  }

  #leftMs(): number {
    return this.remainingMs ?? 0;
  }

  #decision(): Decision {
    const pending = {
      keep: this.#request.keep,
      deadline: this.#deadline ?? 0,
      probes: this.#probes,
      asked: this.#asked,
    };
    return decide(pending, this.#world.sinceBootMs());
  }

  #probeFailure(why: EndReason): Failure {
    const failed = this.#probes?.filter(({ outcome }) => outcome === "failed") ?? [];
    const [first] = failed;
    if (first === undefined || why === "asked") return null;
    return {
      code: `NET.PROBE_${first.kind.toUpperCase()}`,
      description: failed.map((each) => each.description).join(" "),
    };
  }

  async #commit(why: EndReason): Promise<Ending> {
    const { machine, root, folder, manager, onTrouble } = this.#world;
    const { present, configuration, linkFiles } = this.#draft;
    this.#deadline = null;
    const files = await committedFiles({
      present,
      configuration,
      writes: this.#writes.changed,
      linkFiles,
      read: settingReader(machine, root),
    });
    await this.#book.note(this.#change, { phase: "committing", why });
    const { isAny, aside } = await setAside(this.#world, this.#change);
    try {
      aside.push(...(await keepEdited(root, this.#writes.changed)));
      await commitFiles(commitFile(folder), root, this.#change.record.id, files);
    } catch (error) {
      const description = `The change could not be saved because ${whyNotWritten(error)}.`;
      return this.#takeBack("commitFailed", also({ code: "NET.NOT_SAVED", description }, aside));
    }
    // Other hands may also have put in force what they have made of a profile, or taken it out of force.
    const settled = isAny
      ? settleResumed(this.#world, manager, this.#change)
      : settleDown(this.#world, manager, this.#change);
    const error = await settled.then(
      (failures) => (failures.length === 0 ? null : notApplied(failures)),
      (problem: unknown) => {
        onTrouble("settling down", problem);
        return null;
      },
    );
    await this.#tellServices();
    return { phase: "committed", why, error: also(error, aside) };
  }

  /** Names and time are not NetworkManager's. Their files are written: a service that fails reads them when it starts. */
  async #tellServices(): Promise<void> {
    const { change, onTrouble } = this.#world;
    const { present, configuration } = this.#draft;
    const before = present.configuration;
    const options = { timeoutMs: 10_000, reason: "the network's configuration was changed" };
    const run = (command: string, args: readonly string[]) =>
      change(command, args, options).catch((error: unknown) => onTrouble(command, error));
    if (before.hostname !== configuration.hostname) await run("hostnamectl", ["hostname", configuration.hostname]);
    if (before.timeServers.join() !== configuration.timeServers.join()) await run("chronyc", ["reload", "sources"]);
  }

  async #takeBack(why: EndReason, error: Failure): Promise<Ending> {
    this.#deadline = null;
    return takeBackChange(this.#world, this.#book, this.#change, why, error);
  }
}

/** Takes a change back, however far it has come. */
export async function takeBackChange(
  world: NetworkWorld,
  book: Book,
  change: RunningChange,
  why: EndReason,
  error: Failure,
): Promise<Ending> {
  await book.note(change, { phase: "rollingBack", why, error });
  const wrong = also(error, (await setAside(world, change)).aside);
  if (world.manager === null) return { phase: "rolledBack", why, error: wrong };
  const failed = await restore(world, world.manager, change);
  return { phase: failed === null ? "rolledBack" : "failed", why, error: failed ?? wrong };
}

/** Takes back what is left of a change after the machine was started anew: /run is empty, and cards have their names. */
export async function takeBackRest(world: NetworkWorld, book: Book, change: RunningChange): Promise<Ending> {
  const { isAny, aside } = await setAside(world, change);
  if (!isAny) return { phase: "rolledBack", why: "machineRestarted", error: null };
  const rest = { ...change, tried: [], active: [] };
  return takeBackChange(world, book, rest, "machineRestarted", also(null, aside));
}

/** Takes profiles of the change out of /etc that it has not put there: {@link takeStrangersAway}. */
async function setAside(world: NetworkWorld, change: RunningChange, isKept = false): Promise<Strangers> {
  try {
    const replaced = isKept ? await filesBefore(commitFile(world.folder)) : null;
    return await takeStrangersAway(world.root, change, replaced);
  } catch (error) {
    world.onTrouble("setting profiles of other hands aside", error);
    return { isAny: false, aside: [] };
  }
}

/** Also tells what other hands have written meanwhile. */
function also(error: Failure, aside: readonly string[]): Failure {
  if (aside.length === 0) return error;
  const told = `Profiles of this change were written by other hands while it was tried. They are not in force, and lie in ${aside.join(", ")}.`;
  return error === null
    ? { code: "NET.OTHER_HANDS", description: told }
    : { code: error.code, description: `${error.description} ${told}` };
}

/** Null when all came back. A NetworkManager that hangs is started anew: it then reads what /etc holds. */
async function restore(world: NetworkWorld, manager: NetworkManager, change: RunningChange): Promise<Failure> {
  const never = new AbortController().signal;
  try {
    return notBack(await takeBack(world, manager, change, never));
  } catch (error) {
    world.onTrouble("going back to the former network", error);
  }
  try {
    await startAnew(world, manager, "go back to the former network");
    return notBack(await takeBack(world, manager, change, never));
  } catch (error) {
    return failureOf(error);
  }
}

async function startAnew(world: NetworkWorld, manager: NetworkManager, reason: string): Promise<void> {
  await world.change("systemctl", ["restart", "NetworkManager.service"], { timeoutMs: 60_000, reason });
  await untilReady(world.machine, manager);
}

/**
 * Brings what was kept in force once more, where a crash or NetworkManager's own way back came in between.
 *
 * @returns what could not be brought in force; it is kept all the same
 */
export async function settleKept(world: NetworkWorld, change: RunningChange): Promise<Failure> {
  const { aside } = await setAside(world, change, true);
  try {
    const failures = await settleResumed(world, world.manager, change);
    return also(failures.length === 0 ? null : notApplied(failures), aside);
  } catch (error) {
    world.onTrouble("settling down", error);
    return also(null, aside);
  }
}

/**
 * Lets go of NetworkManager's own way back. When it does not answer, or has gone that way already, what was kept is
 * brought in force once more: nobody else would notice that it isn't.
 */
export async function releaseCheckpoint(world: NetworkWorld, change: RunningChange, isKept: boolean): Promise<Failure> {
  const { manager, onTrouble } = world;
  if (manager === null || change.checkpoint === null) return null;
  try {
    await manager.destroyCheckpoint(change.checkpoint);
    return null;
  } catch (error) {
    if (!isKept) return null;
    const isHanging = error instanceof NodeError && error.code === "NET.MANAGER_HANGS";
    // One that hangs would go back later, when it wakes up.
    if (isHanging)
      await startAnew(world, manager, "keep the new network").catch((problem: unknown) =>
        onTrouble("starting NetworkManager anew", problem),
      );
    return settleKept(world, change);
  }
}

function notBack(failures: readonly LinkFailure[]): Failure {
  if (failures.length === 0) return null;
  return { code: "NET.NOT_BACK", description: `The former network did not come back whole: ${wordsOf(failures)}` };
}

function notApplied(failures: readonly LinkFailure[]): Failure {
  return { code: "NET.NOT_APPLIED", description: wordsOf(failures) };
}

function wordsOf(failures: readonly LinkFailure[]): string {
  return failures.map(({ link, why }) => `${link}: ${why.replace(/\.$/, "")}.`).join(" ");
}

function failureOf(error: unknown): Failure {
  if (error instanceof NodeError) return { code: error.code, description: error.message };
  return { code: "NET.FAILED", description: error instanceof Error ? error.message : String(error) };
}

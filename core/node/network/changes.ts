import type { NetworkState } from "../../api/contract.ts";
import { NodeError } from "../../model/error.ts";
import type { NetworkConfiguration } from "../../model/network/configuration.ts";
import { cutOffs } from "../../model/network/cut-offs.ts";
import { networkChanges } from "../../model/network/difference.ts";
import { operate } from "../../model/network/operate.ts";
import type { NetworkOperation } from "../../model/network/operation.ts";
import { networkProblems } from "../../model/network/problems.ts";
import { type Renames, renamed, renamedHardware, renamesOf, swapIn } from "../../model/network/rename.ts";
import { cardsOf, withFormerNames } from "../../model/network/restore.ts";
import {
  hasEnded,
  type KeepMode,
  type NetworkPlan,
  type NetworkTransaction,
  type SavedConfiguration,
  type TransactionPhase,
} from "../../model/network/transaction.ts";
import type { Damage } from "../document.ts";
import { FactMissing } from "../facts/source.ts";
import { sleep } from "../machine.ts";
import { Turns } from "../turns.ts";
import { readCards } from "./cards.ts";
import { type FileChange, forgetCommit, resumeCommit } from "./commit.ts";
import {
  commitFile,
  type NetworkHistory,
  type NetworkJournal,
  openJournal,
  type RunningChange,
  remember,
} from "./journal.ts";
import { readLinkFiles } from "./link-file.ts";
import { linkFileChanges } from "./link-files.ts";
import { keptFiles, triedFiles } from "./overlay.ts";
import { type Present, readPresent } from "./present.ts";
import { invalid, nothingToDo, notRecovered, swapped } from "./refusals.ts";
import {
  type Book,
  type Draft,
  type Ending,
  Run,
  releaseCheckpoint,
  settleKept,
  takeBackChange,
  takeBackRest,
  type Writes,
} from "./run.ts";
import { activeProfiles } from "./steps.ts";
import type { NetworkWorld } from "./world.ts";
import { writeProfiles } from "./write-profiles.ts";

/** Nobody can keep what is not in force yet; everybody can take it back as long as it isn't kept. */
const askable = {
  keep: ["probing", "waiting"],
  rollBack: ["saving", "applying", "probing", "waiting"],
} as const satisfies Record<string, readonly TransactionPhase[]>;

/** How long to wait before each further attempt at what the end of the former agent has interrupted. */
const recoverAgainMs = [1_000, 5_000, 20_000] as const;

export type ChangeRequest = {
  operations: readonly NetworkOperation[];
  keep: KeepMode;
  /** How long a change that is not kept stays in force. */
  seconds: number;
  console: string;
};

/**
 * Changes of this node's network, one at a time: tried, probed, and kept or taken back. What is tried lies in /run and
 * what is kept in /etc, so that a node that loses its power comes up with the last network that was kept.
 */
export class NetworkChanges {
  readonly #world: NetworkWorld;
  readonly #journal: NetworkJournal;
  readonly #history: NetworkHistory;
  readonly #turns = new Turns();
  readonly #listeners = new Set<(transaction: NetworkTransaction) => void>();
  readonly #book: Book;
  #run: Run | undefined;
  #ended: Promise<void> = Promise.resolve();
  /** The newest state, which may be ahead of the journal's. */
  #record: NetworkTransaction | null;

  private constructor(world: NetworkWorld, journal: NetworkJournal, history: NetworkHistory) {
    this.#world = world;
    this.#journal = journal;
    this.#history = history;
    this.#record = journal.value.running?.record ?? journal.value.last;
    this.#book = {
      tell: (progress) => this.#tell(progress),
      note: (change, progress) => this.#note(change, progress),
    };
  }

  /** Opens the journal; what was interrupted is finished or taken back by {@link recover}. */
  static async open(world: NetworkWorld, onDamage: (damage: Damage) => void): Promise<NetworkChanges> {
    const { journal, history } = await openJournal(world.folder, onDamage);
    return new NetworkChanges(world, journal, history);
  }

  /** The change that goes on, or the one that ended last; null when there never was one. */
  get transaction(): NetworkTransaction | null {
    return this.#record === null ? null : { ...this.#record, remainingMs: this.#run?.remainingMs ?? null };
  }

  /** The last good configurations, the newest first. */
  history(): SavedConfiguration[] {
    return [...this.#history.value.saved];
  }

  /** @throws NET.UNKNOWN_CHANGE */
  get(id: string): NetworkTransaction {
    const { transaction } = this;
    if (transaction?.id === id) return transaction;
    throw new NodeError("NET.UNKNOWN_CHANGE", "There is no such change of the network; only the last one is kept.", {
      remedy: "Look at the network as it is now.",
    });
  }

  subscribe(listener: (transaction: NetworkTransaction) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async state(): Promise<NetworkState> {
    const { configuration, others } = await this.#present();
    return {
      configuration,
      others: others.map(({ link, file, what }) => ({ link, what: `${file} ${what}` })),
      transaction: this.transaction,
    };
  }

  /** What operations would do. @throws NodeError NET.* for what can't be done at all */
  async plan(operations: readonly NetworkOperation[]): Promise<NetworkPlan> {
    const { problems, changes, cutsOff, configuration } = await this.#draft(operations);
    return { problems, changes, cutsOff, configuration };
  }

  /**
   * Begins a change; it goes on by itself whatever becomes of the caller.
   *
   * @throws NET.BUSY, NET.INVALID, NET.NO_CHANGE, NET.NOT_SAVED, and what {@link plan} throws
   */
  start(request: ChangeRequest): Promise<NetworkTransaction> {
    return this.#turns.take(async () => {
      this.#requireIdle();
      const draft = await this.#draft(request.operations);
      const errors = draft.problems.filter(({ severity }) => severity === "error");
      if (errors.length > 0) throw invalid(errors);
      if (draft.changes.length === 0) throw nothingToDo();
      const { change, writes } = await this.#begin(request, draft);
      this.#record = change.record;
      const run = new Run(this.#world, this.#book, { request, draft, writes }, change);
      this.#run = run;
      this.#tell({});
      this.#ended = run.toEnd().then((ending) => this.#finish(run.change, ending));
      return change.record;
    });
  }

  /** @throws NET.UNKNOWN_CHANGE, NET.NOT_WAITING */
  keep(id: string): NetworkTransaction {
    return this.#ask(id, "keep");
  }

  /** @throws NET.UNKNOWN_CHANGE, NET.NOT_WAITING */
  rollBack(id: string): NetworkTransaction {
    return this.#ask(id, "rollBack");
  }

  /** Resolves when the change that goes on has ended. */
  settled(): Promise<void> {
    return this.#ended;
  }

  /**
   * Called once, when the agent starts: finishes a commit that was interrupted, and takes back whatever else was. What
   * fails is tried again for a while; then the change ends as failed and says why, and another one can begin.
   */
  async recover(): Promise<void> {
    const { machine, onTrouble } = this.#world;
    for (const pauseMs of [...recoverAgainMs, null]) {
      try {
        return await this.#recover();
      } catch (error) {
        onTrouble("bringing an interrupted change of the network to its end", error);
        if (pauseMs === null) return this.#giveUp(error);
        await sleep(machine, pauseMs, new AbortController().signal);
      }
    }
  }

  async #recover(): Promise<void> {
    const { root, folder, bootId } = this.#world;
    const resumed = await resumeCommit(commitFile(folder), root);
    const { running } = this.#journal.value;
    if (running === null) {
      if (resumed !== undefined) await forgetCommit(commitFile(folder));
      return;
    }
    if (resumed === running.record.id) {
      const error = await settleKept(this.#world, running);
      await this.#finish(running, { phase: "committed", why: running.record.why ?? "confirmed", error });
      return;
    }
    // Of an earlier change, or the way back of this one.
    if (resumed !== undefined) await forgetCommit(commitFile(folder));
    const isSameBoot = running.bootId === (await bootId());
    const ending = isSameBoot
      ? await takeBackChange(this.#world, this.#book, running, "agentRestarted", null)
      : await takeBackRest(this.#world, this.#book, running);
    await this.#finish(running, ending);
  }

  async #giveUp(cause: unknown): Promise<void> {
    const { running } = this.#journal.value;
    if (running === null) return;
    const { phase, why } = running.record;
    const error = notRecovered(cause);
    // It was kept and is in force; what is not saved of it is saved by the next start that can, by the list of files.
    const ending: Ending =
      phase === "committing"
        ? { phase: "failed", why: why ?? "confirmed", error }
        : await takeBackChange(this.#world, this.#book, running, "agentRestarted", error);
    await this.#finish(running, ending);
  }

  #requireIdle(): void {
    const { transaction } = this;
    if (transaction === null || hasEnded(transaction)) return;
    const seconds = transaction.remainingMs === null ? null : Math.ceil(transaction.remainingMs / 1000);
    throw new NodeError("NET.BUSY", `${transaction.console} is changing the network at the moment.`, {
      remedy: "Wait until that change was kept or taken back.",
      values: { console: transaction.console, id: transaction.id, ...(seconds === null ? {} : { seconds }) },
    });
  }

  #present(): Promise<Present> {
    const { machine, root } = this.#world;
    const reading = readPresent({ machine, root, signal: new AbortController().signal });
    return reading.catch((error: unknown) => {
      if (!(error instanceof FactMissing)) throw error;
      throw new NodeError("NET.UNREADABLE", `The network of this node can't be read: ${error.message}.`, {
        remedy: "Try again; the agent's log says more.",
        values: { why: error.message },
        cause: error,
      });
    });
  }

  async #draft(asked: readonly NetworkOperation[]): Promise<Draft> {
    const [present, activity] = await Promise.all([this.#present(), this.#world.activity()]);
    await this.#requireReadable(present);
    const before = present.configuration;
    const saved = (id: string) => this.#history.value.saved.find((each) => each.id === id);
    const operations = withFormerNames(asked, saved, present.hardware);
    const configuration = operate(before, operations, (id) => saved(id)?.configuration, present.hardware);
    // A VLAN's interface takes part in the new name of its parent.
    const { configuration: inForce, renames } = renamed(before, renamesOf(operations));
    const swap = swapIn(renames);
    if (swap !== undefined) throw swapped(swap);
    return {
      present,
      configuration,
      renames,
      linkFiles: await this.#linkFiles(present, renames),
      problems: networkProblems(configuration, renamedHardware(present.hardware, renames), inForce),
      changes: networkChanges(before, configuration, renames),
      cutsOff: cutOffs(before, configuration, activity, renames),
    };
  }

  async #linkFiles(present: Present, renames: Renames): Promise<readonly FileChange[]> {
    const { machine } = this.#world;
    if (!present.hardware.links.some(({ name }) => renames.has(name))) return [];
    const cards = await readCards(machine, present, new AbortController().signal);
    return linkFileChanges(cards, await readLinkFiles(machine), renames);
  }

  /**
   * A change makes NetworkManager read all profiles anew. One that it has in memory, and whose file was spoilt since, it
   * would let go, with the addresses of that profile; and nobody could bring them back.
   */
  async #requireReadable({ profiles: { problems } }: Present): Promise<void> {
    const { manager } = this.#world;
    if (manager === null || problems.length === 0) return;
    const loaded = await manager.loadedFiles();
    const spoilt = problems.find(({ values }) => loaded.includes(String(values["file"])));
    if (spoilt === undefined) return;
    throw new NodeError(
      spoilt.code,
      `${spoilt.message} It is in force as it was read before, and any change of the network would end that.`,
      { ...(spoilt.remedy === undefined ? {} : { remedy: spoilt.remedy }), values: spoilt.values },
    );
  }

  async #begin(
    request: ChangeRequest,
    { present, configuration, renames, changes }: Draft,
  ): Promise<{ change: RunningChange; writes: Writes }> {
    const { machine, root, newId, newUuid, bootId, manager } = this.#world;
    const writesFor = (wanted: NetworkConfiguration) =>
      writeProfiles({
        before: present.profiles,
        previous: present.configuration,
        configuration: wanted,
        present: present.links,
        renames: Object.fromEntries(renames),
        newUuid,
      });
    const former = renamed(present.configuration, renames).configuration;
    const writes = { renamed: renames.size === 0 ? [] : writesFor(former), changed: writesFor(configuration) };
    const change: RunningChange = {
      record: {
        id: newId(),
        console: request.console,
        phase: "saving",
        startedAt: machine.now(),
        endedAt: null,
        remainingMs: null,
        changes,
        probes: [],
        why: null,
        error: null,
      },
      bootId: await bootId(),
      before: present.configuration,
      cards: cardsOf(present.hardware),
      after: configuration,
      tried: await triedFiles(root, [writes.renamed, writes.changed]),
      kept: await keptFiles(root),
      uuids: writes.changed.map(({ uuid }) => uuid),
      active: manager === null ? [] : await activeProfiles(manager),
      renames: [...renames],
      checkpoint: null,
    };
    await this.#journal.update((document) => ({ ...document, running: change }));
    return { change, writes };
  }

  async #finish(change: RunningChange, ending: Ending): Promise<void> {
    const { phase, why } = ending;
    const { machine, folder, newId, onTrouble } = this.#world;
    // Before the journal forgets of it: it would take back what was kept. One that has run out is gone already.
    const isSameBoot = change.bootId === (await this.#world.bootId().catch(() => ""));
    const notInForce = isSameBoot ? await releaseCheckpoint(this.#world, change, phase === "committed") : null;
    const error = ending.error ?? notInForce;
    const known = this.#record ?? change.record;
    const record: NetworkTransaction = { ...known, phase, why, error, endedAt: machine.now(), remainingMs: null };
    if (phase === "committed") {
      const { console, changes } = record;
      const { before: configuration, cards } = change;
      const saved = { id: newId(), at: machine.now(), console, changes, configuration, cards };
      await remember(this.#history, saved).catch((problem: unknown) => onTrouble("the history", problem));
    }
    // The list of files goes last: while it is there, a start after a crash knows that the change was kept.
    await this.#journal
      .update(() => ({ running: null, last: record }))
      .then(() => (phase === "failed" ? undefined : forgetCommit(commitFile(folder), change.record.id)))
      .catch((problem: unknown) => onTrouble("the journal of the network", problem));
    this.#run = undefined;
    this.#record = record;
    for (const listener of this.#listeners) listener(record);
  }

  #ask(id: string, what: "keep" | "rollBack"): NetworkTransaction {
    const transaction = this.get(id);
    if (this.#run === undefined || !askable[what].some((phase) => phase === transaction.phase))
      throw new NodeError("NET.NOT_WAITING", "This change does not wait for an answer, or not any more.", {
        remedy: "Look at the network as it is now.",
        values: { phase: transaction.phase, ...(transaction.why === null ? {} : { why: transaction.why }) },
      });
    this.#run.ask(what);
    return transaction;
  }

  async #note(change: RunningChange, progress: Partial<NetworkTransaction>): Promise<void> {
    this.#tell(progress);
    const running = { ...change, record: this.#record ?? change.record };
    // A full disk must not keep a change from being taken back.
    await this.#journal
      .update((document) => ({ ...document, running }))
      .catch((error: unknown) => this.#world.onTrouble("the journal of the network", error));
  }

  #tell(progress: Partial<NetworkTransaction>): void {
    if (this.#record === null) return;
    this.#record = { ...this.#record, ...progress };
    const { transaction } = this;
    if (transaction !== null) for (const listener of this.#listeners) listener(transaction);
  }
}

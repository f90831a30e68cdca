import * as z from "zod/mini";
import { type CloudErrorCode, cloudErrors } from "../../model/cloud/error-codes.ts";
import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import { NodeError } from "../../model/error.ts";
import type { Damage } from "../document.ts";
import { LineJournal } from "../line-journal.ts";

const failure = z.object({
  code: z.string(),
  description: z.string(),
  where: z.optional(z.string()),
  remedy: z.optional(z.string()),
  values: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
});
/** What came of a command; null: it was carried out. */
export type Outcome = z.infer<typeof failure> | null;

const accepted = z.object({ id: z.string(), flow: z.string(), epoch: z.int(), digest: z.string(), at: z.number() });
type Accepted = z.infer<typeof accepted>;
const entry = z.union([
  z.object({ accepted }),
  z.object({ ended: z.object({ id: z.string(), outcome: z.nullable(failure) }) }),
  z.object({ latest: z.object({ flow: z.string(), epoch: z.int(), at: z.number() }) }),
]);
type Entry = z.infer<typeof entry>;

/** A command that the agent was given. Without an outcome it runs, or the agent was ended while it ran. */
export type NotedCommand = Readonly<Accepted> & { readonly outcome?: Outcome };

export type JournalOptions = {
  file: string | undefined;
  now: () => number;
  /** Milliseconds that a command is remembered after it came; a clock that is put right never forgets the newest. */
  keptMs: number;
  /** Commands that are remembered at the most. */
  most: number;
  onDamage?: ((damage: Damage) => void) | undefined;
};

/** However old they are: the clock may have been wrong when they came. */
const alwaysKept = 500;

/**
 * Which commands came, and what came of them: durable before a command begins and before it is answered. Of a command
 * its digest is kept, not its contents.
 */
export class CommandJournal {
  readonly #options: JournalOptions;
  readonly #commands = new Map<string, NotedCommand>();
  readonly #latest = new Map<string, { epoch: number; at: number }>();
  readonly #lines: Promise<LineJournal<Entry>>;

  private constructor(options: JournalOptions) {
    this.#options = options;
    this.#lines = this.#load();
  }

  /** @throws the system's error */
  static async open(options: JournalOptions): Promise<CommandJournal> {
    const journal = new CommandJournal(options);
    await journal.#lines;
    return journal;
  }

  get(id: string): NotedCommand | undefined {
    return this.#commands.get(id);
  }

  /** The latest epoch of a flow that came; -1 when none did. */
  latestOf(flow: string): number {
    return this.#latest.get(flow)?.epoch ?? -1;
  }

  /** Makes the latest epoch of a flow durable, where no new command does. @throws the system's error */
  async noteLatest(flow: string): Promise<void> {
    const latest = this.#latest.get(flow);
    if (latest !== undefined) await (await this.#lines).append({ latest: { flow, ...latest } });
  }

  /** Holds from now on, whether or not it becomes durable with the command that brought it. */
  raise(flow: string, epoch: number): void {
    this.#see(flow, epoch, this.#options.now());
  }

  /** @throws the system's error */
  async accept(given: Omit<Accepted, "at">): Promise<void> {
    const one = { ...given, at: this.#options.now() };
    await (await this.#lines).append({ accepted: one }, () => this.#apply({ accepted: one }));
  }

  /** Counts at once, even when it can't be written. @throws the system's error */
  async end(id: string, outcome: Outcome): Promise<void> {
    const one = { ended: { id, outcome } };
    this.#apply(one);
    await (await this.#lines).append(one);
    this.#prune();
  }

  async #load(): Promise<LineJournal<Entry>> {
    const { file, onDamage } = this.#options;
    const live = { count: () => 2 * this.#commands.size + this.#latest.size, entries: () => this.#entries() };
    const { journal, entries } = await LineJournal.open({ file, schema: entry, live, onDamage });
    for (const one of entries) this.#apply(one);
    this.#prune();
    return journal;
  }

  #apply(one: Entry): void {
    if ("accepted" in one) {
      const { id, flow, epoch, at } = one.accepted;
      this.#commands.delete(id);
      this.#commands.set(id, one.accepted);
      this.#see(flow, epoch, at);
    } else if ("ended" in one) {
      const known = this.#commands.get(one.ended.id);
      if (known !== undefined) this.#commands.set(known.id, { ...known, outcome: one.ended.outcome });
    } else this.#see(one.latest.flow, one.latest.epoch, one.latest.at);
  }

  #see(flow: string, epoch: number, at: number): void {
    const latest = Math.max(epoch, this.latestOf(flow));
    this.#latest.delete(flow);
    this.#latest.set(flow, { epoch: latest, at });
  }

  *#entries(): Generator<Entry> {
    for (const [flow, { epoch, at }] of this.#latest) yield { latest: { flow, epoch, at } };
    for (const { outcome, ...one } of this.#commands.values()) {
      yield { accepted: one };
      if (outcome !== undefined) yield { ended: { id: one.id, outcome } };
    }
  }

  /** Both maps have the oldest first. */
  #prune(): void {
    const { now, keptMs, most } = this.#options;
    const before = now() - keptMs;
    const isDue = (size: number, at: number) => size > most || (size > alwaysKept && at < before);
    for (const [flow, { at }] of this.#latest) {
      if (!isDue(this.#latest.size, at)) break;
      this.#latest.delete(flow);
    }
    for (const [id, { at, outcome }] of this.#commands) {
      if (!isDue(this.#commands.size, at)) break;
      // It may run, and hang, while thousands come and go.
      const isOver = outcome !== undefined || this.#commands.size > 2 * most;
      if (isOver) this.#commands.delete(id);
    }
  }
}

/** An error as it is kept. What is no error of ours may hold anything: nothing of its text is. */
export function failureOf(error: unknown): NonNullable<Outcome> {
  if (error instanceof CloudError) {
    const { code, details, where, remedy, values } = error.refusal;
    return { code, description: details, where, remedy, values: { ...values } };
  }
  if (error instanceof NodeError) {
    const { code, message, remedy, values } = error;
    return { code, description: message, ...(remedy === undefined ? {} : { remedy }), values };
  }
  const description = "The hypervisor's driver failed in a way that it does not know.";
  return { code: "HYPERVISOR.UNEXPECTED", description, remedy: "The agent's log has it.", values: {} };
}

/** The error that an outcome stands for, the same each time. */
export function errorOf({ code, description, where, remedy, values }: NonNullable<Outcome>): NodeError {
  if (!isCloudCode(code))
    return new NodeError(code, description, { values, ...(remedy === undefined ? {} : { remedy }) });
  return new CloudError(
    refusalOf(code, { where: where ?? "command", details: description, remedy: remedy ?? "", values }),
  );
}

function isCloudCode(code: string): code is CloudErrorCode {
  return Object.hasOwn(cloudErrors, code);
}

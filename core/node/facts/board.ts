import { isDeepStrictEqual } from "node:util";
import { type FactName, type Facts, factNames, factSchemas, missingFacts } from "../../model/facts.ts";
import { addSample, emptySeries, type Histories } from "../../model/history.ts";
import type { Missing, Reading } from "../../model/reading.ts";
import type { Machine } from "../machine.ts";
import { FactMissing, type Readings, type Source, type Sources, type Values, whyOf } from "./source.ts";

export type BoardOptions = {
  /** Called with the readings that changed; several that change at about the same time come together. */
  onChange?: (changed: Partial<Facts>) => void;
  /** What was measured before this board was there. */
  histories?: Histories;
};

/** Readings that are worth telling at every read: they move even where their figures happen to be equal. */
const alwaysTold: ReadonlySet<FactName> = new Set(["time", "cpu", "memory"]);
/** After such a failure the value that was there is not old but wrong. */
const replacesValue: ReadonlySet<Missing["code"]> = new Set(["notInstalled", "notConfigured", "absent", "unsupported"]);

/** Changes within this time are told together. */
const gatherMs = 20;
/** Sources with a short period read at the same moments, so that an idle machine wakes up once and not five times. */
const alignUpToMs = 10_000;
/** After such a failure the next attempt may well succeed: it does not wait for a long period to end. */
const passing: ReadonlySet<Missing["code"]> = new Set(["timeout", "failed", "nonsense"]);
/** The first of these attempts; the time doubles with every further failure, up to the period. */
const firstRetryMs = 5000;
/** The kernel can report a hundred changes a second; a source reads at most once in this time unless it says otherwise. */
const usualQuietMs = 1000;

type Slot = {
  /** Ends the read that is under way. */
  running: AbortController | undefined;
  /** Settles when that read is over or abandoned. */
  done: Promise<void>;
  /** Also while an abandoned read has not come back: a source is never read twice at once. */
  busy: boolean;
  startedMs: number;
  /** Something changed while it was being read: what it gives may be old already. */
  again: boolean;
  /** Failures in a row that may pass. */
  failures: number;
  cancelNext: () => void;
  endWatch: () => void;
};

/**
 * Keeps every fact up to date. Each source runs on its own timer: one that hangs, fails or talks nonsense changes its
 * own reading and nothing else. Schedules use monotonic time; a step of the clock changes only the `at` of readings.
 */
export class FactBoard {
  readonly #machine: Machine;
  readonly #sources: Partial<Sources>;
  readonly #onChange: (changed: Partial<Facts>) => void;
  readonly #slots = new Map<FactName, Slot>();
  readonly #changed = new Set<FactName>();
  readonly #readings: Readings;
  #histories: Histories;
  #watched = true;
  #stopped = true;
  #cancelFlush: (() => void) | undefined;

  constructor(machine: Machine, sources: Partial<Sources>, options: BoardOptions = {}) {
    this.#machine = machine;
    this.#sources = sources;
    this.#onChange = options.onChange ?? (() => {});
    this.#histories = options.histories ?? { cpu: emptySeries(), memory: emptySeries() };
    this.#readings = missingFacts({ code: "pending", detail: "" }, machine.now());
  }

  /** All readings as they are now. */
  facts(): Facts {
    return { ...this.#readings };
  }

  histories(): Histories {
    return this.#histories;
  }

  /** Reads every source, and then each at its own pace. */
  start(): void {
    if (!this.#stopped) return;
    this.#stopped = false;
    for (const name of factNames) {
      if (this.#sources[name] === undefined) this.#fail(name, { code: "notConfigured", detail: name });
      else this.#begin(name);
    }
  }

  /** Ends all timers and reads. Nothing is told any more. */
  stop(): void {
    this.#stopped = true;
    this.#cancelFlush?.();
    this.#cancelFlush = undefined;
    for (const slot of this.#slots.values()) {
      slot.cancelNext();
      slot.endWatch();
      slot.running?.abort();
    }
    this.#slots.clear();
  }

  /** Reads a source now. Resolves when that read is over or has used up its time; never rejects. */
  refresh(name: FactName): Promise<void> {
    if (this.#slots.has(name)) this.#read(name);
    return this.#slots.get(name)?.done ?? Promise.resolve();
  }

  /** Whether anybody looks. While nobody does, sources are read at their idle pace. */
  setWatched(watched: boolean): void {
    if (watched === this.#watched) return;
    this.#watched = watched;
    for (const [name, slot] of this.#slots) this.#schedule(name, slot.startedMs + this.#paceMs(name) - this.#clockMs());
  }

  #begin<N extends FactName>(name: N): void {
    const source: Source<N> | undefined = this.#sources[name];
    const slot: Slot = {
      running: undefined,
      done: Promise.resolve(),
      busy: false,
      startedMs: 0,
      again: false,
      failures: 0,
      cancelNext: () => {},
      endWatch: () => {},
    };
    this.#slots.set(name, slot);
    this.#read(name);
    const quietMs = source?.quietMs ?? usualQuietMs;
    const soon = () => {
      if (slot.busy) slot.again = true;
      else this.#schedule(name, slot.startedMs + quietMs - this.#clockMs());
    };
    slot.endWatch = source?.watch?.(this.#machine, soon) ?? (() => {});
  }

  #read<N extends FactName>(name: N): void {
    const slot = this.#slots.get(name);
    const source: Source<N> | undefined = this.#sources[name];
    if (slot === undefined || source === undefined || slot.busy) return;
    slot.cancelNext();
    slot.busy = true;
    slot.startedMs = this.#clockMs();
    const controller = new AbortController();
    slot.running = controller;

    slot.done = new Promise((resolve) => {
      const settle = (outcome: () => void) => {
        if (slot.running !== controller) return;
        slot.running = undefined;
        cancelBudget();
        if (!this.#stopped) outcome();
        resolve();
      };
      const budgetMs = Math.min(source.budgetMs, 2 * this.#periodMs(name));
      const cancelBudget = this.#machine.after(budgetMs, () => {
        settle(() => this.#fail(name, { code: "timeout", detail: name }));
        controller.abort();
      });
      this.#attempt(source, controller.signal)
        .then(
          (value) => settle(() => this.#accept(name, value)),
          (error: unknown) => settle(() => this.#fail(name, whyOf(error))),
        )
        .finally(() => {
          slot.busy = false;
          const delayMs = slot.again ? (source.quietMs ?? usualQuietMs) : this.#untilNextMs(name);
          slot.again = false;
          if (!this.#stopped) this.#schedule(name, delayMs);
        });
    });
  }

  async #attempt<N extends FactName>(source: Source<N>, signal: AbortSignal): Promise<Values[N]> {
    const value = await source.read(this.#machine, signal);
    // A last look at our own arithmetic: a figure that is no number must not reach a screen.
    const checked = factSchemas[source.name].safeParse(value);
    if (!checked.success) {
      throw new FactMissing("nonsense", `${source.name} ${checked.error.issues[0]?.path.join(".") ?? ""}`.trim());
    }
    return value;
  }

  #accept<N extends FactName>(name: N, value: Values[N]): void {
    const at = this.#machine.now();
    const before: Readings[N] = this.#readings[name];
    const slot = this.#slots.get(name);
    if (slot !== undefined) slot.failures = 0;
    const same = before.state === "value" && isDeepStrictEqual(before.value, value);
    put(this.#readings, name, { state: "value", at, value });
    this.#remember(name, at);
    if (!same || alwaysTold.has(name)) this.#tell(name);
  }

  #fail<N extends FactName>(name: N, why: Missing): void {
    const before: Readings[N] = this.#readings[name];
    const slot = this.#slots.get(name);
    if (slot !== undefined) slot.failures = passing.has(why.code) ? slot.failures + 1 : 0;
    const same = before.state !== "value" && isDeepStrictEqual(before.why, why);
    if (before.state === "missing" || replacesValue.has(why.code)) {
      put(this.#readings, name, { state: "missing", at: this.#machine.now(), why });
    } else {
      put(this.#readings, name, { state: "stale", at: before.at, value: before.value, why });
    }
    if (!same) this.#tell(name);
  }

  #remember(name: FactName, at: number): void {
    const { cpu, memory } = this.#readings;
    if (name === "cpu" && cpu.state === "value") {
      this.#histories = { ...this.#histories, cpu: addSample(this.#histories.cpu, at, cpu.value.usage) };
    }
    if (name === "memory" && memory.state === "value") {
      const share = memory.value.usedBytes / memory.value.totalBytes;
      this.#histories = { ...this.#histories, memory: addSample(this.#histories.memory, at, share) };
    }
  }

  #tell(name: FactName): void {
    this.#changed.add(name);
    this.#cancelFlush ??= this.#machine.after(gatherMs, () => {
      this.#cancelFlush = undefined;
      const changed: Partial<Readings> = {};
      for (const one of this.#changed) pick(this.#readings, changed, one);
      this.#changed.clear();
      this.#onChange(changed);
    });
  }

  #schedule(name: FactName, delayMs: number): void {
    const slot = this.#slots.get(name);
    if (slot === undefined || slot.busy) return;
    slot.cancelNext();
    slot.cancelNext = this.#machine.after(Math.max(delayMs, 0), () => this.#read(name));
  }

  #untilNextMs(name: FactName): number {
    const periodMs = this.#periodMs(name);
    if (periodMs > alignUpToMs) return this.#paceMs(name);
    const untilMs = periodMs - (this.#clockMs() % periodMs);
    // A timer may fire a little early: the same moment must not count twice.
    return untilMs < periodMs / 10 ? untilMs + periodMs : untilMs;
  }

  /** From the begin of a read to the next one. */
  #paceMs(name: FactName): number {
    const failures = this.#slots.get(name)?.failures ?? 0;
    const retryMs = failures === 0 ? Number.POSITIVE_INFINITY : firstRetryMs * 2 ** (failures - 1);
    return Math.min(retryMs, this.#periodMs(name));
  }

  #periodMs(name: FactName): number {
    const source = this.#sources[name];
    if (source === undefined) return Number.POSITIVE_INFINITY;
    return this.#watched ? source.everyMs : source.idleEveryMs;
  }

  #clockMs(): number {
    return this.#machine.monotonicMs();
  }
}

/** By `assign`, for the compiler gives up (TS2590) on a plain assignment by a generic name to so many types. */
function put<N extends FactName>(to: Readings, name: N, reading: Reading<Values[N]>): void {
  Object.assign(to, { [name]: reading });
}

function pick<N extends FactName>(from: Readings, to: Partial<Readings>, name: N): void {
  to[name] = from[name];
}

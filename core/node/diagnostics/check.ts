import type { ManagerDoor } from "../../api/manager-door.ts";
import { NodeError } from "../../model/error.ts";
import type { FactName, Facts, FactValue, NodeRole } from "../../model/facts.ts";
import type { Missing, Reading } from "../../model/reading.ts";
import type { Finding } from "../../model/records.ts";
import { FactMissing } from "../facts/source.ts";
import { Logs } from "../logs.ts";
import type { Machine } from "../machine.ts";
import type { Listed } from "./format.ts";
import type { Resolver } from "./resolver.ts";

/**
 * What a check found about one thing. `code` is one of the check's codes; `values` fill in its sentences. `subject`
 * tells several findings of one check apart and appears in their ids: a disk, a unit.
 */
export type Outcome<C extends string> =
  | {
      outcome: "passed" | "warning" | "failed";
      code: C;
      values?: Record<string, string | Listed>;
      subject?: string;
      /** Since when, in milliseconds since the epoch, where that is known. */
      since?: number | null;
      /** The fix of `fixes.ts` that carries out the remedy. */
      fix?: string;
    }
  | { outcome: "unable"; subject?: string; why: Missing };

/**
 * One check. `run` gives an outcome for each thing that it looked at and nothing at all where it does not apply; what
 * it throws becomes `unable`, with the code `NAME.UNABLE`. It changes nothing.
 */
export type Check<C extends string = string> = {
  id: string;
  area: Finding["area"];
  /** First part of all its codes. */
  name: string;
  codes: readonly C[];
  run(context: CheckContext): Promise<Outcome<C>[]>;
};

/** Makes the compiler hold a check to its codes. */
export function defineCheck<const C extends string>(check: Check<C>): Check<C> {
  return check;
}

/** Asks this node's manager. */
export type AskManager = ManagerDoor["ask"];

/** Somebody waits for the whole of a diagnosis. */
const answerMs = 5_000;

export function askThrough(door: Pick<ManagerDoor, "ask">): AskManager {
  return (name, input) => door.ask(name, input, { timeoutMs: answerMs });
}

const whyNotAsked: Readonly<Record<string, Missing["code"]>> = {
  "CLOUD.ABSENT": "notRunning",
  "CLOUD.LOST": "notRunning",
  "CLOUD.TIMEOUT": "timeout",
  "CLOUD.DENIED": "denied",
  "CLOUD.NONSENSE": "nonsense",
};

/** What checks look at. */
export class CheckContext {
  readonly machine: Machine;
  readonly facts: Facts;
  readonly logs: Logs;
  readonly signal: AbortSignal;
  readonly resolver: Resolver | null;
  readonly #manager: AskManager | null;

  constructor(from: {
    machine: Machine;
    facts: Facts;
    signal: AbortSignal;
    resolver: Resolver | null;
    manager: AskManager | null;
  }) {
    this.machine = from.machine;
    this.facts = from.facts;
    this.signal = from.signal;
    this.resolver = from.resolver;
    this.logs = new Logs(from.machine);
    this.#manager = from.manager;
  }

  /** A call of this node's manager. @throws FactMissing with the reason why there is no answer */
  readonly ask: AskManager = async (name, input) => {
    const manager = "binnacle-manager";
    if (this.#manager === null) throw new FactMissing("notConfigured", manager);
    try {
      return await this.#manager(name, input);
    } catch (error) {
      if (!(error instanceof NodeError)) throw error;
      const code = whyNotAsked[error.code];
      throw code === undefined ? new FactMissing("failed", error.message) : new FactMissing(code, manager);
    }
  };

  /**
   * The fresh value of a fact. An old value proves nothing about now, so a stale one is not given either.
   *
   * @throws FactMissing with the reason, which makes the check `unable`.
   */
  fact<N extends FactName>(name: N): FactValue<N> {
    const reading = this.facts[name] as Reading<FactValue<N>>;
    if (reading.state === "value") return reading.value;
    throw new FactMissing(reading.why.code, reading.why.detail);
  }

  /** `none` also while the role is not known. */
  get role(): NodeRole {
    return this.facts.identity.state === "missing" ? "none" : this.facts.identity.value.role;
  }

  now(): number {
    return this.machine.now();
  }
}

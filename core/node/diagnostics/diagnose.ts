import type { Facts } from "../../model/facts.ts";
import type { Missing } from "../../model/reading.ts";
import type { Diagnosis, Finding } from "../../model/records.ts";
import { whyOf } from "../facts/source.ts";
import type { Machine } from "../machine.ts";
import { plainLine } from "../plain-text.ts";
import { type AskManager, type Check, CheckContext, type Outcome } from "./check.ts";
import { checks as allChecks } from "./checks.ts";
import type { Listed } from "./format.ts";
import type { Resolver } from "./resolver.ts";

export type DiagnosisOptions = {
  machine: Machine;
  /** The newest readings; a check whose facts are missing or stale is `unable`. */
  facts: Facts;
  /** Asks name servers; null where nothing may be sent. */
  resolver: Resolver | null;
  /** Asks this node's manager; null where there is none to ask. */
  manager?: AskManager | null;
  /** For each check; below the time that a caller waits for an answer. */
  timeoutMs?: number;
  checks?: readonly Check[];
};

/** Sentences have to fit on a screen, whatever a disk or a unit says. */
const maxValueLength = 110;
const outcomes: readonly Finding["outcome"][] = ["failed", "warning", "unable", "passed"];

/**
 * Runs every check that applies to this node, all at once, each with its own time limit. Failed findings come first,
 * then warnings, then checks that could not run, then those that passed. Changes nothing and never throws.
 */
export async function runDiagnostics(options: DiagnosisOptions): Promise<Diagnosis> {
  const { checks = allChecks, machine } = options;
  const found = await Promise.all(checks.map((check) => runCheck(check, options)));
  const findings = found.flat().sort((a, b) => outcomes.indexOf(a.outcome) - outcomes.indexOf(b.outcome));
  return { at: machine.now(), findings };
}

async function runCheck(check: Check, options: DiagnosisOptions): Promise<Finding[]> {
  const { machine, facts, resolver, manager = null, timeoutMs = 8000 } = options;
  const abort = new AbortController();
  let cancelTimer: () => void = () => {};
  const late = new Promise<Outcome<string>[]>((resolve) => {
    cancelTimer = machine.after(timeoutMs, () => {
      abort.abort();
      resolve([{ outcome: "unable", why: { code: "timeout", detail: `${timeoutMs / 1000} s` } }]);
    });
  });
  const context = new CheckContext({ machine, facts, resolver, manager, signal: abort.signal });
  // A check may throw before it gives a promise: then it is a fault of the check, and that of no other.
  const run = Promise.resolve()
    .then(() => check.run(context))
    .catch((error: unknown): Outcome<string>[] => [{ outcome: "unable", why: whyOf(error) }]);
  const result = await Promise.race([run, late]);
  cancelTimer();
  return result.map((outcome) => toFinding(check, outcome));
}

function toFinding(check: Check, outcome: Outcome<string>): Finding {
  const common = {
    id: outcome.subject === undefined ? check.id : `${check.id}:${outcome.subject}`,
    area: check.area,
    outcome: outcome.outcome,
  };
  if (outcome.outcome === "unable")
    return { ...common, code: unableCode(check), values: {}, since: null, unable: bounded(outcome.why), fix: null };
  const { code, values = {}, since = null, fix = null } = outcome;
  return { ...common, code, values: flatValues(values), since, unable: null, fix };
}

/** Texts that can't steer a terminal. What a list leaves out is a value of its own, `NAME.more`. */
function flatValues(values: Record<string, string | Listed>): Record<string, string> {
  const flat = Object.entries(values).flatMap(([name, value]) => {
    const { shown, more } = typeof value === "string" ? { shown: value, more: 0 } : value;
    const text = [name, plainLine(shown, maxValueLength)] as const;
    return more === 0 ? [text] : [text, [`${name}.more`, String(more)] as const];
  });
  return Object.fromEntries(flat);
}

/** What the catalogue calls a check that could not run. */
export function unableCode(check: Pick<Check, "name">): string {
  return `${check.name}.UNABLE`;
}

/** A reason has to fit on a line. */
function bounded({ code, detail }: Missing): Missing {
  return { code, detail: plainLine(detail, maxValueLength) };
}

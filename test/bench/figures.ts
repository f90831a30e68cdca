import { readFileSync } from "node:fs";
import * as os from "node:os";

/** What another program needs for the same; `value` is null when it could not be measured, for the reason `why`. */
export type Reference = { name: string; value: number | null; why?: string };

/** How far single measurements lie apart. */
export type Spread = { runs: number; min: number; median: number; max: number };

export type Unit = "ms" | "s" | "B" | "B/s" | "%" | "MiB" | "MB" | "keys" | "files" | "tasks/s" | "calls/s" | "hosts";

export type Figure = {
  name: string;
  /** Null when it could not be measured; `note` says why. */
  value: number | null;
  unit: Unit;
  /** Like `<= 150`. Null: shown for information. */
  goal: string | null;
  met: boolean | null;
  reference: Reference | null;
  /** Further programs, or the same with other settings. */
  more?: Reference[];
  spread?: Spread;
  note?: string;
};

export type Document = { bench: string; quick: boolean; machine: object; seconds: number; figures: Figure[] };

type FigureParts = Partial<Omit<Figure, "name" | "unit" | "met">>;

const digits: Record<Unit, number> = {
  ms: 1,
  s: 0,
  B: 0,
  "B/s": 1,
  "%": 2,
  MiB: 1,
  MB: 0,
  keys: 0,
  files: 0,
  "tasks/s": 0,
  "calls/s": 0,
  hosts: 0,
};

/** A figure, rounded as its unit deserves; whether it is met is computed from the figure before rounding. */
export function figure(name: string, value: number | null, unit: Unit, parts: FigureParts = {}): Figure {
  const { goal = null, reference = null, more, spread, note } = parts;
  const rounded = (x: number) => Number(x.toFixed(digits[unit]));
  const ofReference = (r: Reference) => ({ ...r, value: r.value === null ? null : rounded(r.value) });
  return {
    name,
    value: value === null ? null : rounded(value),
    unit,
    goal,
    met: goal === null || value === null ? null : meets(value, goal),
    reference: reference === null ? null : ofReference(reference),
    ...(more === undefined ? {} : { more: more.map(ofReference) }),
    ...(spread === undefined
      ? {}
      : {
          spread: {
            runs: spread.runs,
            min: rounded(spread.min),
            median: rounded(spread.median),
            max: rounded(spread.max),
          },
        }),
    ...(note === undefined ? {} : { note }),
  };
}

const comparisons: Record<string, (a: number, b: number) => boolean> = {
  "<=": (a, b) => a <= b,
  "<": (a, b) => a < b,
  ">=": (a, b) => a >= b,
  ">": (a, b) => a > b,
};

/** Whether a value satisfies a goal such as `<= 150`. Throws on a goal that is no comparison with a number. */
export function meets(value: number, goal: string): boolean {
  const [, operator = "", bound = ""] = /^(<=|<|>=|>) (\d+(?:\.\d+)?)$/.exec(goal) ?? [];
  const compare = comparisons[operator];
  if (compare === undefined) throw new Error(`"${goal}" is no goal: it must read like "<= 150".`);
  return compare(value, Number(bound));
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  return {
    runs: sorted.length,
    min: sorted[0] ?? Number.NaN,
    median: medianOf(sorted),
    max: sorted.at(-1) ?? Number.NaN,
  };
}

export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** The machine that it ran on, and how busy it was when the run began. */
export function machine(): object {
  const release = /^PRETTY_NAME="?([^"\n]*)/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "unknown";
  return {
    cpu: os.cpus()[0]?.model ?? "unknown",
    cores: os.availableParallelism(),
    memoryMiB: Math.round(os.totalmem() / 2 ** 20),
    kernel: os.release(),
    os: release,
    node: process.versions.node,
    loadAtStart: Number(os.loadavg()[0]?.toFixed(2)),
  };
}

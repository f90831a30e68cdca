import { readdirSync, readFileSync } from "node:fs";

/** USER_HZ: the unit of times in /proc, the same on every architecture that Linux still has. */
const ticksPerSecond = 100;

/**
 * Processor time in seconds that a process has used since it started, with all its children, those that have ended and
 * those that live. Source: proc_pid_stat(5). Steps of 10 ms.
 */
export function cpuSeconds(pid: number): number {
  // The name may hold blanks and brackets; behind the last bracket come the fields from the third on.
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const own = fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / ticksPerSecond;
  return childrenOf(pid).reduce((sum, child) => sum + secondsOrNothing(child), own);
}

/** A child that ended between two reads is in its parent's figures by the next. */
function secondsOrNothing(pid: number): number {
  try {
    return cpuSeconds(pid);
  } catch {
    return 0;
  }
}

function childrenOf(pid: number): number[] {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.flatMap((thread) => {
    try {
      const text = readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").trim();
      return text === "" ? [] : text.split(" ").map(Number);
    } catch {
      return [];
    }
  });
}

export type Memory = { rssMiB: number; pssMiB: number };

/** Memory of one process, its children not counted. PSS divides pages that several share. Source: proc_pid_smaps(5). */
export function memoryOf(pid: number): Memory {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const mib = (name: string) => Number(new RegExp(`^${name}: +(\\d+) kB`, "m").exec(text)?.[1]) / 1024;
  return { rssMiB: mib("Rss"), pssMiB: mib("Pss") };
}

/**
 * The RSS alone, in MiB, for who looks often: what {@link memoryOf} reads holds up the process that it is of.
 * Source: proc_pid_status(5).
 */
export function rssOf(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
}

/** Processor time as a share of one core, in percent, in a number of equal parts of a window. */
export class CpuMeter {
  readonly #pid: number;
  readonly #marks: { at: number; seconds: number }[] = [];

  constructor(pid: number) {
    this.#pid = pid;
    this.mark();
  }

  mark(): void {
    this.#marks.push({ at: performance.now(), seconds: cpuSeconds(this.#pid) });
  }

  get percent(): number {
    return share(this.#marks[0], this.#marks.at(-1));
  }

  get parts(): number[] {
    return this.#marks.slice(1).map((mark, i) => share(this.#marks[i], mark));
  }
}

type Mark = { at: number; seconds: number };

function share(from: Mark | undefined, to: Mark | undefined): number {
  if (from === undefined || to === undefined) return Number.NaN;
  return (100 * (to.seconds - from.seconds)) / ((to.at - from.at) / 1000);
}

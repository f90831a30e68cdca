import type { Process } from "../model/records.ts";
import { linkOrNothing, type Machine, readOrNothing, sleep } from "./machine.ts";
import { plainLine } from "./plain-text.ts";

/** The kernel tells times in these, on every architecture that Debian has (USER_HZ). */
const ticksPerSecond = 100;
const sampleMs = 500;
/** A sample that is older says what was, not what is. */
const sampleAgeMs = 10_000;
const kernelThread = 0x0020_0000;

type Stat = { pid: number; startTicks: number; cpuTicks: number; residentPages: number; name: string; kernel: boolean };
type Sample = { atMs: number; stats: Map<number, Stat> };

/** The processes of this machine that use most, worked out when somebody asks. Arguments are never read: they may hold secrets. */
export class Processes {
  readonly #machine: Machine;
  #last: Sample | undefined;

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /**
   * The `limit` processes that use most CPU time or memory. CPU is the share of one core since the call before, when
   * that was within 10 s, else over half a second. Kernel threads count for CPU only: they have no memory of their own.
   */
  async top(by: "cpu" | "memory", limit: number): Promise<Process[]> {
    let before = this.#last;
    if (before === undefined || !this.#isRecent(before)) {
      before = await this.#sample();
      await sleep(this.#machine, sampleMs, new AbortController().signal);
    }
    const now = await this.#sample();
    this.#last = now;
    const top = rank(before, now, by).slice(0, limit);
    const users = userNames((await readOrNothing(this.#machine, "/etc/passwd")) ?? "");
    const found = await Promise.all(top.map((one) => this.#describe(one, users)));
    return found.filter((one) => one !== undefined);
  }

  #isRecent(sample: Sample): boolean {
    const age = this.#machine.monotonicMs() - sample.atMs;
    return age >= sampleMs && age < sampleAgeMs;
  }

  async #sample(): Promise<Sample> {
    const pids = (await this.#machine.readDir("/proc")).filter((name) => /^\d+$/.test(name));
    const stats = new Map<number, Stat>();
    for (const pid of pids) {
      // A process that ended meanwhile is no error.
      const stat = parseStat((await readOrNothing(this.#machine, `/proc/${pid}/stat`)) ?? "");
      if (stat !== undefined) stats.set(stat.pid, stat);
    }
    return { atMs: this.#machine.monotonicMs(), stats };
  }

  async #describe({ stat, cpu }: Ranked, users: Map<number, string>): Promise<Process | undefined> {
    const status = await readOrNothing(this.#machine, `/proc/${stat.pid}/status`);
    const uid = /^Uid:\t(\d+)/m.exec(status ?? "")?.[1];
    if (uid === undefined) return undefined;
    const residentKib = /^VmRSS:\s*(\d+) kB$/m.exec(status ?? "")?.[1] ?? "0";
    const user = plainLine(users.get(Number(uid)) ?? uid, 32);
    const name = plainLine(await this.#nameOf(stat), 64);
    return { pid: stat.pid, user, name, cpu, memoryBytes: Number(residentKib) * 1024 };
  }

  /** The kernel keeps 15 bytes of a name, and Node calls all of its processes MainThread: the program's file knows. */
  async #nameOf(stat: Stat): Promise<string> {
    const cut = Buffer.byteLength(stat.name) >= 15;
    if (stat.kernel || (!cut && stat.name !== "MainThread")) return stat.name;
    const file = await linkOrNothing(this.#machine, `/proc/${stat.pid}/exe`);
    const program =
      file
        ?.replace(/ \(deleted\)$/, "")
        .split("/")
        .at(-1) ?? "";
    return program.startsWith(stat.name) || (stat.name === "MainThread" && program !== "") ? program : stat.name;
  }
}

/** Source: proc_pid_stat(5). A name may hold blanks and parentheses: it ends at the last one. */
export function parseStat(text: string): Stat | undefined {
  const open = text.indexOf("(");
  const close = text.lastIndexOf(")");
  if (open < 0 || close < open) return undefined;
  const rest = text.slice(close + 2).split(" ");
  const field = (number: number) => Number(rest[number - 3]);
  const stat = {
    pid: Number(text.slice(0, open)),
    name: text.slice(open + 1, close),
    kernel: (field(9) & kernelThread) !== 0,
    cpuTicks: field(14) + field(15),
    startTicks: field(22),
    residentPages: field(24),
  };
  return Number.isFinite(stat.pid + stat.cpuTicks + stat.startTicks + stat.residentPages) ? stat : undefined;
}

type Ranked = { stat: Stat; cpu: number };

/** Processes of the later sample, those that use most first. */
export function rank(before: Sample, now: Sample, by: "cpu" | "memory"): Ranked[] {
  const seconds = Math.max(now.atMs - before.atMs, 1) / 1000;
  const ranked = [...now.stats.values()]
    .filter((stat) => by === "cpu" || !stat.kernel)
    .map((stat) => {
      const was = before.stats.get(stat.pid);
      // Another process may have got the number; a new one has used all of its time since the sample before.
      const ticksBefore = was?.startTicks === stat.startTicks ? was.cpuTicks : 0;
      return { stat, cpu: Math.max(stat.cpuTicks - ticksBefore, 0) / ticksPerSecond / seconds };
    });
  const memory = (a: Ranked, b: Ranked) => b.stat.residentPages - a.stat.residentPages;
  const cpu = (a: Ranked, b: Ranked) => b.cpu - a.cpu;
  const [first, second] = by === "cpu" ? [cpu, memory] : [memory, cpu];
  return ranked.sort((a, b) => first(a, b) || second(a, b) || a.stat.pid - b.stat.pid);
}

function userNames(passwd: string): Map<number, string> {
  const names = new Map<number, string>();
  for (const line of passwd.split("\n")) {
    const [name, , uid] = line.split(":");
    // Of several names for one number the first counts, as for the C library.
    if (name !== undefined && uid !== undefined && /^\d+$/.test(uid) && !names.has(Number(uid)))
      names.set(Number(uid), name);
  }
  return names;
}

import type { FactValue } from "../../model/facts.ts";
import { type Machine, readOrNothing, sleep } from "../machine.ts";
import { FactMissing, type Source } from "./source.ts";

/** Time that one processor, or all together, spent, in the kernel's ticks. */
export type CpuTicks = { idle: number; iowait: number; steal: number; total: number };
/** By the name in /proc/stat: `cpu` for all, `cpu0` … for each. */
export type CpuSample = ReadonlyMap<string, CpuTicks>;
export type CpuUsage = Omit<FactValue<"cpu">, "model">;

/** Two readings this far apart make the first figure. */
const firstGapMs = 200;

/** Use of the processors since the reading before. */
export function cpuSource(): Source<"cpu"> {
  let model: string | undefined;
  let before: CpuSample | undefined;
  let usage: CpuUsage | undefined;
  return {
    name: "cpu",
    everyMs: 1000,
    // Two samples in each step of the history.
    idleEveryMs: 5000,
    budgetMs: 1500,
    async read(machine, signal) {
      // Once only: on a large machine the kernel asks every core for its frequency.
      model ??= await readModel(machine);
      if (before === undefined) {
        before = parseStat(await machine.readFile("/proc/stat"));
        await sleep(machine, firstGapMs, signal);
      }
      const now = parseStat(await machine.readFile("/proc/stat"));
      usage = usageBetween(before, now) ??
        usage ?? { usage: 0, iowait: 0, steal: 0, cores: [...now.keys()].slice(1).map(() => 0) };
      before = now;
      return { model, ...usage };
    },
  };
}

/** The `cpu` lines of proc_stat(5). Guest time is part of user time there and not counted again. */
export function parseStat(text: string): CpuSample {
  const sample = new Map<string, CpuTicks>();
  for (const found of text.matchAll(/^(cpu\d*) +([\d ]+)$/gm)) {
    const ticks = (found[2] ?? "").trim().split(/ +/).map(Number);
    const [, , , idle = 0, iowait = 0, , , steal = 0] = ticks;
    const total = ticks.slice(0, 8).reduce((sum, value) => sum + value, 0);
    sample.set(found[1] ?? "", { idle, iowait, steal, total });
  }
  if (!sample.has("cpu")) throw new FactMissing("nonsense", "/proc/stat");
  return sample;
}

/**
 * Shares between two samples; undefined when no time has passed. Single counters of the kernel may go backwards (idle
 * and iowait do, and all of them after a core was taken away and came back): such a counter counts as unchanged.
 */
export function usageBetween(before: CpuSample, now: CpuSample): CpuUsage | undefined {
  const all = shares(before.get("cpu"), now.get("cpu"));
  if (all === undefined) return undefined;
  const cores: number[] = [];
  for (const [name, ticks] of now) {
    if (name !== "cpu") cores.push(shares(before.get(name), ticks)?.usage ?? 0);
  }
  return { ...all, cores };
}

function shares(before: CpuTicks | undefined, now: CpuTicks | undefined) {
  if (before === undefined || now === undefined) return undefined;
  const passed = now.total - before.total;
  if (passed <= 0) return undefined;
  const share = (ticks: number) => Math.min(Math.max(ticks / passed, 0), 1);
  const idle = Math.max(now.idle - before.idle, 0);
  const iowait = Math.max(now.iowait - before.iowait, 0);
  return {
    usage: share(passed - idle - iowait),
    iowait: share(iowait),
    steal: share(now.steal - before.steal),
  };
}

/** The processor's name; ARM has none in /proc/cpuinfo. */
export async function readModel(machine: Machine): Promise<string> {
  const text = (await readOrNothing(machine, "/proc/cpuinfo")) ?? "";
  const name = /^(?:model name|Model|cpu model)\s*: (.+)$/m.exec(text)?.[1] ?? "";
  return name
    .replace(/\((?:R|TM|tm)\)/g, "")
    .replace(/\s+/g, " ")
    .trim();
}

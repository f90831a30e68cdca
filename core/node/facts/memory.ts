import type { FactValue } from "../../model/facts.ts";
import { readOrNothing } from "../machine.ts";
import { FactMissing, type Source } from "./source.ts";

/** Memory and swap in use, and how much the machine suffers from a lack of it. */
export function memorySource(): Source<"memory"> {
  return {
    name: "memory",
    everyMs: 2000,
    idleEveryMs: 10_000,
    budgetMs: 2000,
    async read(machine) {
      const meminfo = await machine.readFile("/proc/meminfo");
      return parseMeminfo(meminfo, parsePressure(await readOrNothing(machine, "/proc/pressure/memory")));
    },
  };
}

/** Source: proc_meminfo(5). Its "kB" are 1024 bytes. */
export function parseMeminfo(text: string, pressure: number | null): FactValue<"memory"> {
  const bytes = new Map<string, number>();
  for (const [, name = "", kib] of text.matchAll(/^(\w+(?:\(\w+\))?): +(\d+) kB$/gm))
    bytes.set(name, Number(kib) * 1024);
  const of = (name: string) => bytes.get(name) ?? 0;
  const totalBytes = of("MemTotal");
  const availableBytes = bytes.get("MemAvailable");
  if (totalBytes === 0 || availableBytes === undefined || availableBytes > totalBytes) {
    throw new FactMissing("nonsense", "/proc/meminfo");
  }
  return {
    totalBytes,
    usedBytes: totalBytes - availableBytes,
    availableBytes,
    cachedBytes: of("Cached") + of("Buffers") + of("SReclaimable"),
    swapTotalBytes: of("SwapTotal"),
    swapUsedBytes: Math.max(of("SwapTotal") - of("SwapFree"), 0),
    pressure,
  };
}

/** Share of the last 10 s in which some task waited. Source: the kernel's accounting/psi. Null when it is off. */
export function parsePressure(text: string | undefined): number | null {
  const percent = /^some avg10=([\d.]+) /m.exec(text ?? "")?.[1];
  return percent === undefined ? null : Number(percent) / 100;
}

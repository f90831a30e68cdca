import type { LogLine } from "../../model/records.ts";
import { readOrNothing } from "../machine.ts";
import { plainLine } from "../plain-text.ts";
import { type CheckContext, defineCheck, type Outcome } from "./check.ts";
import { percent, size } from "./format.ts";

const availableLimit = 0.05;
const pressureLimit = 0.1;
const dayMs = 86_400_000;

type Code = "MEMORY.OK" | "MEMORY.LOW" | "MEMORY.PRESSURE" | "MEMORY.OOM" | "MEMORY.OOM_EARLIER";

/** Memory that runs out: what is left, what tasks wait for it, and processes that the kernel killed for it. */
export const memoryCheck = defineCheck({
  id: "memory",
  area: "node",
  name: "MEMORY",
  codes: ["MEMORY.OK", "MEMORY.LOW", "MEMORY.PRESSURE", "MEMORY.OOM", "MEMORY.OOM_EARLIER"],
  async run(context) {
    const { totalBytes, availableBytes, pressure } = context.fact("memory");
    const share = availableBytes / totalBytes;
    const found: Outcome<Code>[] = await killed(context);
    const values = {
      available: size(availableBytes),
      total: size(totalBytes),
      share: percent(share),
      limit: percent(availableLimit),
      pressure: pressure === null ? "-" : percent(pressure),
      pressureLimit: percent(pressureLimit),
    };
    if (share < availableLimit) found.push({ outcome: "failed", code: "MEMORY.LOW", subject: "available", values });
    else if (pressure !== null && pressure > pressureLimit)
      found.push({ outcome: "warning", code: "MEMORY.PRESSURE", subject: "pressure", values });
    if (found.length === 0) found.push({ outcome: "passed", code: "MEMORY.OK", values });
    return found;
  },
});

/** Processes that the kernel killed in the last 24 hours. The counter since boot says whether the log is worth reading. */
async function killed(context: CheckContext): Promise<Outcome<Code>[]> {
  const vmstat = await readOrNothing(context.machine, "/proc/vmstat");
  const sinceBoot = Number(/^oom_kill (\d+)$/m.exec(vmstat ?? "")?.[1] ?? 0);
  if (sinceBoot === 0) return [];
  const query = { unit: "kernel", match: "Killed process", since: context.now() - dayMs, limit: 1000 };
  const page = await context.logs.read(query).catch(() => undefined);
  if (page === undefined) {
    const time = context.facts.time;
    const since = time.state === "missing" ? null : time.value.bootAt;
    return [
      { outcome: "warning", code: "MEMORY.OOM_EARLIER", subject: "oom", values: { count: String(sinceBoot) }, since },
    ];
  }
  const [newest] = page.lines;
  if (newest === undefined) return [];
  const values = { count: String(page.lines.length), process: victimOf(newest) };
  return [{ outcome: "failed", code: "MEMORY.OOM", subject: "oom", values, since: newest.at }];
}

/** `Out of memory: Killed process 4711 (java) total-vm:…`. Source: mm/oom_kill.c. */
function victimOf({ message }: LogLine): string {
  return plainLine(/Killed process \d+ \((.*?)\)[, ]/.exec(message)?.[1] ?? "-", 30);
}

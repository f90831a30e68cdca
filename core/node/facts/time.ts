import { linkOrNothing, type Machine, readOrNothing } from "../machine.ts";
import { FactMissing, type Source } from "./source.ts";

/** The machine's clock, time since boot and load averages. */
export function timeSource(): Source<"time"> {
  return {
    name: "time",
    everyMs: 5000,
    idleEveryMs: 10_000,
    budgetMs: 2000,
    async read(machine) {
      const uptimeSeconds = parseUptime(await machine.readFile("/proc/uptime"));
      const load = parseLoad(await machine.readFile("/proc/loadavg"));
      const now = machine.now();
      // To the second: the clock's small corrections must not make the boot time move.
      const bootAt = Math.round(now / 1000 - uptimeSeconds) * 1000;
      return { bootAt, now, uptimeSeconds, load, timezone: await readTimezone(machine) };
    },
  };
}

/** Seconds since boot. Source: proc_uptime(5). */
export function parseUptime(text: string): number {
  const seconds = Number(text.split(" ")[0]);
  if (text.trim() === "" || !Number.isFinite(seconds)) throw new FactMissing("nonsense", "/proc/uptime");
  return seconds;
}

/** Load over 1, 5 and 15 minutes. Source: proc_loadavg(5). */
export function parseLoad(text: string): [number, number, number] {
  const found = /^([\d.]+) ([\d.]+) ([\d.]+) /.exec(text);
  if (found === null) throw new FactMissing("nonsense", "/proc/loadavg");
  return [Number(found[1]), Number(found[2]), Number(found[3])];
}

/** Name of the time zone: what /etc/localtime points to, or else what /etc/timezone says. */
async function readTimezone(machine: Machine): Promise<string> {
  const link = await linkOrNothing(machine, "/etc/localtime");
  const name = link?.split("/zoneinfo/")[1] ?? (await readOrNothing(machine, "/etc/timezone"));
  return name === undefined || name === "" ? "UTC" : name;
}

import * as z from "zod";
import type { FactValue } from "../../model/facts.ts";
import type { Machine } from "../machine.ts";
import { commandFailed, FactMissing, parseJson, runText, type Source, whyOf } from "./source.ts";

type Clock = FactValue<"clock">;

const timeoutMs = 4000;
/** Asking timedatectl starts a service each time and fills the journal with it: a machine without our daemons waits. */
const otherEveryMs = 900_000;

/** Who sets the clock, from where, and how well: chrony, systemd-timesyncd, or somebody else. */
export function clockSource(): Source<"clock"> {
  let other: { at: number; clock: Clock | undefined } | undefined;
  return {
    name: "clock",
    everyMs: 30_000,
    idleEveryMs: 120_000,
    budgetMs: 12_000,
    async read(machine, signal) {
      const ours = (await readChrony(machine, signal)) ?? (await readTimesyncd(machine, signal));
      if (ours !== undefined) return ours;
      if (other === undefined || machine.monotonicMs() - other.at > otherEveryMs) {
        other = { at: machine.monotonicMs(), clock: await readOther(machine, signal) };
      }
      if (other.clock === undefined) throw new FactMissing("notRunning", "chrony, systemd-timesyncd");
      return other.clock;
    },
  };
}

/**
 * `chronyc -c -N -m tracking "sources -a"`: one line of tracking, then one for each source. The offset's sign is
 * positive there when the clock is slow. Source: chrony's client.c, print_report.
 */
export function parseChrony(text: string): Clock {
  const rows = text
    .trim()
    .split("\n")
    .map((line) => line.split(","));
  const [refId = "", name = "", , , offset = ""] = rows[0] ?? [];
  const leap = rows[0]?.[13];
  if (leap === undefined || !Number.isFinite(Number(offset)) || offset === "") {
    throw new FactMissing("nonsense", "chronyc");
  }
  // 7F7F0101 is chrony's own clock, declared good by `local`; 00000000 is none.
  const hasSource = refId !== "7F7F0101" && refId !== "00000000";
  const servers = rows.slice(1).flatMap((row) => (row[2] === undefined ? [] : [row[2]]));
  return {
    daemon: "chrony",
    inSync: hasSource && leap !== "Not synchronised",
    source: hasSource && name !== "" ? name : null,
    // `0 -` and not `-`: no negative zero.
    offsetSeconds: hasSource ? 0 - Number(offset) : null,
    servers: [...new Set(servers)],
  };
}

/** Properties of org.freedesktop.timesync1, one a line, in the order of `timesyncProperties`. */
const names = z.object({ data: z.array(z.string()) });
const word = z.object({ data: z.string() });
const message = z.object({ data: z.array(z.unknown()) });
const timesyncProperties = [
  "LinkNTPServers",
  "SystemNTPServers",
  "RuntimeNTPServers",
  "FallbackNTPServers",
  "ServerName",
  "NTPMessage",
];
const ntpMessage = z.object({
  stratum: z.number(),
  originate: z.number(),
  receive: z.number(),
  transmit: z.number(),
  destination: z.number(),
});

/** The kernel takes a clock for wrong when nobody has set it for so long: 16 s of error at 500 ppm. */
const syncLifetimeMs = 32_000_000;

/** `busctl --json=short get-property` of systemd-timesyncd; `synchronized`: it has set the clock since it started. */
export function parseTimesync(text: string, synchronized: boolean, now: number): Clock {
  const lines = text.trim().split("\n");
  const line = (name: string) => lines[timesyncProperties.indexOf(name)] ?? "";
  const list = (name: string) => parseJson(names, line(name), "busctl").data;
  const configured = [...list("LinkNTPServers"), ...list("SystemNTPServers"), ...list("RuntimeNTPServers")];
  const server = parseJson(word, line("ServerName"), "busctl").data;
  const last = parseNtpMessage(parseJson(message, line("NTPMessage"), "busctl").data);
  const answered = last !== undefined && now - last.destination / 1000 < syncLifetimeMs;
  return {
    daemon: "timesyncd",
    inSync: synchronized && answered && server !== "",
    source: server === "" ? null : server,
    offsetSeconds: last === undefined ? null : offsetOf(last),
    servers: configured.length > 0 ? configured : list("FallbackNTPServers"),
  };
}

/** The fields of `NTPMessage` that matter; undefined while no server has answered. Times are microseconds. */
function parseNtpMessage(fields: unknown[]): z.infer<typeof ntpMessage> | undefined {
  const [, , , stratum, , , , , originate, receive, transmit, destination] = fields;
  const parsed = ntpMessage.safeParse({ stratum, originate, receive, transmit, destination });
  if (!parsed.success) throw new FactMissing("nonsense", "busctl: NTPMessage");
  return parsed.data.stratum === 0 ? undefined : parsed.data;
}

/** RFC 5905, section 8, with the sign turned: positive when our clock is fast. */
function offsetOf({ originate, receive, transmit, destination }: z.infer<typeof ntpMessage>): number {
  return 0 - (receive - originate + (transmit - destination)) / 2 / 1e6;
}

/** Undefined when chrony isn't there or does not run. */
async function readChrony(machine: Machine, signal: AbortSignal): Promise<Clock | undefined> {
  try {
    const args = ["-c", "-N", "-m", "tracking", "sources -a"];
    const { code, stdout, stderr } = await machine.run("chronyc", args, { timeoutMs, signal });
    if (code === 0) return parseChrony(stdout);
    if (/cannot talk to daemon/i.test(stdout + stderr)) return undefined;
    throw commandFailed("chronyc", stderr || stdout);
  } catch (error) {
    if (whyOf(error).code === "notInstalled") return undefined;
    throw error;
  }
}

/** Undefined when timesyncd does not run: its folder in /run is gone then, and asking it would start it. */
async function readTimesyncd(machine: Machine, signal: AbortSignal): Promise<Clock | undefined> {
  const folder = await machine.readDir("/run/systemd/timesync").catch(() => undefined);
  if (folder === undefined) return undefined;
  const bus = ["org.freedesktop.timesync1", "/org/freedesktop/timesync1", "org.freedesktop.timesync1.Manager"];
  const args = ["--json=short", "get-property", ...bus, ...timesyncProperties];
  const text = await runText(machine, "busctl", args, { timeoutMs, signal });
  return parseTimesync(text, folder.includes("synchronized"), machine.now());
}

/** Another daemon, as the kernel sees its work; undefined when nobody keeps the clock right. */
async function readOther(machine: Machine, signal: AbortSignal): Promise<Clock | undefined> {
  try {
    const args = ["show", "--property=NTPSynchronized", "--value"];
    const text = await runText(machine, "timedatectl", args, { timeoutMs, signal });
    if (text.trim() !== "yes") return undefined;
    return { daemon: "other", inSync: true, source: null, offsetSeconds: null, servers: [] };
  } catch {
    return undefined;
  }
}

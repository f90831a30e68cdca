import type { LocalReason, LocalState } from "../../model/local-machines.ts";

/** The figures of one domain, by their names: `vcpu.0.time`. */
export type Stats = ReadonlyMap<string, string>;

/** `virsh domstats --raw`: blocks that begin with `Domain: 'NAME'`. Names are unique on a host, and have no line ends. */
export function parseDomstats(text: string): Map<string, Stats> {
  const byName = new Map<string, Stats>();
  let current: Map<string, string> | undefined;
  for (const line of text.split("\n")) {
    const name = /^Domain: '(.*)'$/.exec(line)?.[1];
    if (name !== undefined) {
      current = new Map();
      byName.set(name, current);
      continue;
    }
    const cut = line.indexOf("=");
    if (cut > 0) current?.set(line.slice(0, cut).trim(), line.slice(cut + 1));
  }
  return byName;
}

/** A figure that may be 0; null when it was not told. */
export function counter(stats: Stats | undefined, name: string): number | null {
  const text = stats?.get(name);
  if (text === undefined || !/^\d+$/.test(text)) return null;
  return Number(text);
}

/** A figure that can't be 0: no machine is without processor and memory. */
export function amount(stats: Stats | undefined, name: string): number | null {
  const value = counter(stats, name);
  return value === 0 ? null : value;
}

export function kibibytes(stats: Stats | undefined, name: string): number | null {
  const value = amount(stats, name);
  return value === null ? null : value * 1024;
}

/** Processor time of all virtual processors in nanoseconds; null when it is not told of one that is switched on. */
export function cpuTimeOf(stats: Stats | undefined): number | null {
  let sum: number | null = null;
  for (const [name, value] of stats ?? []) if (/^vcpu\.\d+\.time$/.test(name)) sum = (sum ?? 0) + Number(value);
  return sum;
}

/** The parts `block.0.…`, `block.1.…` or `net.0.…` of a domain, each as a function of the rest of the name. */
export function partsOf(stats: Stats | undefined, kind: "block" | "net"): ((name: string) => string | undefined)[] {
  const count = counter(stats, `${kind}.count`) ?? 0;
  return Array.from(
    { length: Math.min(count, 1024) },
    (_, nth) => (name: string) => stats?.get(`${kind}.${nth}.${name}`),
  );
}

type Condition = { state: LocalState; why: LocalReason | null };

/** Of virDomainState. Blocked on a resource and shutting down are still running. */
const states: Readonly<Record<string, LocalState>> = {
  "1": "running",
  "2": "running",
  "3": "paused",
  "4": "running",
  "5": "stopped",
  "6": "crashed",
  "7": "suspended",
};

/** Of virDomainShutoffReason; what is not here is not known: libvirt forgets it when it is started anew. */
const endings: Readonly<Record<string, LocalReason>> = {
  "1": "shutDown",
  "2": "switchedOff",
  "3": "crashed",
  "4": "moved",
  "5": "saved",
  "6": "failed",
};

/** Of virDomainPausedReason: VIR_DOMAIN_PAUSED_MIGRATION, _IOERROR, and STARTING_UP, as a copy that comes in has it. */
const pauses: Readonly<Record<string, LocalReason>> = { "2": "moving", "5": "ioError", "11": "moving" };

/** What `state.state` and `state.reason` mean. */
export function conditionOf(stats: Stats | undefined): Condition {
  const number = stats?.get("state.state") ?? "";
  const reason = stats?.get("state.reason") ?? "";
  const state = states[number] ?? "unknown";
  if (state === "paused") return { state, why: pauses[reason] ?? null };
  if (state === "crashed") return { state, why: null };
  if (state === "running") return { state, why: number === "4" ? "shuttingDown" : null };
  if (state !== "stopped") return { state, why: null };
  const why = endings[reason] ?? null;
  if (why === "crashed") return { state: "crashed", why: null };
  return why === "saved" ? { state: "suspended", why } : { state, why };
}

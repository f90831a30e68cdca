import type { MachineCounters, MachineParts } from "../../hypervisor/local.ts";
import type { LocalMachineView } from "../../model/local-machines.ts";
import { plainLine } from "../plain-text.ts";

/* Rates are made of two readings of counters. Times are milliseconds of a clock that never steps. */

/** A machine's counters as they were at a moment. */
export type Counted = { at: number; counters: MachineCounters };
/** `disk`: of all disks together. */
export type OneRates = {
  disk: number | null;
  disks: NonNullable<LocalMachineView["disks"]>;
  nics: NonNullable<LocalMachineView["nics"]>;
};

/** Rates of less time than this say more about when the readings were made than about the machine. */
export const shortestGapMs = 500;

/** Between two counters of one run of a machine; null when there is none, or the later one is smaller. */
function rate(before: number | null | undefined, now: number | null, gapMs: number): number | null {
  if (before === null || before === undefined || now === null || gapMs < shortestGapMs || now < before) return null;
  return ((now - before) / gapMs) * 1000;
}

/** Share of all its processors' time. More than all of it is a reading that came late: it counts as all. */
export function cpuShareBetween(before: Counted | undefined, { at, counters }: Counted): number | null {
  const { cpus, cpuNs, state } = counters;
  if (before === undefined || state !== "running" || before.counters.state !== "running" || cpus === null) return null;
  const nanoseconds = rate(before.counters.cpuNs, cpuNs, at - before.at);
  return nanoseconds === null ? null : Math.min(nanoseconds / 1e9 / cpus, 1);
}

/** Bytes a second of all its cards together; null when of none two readings are there. */
export function networkBetween(before: Counted | undefined, { at, counters }: Counted): number | null {
  if (before === undefined || counters.nics.length === 0) return null;
  let sum: number | null = null;
  for (const { target, received, sent } of counters.nics) {
    const was = before.counters.nics.find((each) => each.target === target);
    const one = rate(was === undefined ? null : was.received + was.sent, received + sent, at - before.at);
    if (one !== null) sum = (sum ?? 0) + one;
  }
  return sum;
}

/** Of each disk and each card, by two readings of one machine. */
export function ratesBetween(
  before: { at: number; parts: MachineParts } | undefined,
  { at, parts }: { at: number; parts: MachineParts },
): OneRates {
  const gapMs = before === undefined ? 0 : at - before.at;
  const disks = parts.disks.map(({ target, path, sizeBytes, allocatedBytes, read, written }) => {
    const was = before?.parts.disks.find((each) => each.target === target && each.path === path);
    return {
      ...{ target, path: plainLine(path, 1024), sizeBytes, allocatedBytes },
      ...{ read: rate(was?.read, read, gapMs), written: rate(was?.written, written, gapMs) },
    };
  });
  const nics = parts.nics.map(({ mac, on, target, received, sent }) => {
    const was = before?.parts.nics.find((each) => each.mac === mac && each.target === target);
    return {
      ...{ mac, on: plainLine(on, 64), target: plainLine(target, 64) },
      ...{ received: rate(was?.received, received, gapMs), sent: rate(was?.sent, sent, gapMs) },
    };
  });
  const known = disks.flatMap(({ read, written }) => (read === null || written === null ? [] : [read + written]));
  return { disk: known.length === 0 ? null : known.reduce((sum, one) => sum + one, 0), disks, nics };
}

import type * as z from "zod/mini";
import { shown } from "../quote.ts";
import { type Refusal, refusalOf } from "./refusal.ts";
import type { affinityGroup } from "./vm.ts";

/*
 * The rule of an affinity group. What counts is where machines keep CPU and memory: one that runs, is Paused, Unknown or
 * in Error counts on its host, for it may run there; one that moves counts on both hosts; one that is Stopped, Suspended
 * or was never started counts nowhere.
 */

export type AffinityPolicy = z.infer<typeof affinityGroup>["policy"];

/** Placing and reading a group look at all its machines. */
export const mostAffineMachines = 200;

/** Apart, or together. */
export function isApart(policy: AffinityPolicy): boolean {
  return policy === "antiSoft" || policy === "antiHard";
}

/** A rule that is kept, or a wish. */
export function isHard(policy: AffinityPolicy): boolean {
  return policy === "antiHard" || policy === "proHard";
}

/** A machine of a group, and the hosts that it counts on. */
export type AffineMachine = { uuid: string; name: string; hosts: readonly string[] };
export type Breach = { machine: AffineMachine; host: string; other: AffineMachine; otherHost: string };

/** Two machines that break a hard rule. @param concerns only those of which one is among these; all when left out */
export function breachOf(
  policy: AffinityPolicy,
  machines: readonly AffineMachine[],
  concerns?: ReadonlySet<string>,
): Breach | undefined {
  if (!isHard(policy)) return;
  // Those that are asked about come first: then one of them is named.
  const ordered = machines.toSorted((a, b) => Number(concerns?.has(b.uuid) ?? 0) - Number(concerns?.has(a.uuid) ?? 0));
  for (const [nth, machine] of ordered.entries()) {
    if (concerns !== undefined && !concerns.has(machine.uuid)) return;
    for (const other of ordered.slice(nth + 1))
      for (const host of machine.hosts) {
        const otherHost = other.hosts.find((each) => (each === host) === isApart(policy));
        if (otherHost !== undefined) return { machine, host, other, otherHost };
      }
  }
  return;
}

/** Why machines can't belong to a group, or a group have its rule. Code: VM.1070. @param hostName of a host's uuid */
export function breachRefusal(
  where: string,
  { name, policy }: { name: string; policy: AffinityPolicy },
  { machine, host, other, otherHost }: Breach,
  hostName: (uuid: string) => string,
): Refusal {
  const group = `the affinity group ${shown(name)} (${policy})`;
  const [one, two] = [shown(machine.name), shown(other.name)];
  const [here, there] = [shown(hostName(host)), shown(hostName(otherHost))];
  const details = isApart(policy)
    ? `${one} and ${two} are both on the host ${here}, and ${group} keeps its machines apart.`
    : `${one} is on the host ${here} and ${two} on ${there}, and ${group} keeps its machines together.`;
  const remedy = `Move (MigrateVm) or stop one of them first, or take a group whose policy is ${isApart(policy) ? "antiSoft" : "proSoft"}.`;
  return refusalOf("VM.1070", {
    where,
    details,
    remedy,
    values: { machine: machine.uuid, host, other: other.uuid, otherHost },
  });
}

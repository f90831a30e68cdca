import type { MachineReport } from "../../hypervisor/driver.ts";
import { afterPing, changeHostStatus, type HostLife } from "../../model/cloud/host.ts";
import { hostLost, observeVm, type VmLife } from "../../model/cloud/vm-life.ts";
import type { Observation } from "../../model/cloud/vm-states.ts";
import { orThrow } from "../calls/shared.ts";
import type { HostReport } from "../host-link.ts";
import type { Mirror } from "../mirror.ts";
import type { Records, Tx } from "../records.ts";
import { settleParts } from "../vm/follow.ts";
import { lifeOf, type Machine, removeMachine, settled } from "../vm/life.ts";
import { migrationOf } from "../vm/migration-record.ts";
import { protocolTag } from "./protocol.ts";
import { isUnseen, noLongerUnseen } from "./unseen.ts";
import type { Host, HostWorld } from "./world.ts";

/* The command channel of a host, and what it means for the machines on it. */

/** Machines that one transaction changes. */
const atOnce = 200;

export function hostLife({ state, status, earlierState, failedPings }: Host): HostLife {
  return { state, status, earlierState, failedPings };
}

/** Begins to connect a host anew; one that is being connected already stays so. @throws HOST.1002 */
export function reconnecting(tx: Tx, uuid: string): Host {
  const host = tx.need("Host", uuid);
  if (host.status === "Connecting") return host;
  return tx.update("Host", uuid, orThrow(changeHostStatus(host.name, hostLife(host), "reconnect")));
}

/** Takes in how a ping ended. Returns whether the host has just been lost. */
export async function pinged(world: HostWorld, uuid: string, answered: boolean): Promise<boolean> {
  const threshold = world.settings.number("host.ping.maxFailure");
  const isLost = await world.records.change((tx) => {
    const host = tx.get("Host", uuid);
    if (host === undefined) return false;
    const after = afterPing(hostLife(host), answered, threshold);
    tx.update("Host", uuid, after);
    return host.status === "Connected" && after.status === "Disconnected";
  });
  if (isLost) await machinesLost(world.records, uuid);
  return isLost;
}

/** A host that could not be connected, or was lost in another way. */
export async function disconnected({ records }: HostWorld, uuid: string): Promise<void> {
  await records.change((tx) => {
    const host = tx.get("Host", uuid);
    if (host === undefined || host.status === "Disconnected") return;
    tx.update("Host", uuid, orThrow(changeHostStatus(host.name, hostLife(host), "lost")));
  });
  await machinesLost(records, uuid);
}

/** A host that was to be connected and now is not: lost, so that it is tried again. */
export function lostWhileConnecting(tx: Tx, uuid: string): void {
  const host = tx.get("Host", uuid);
  if (host?.status !== "Connecting") return;
  tx.update("Host", uuid, orThrow(changeHostStatus(host.name, hostLife(host), "lost")));
}

/** Nobody knows any more what the machines of a host do. */
async function machinesLost(records: Records, hostUuid: string): Promise<void> {
  const uuids = records.mirror.find("VmInstance", "hostUuid", hostUuid).map(({ value }) => value.uuid);
  for (let from = 0; from < uuids.length; from += atOnce)
    await records.change((tx) => {
      // Connected again meanwhile: what the host says counts.
      if (tx.get("Host", hostUuid)?.status !== "Disconnected") return;
      for (const uuid of uuids.slice(from, from + atOnce)) {
        const machine = tx.get("VmInstance", uuid);
        if (machine === undefined || machine.hostUuid !== hostUuid) continue;
        // Its task finds out where it is, and ends soon.
        if (machine.operation !== null && migrationOf(tx, uuid) !== undefined) continue;
        apply(tx, machine, hostLost(machine.name, lifeOf(machine)));
      }
    });
}

/** What the records say of the machines of a host, by their uuids. */
export type Lives = ReadonlyMap<string, string>;

export function livesOn(mirror: Mirror, hostUuid: string): Lives {
  const all = [
    ...mirror.find("VmInstance", "hostUuid", hostUuid),
    ...mirror.find("VmInstance", "lastHostUuid", hostUuid),
  ];
  return new Map(all.map(({ value }) => [value.uuid, lifeText(value)]));
}

function lifeText({ state, operation, hostUuid }: Machine): string {
  return `${state} ${operation ?? "-"} ${hostUuid ?? "-"}`;
}

/**
 * Takes in what machines a host has. Those of the cloud follow what it says; a process of a machine that must not run
 * there is told to `stray`, and left alone. One that is another now than `before` the host was asked is left alone, too.
 *
 * @returns whether there was none of those
 */
export async function observed(
  { records }: HostWorld,
  hostUuid: string,
  reports: readonly MachineReport[],
  before: Lives,
  stray: (uuid: string, why: string) => void,
): Promise<boolean> {
  const seen = new Map(reports.map(({ uuid, state }) => [uuid, state]));
  const coming = new Set(reports.flatMap(({ uuid, migration }) => (migration?.way === "in" ? [uuid] : [])));
  const { mirror } = records;
  const here = mirror.find("VmInstance", "hostUuid", hostUuid);
  // Nothing at all of a suspended one says that its memory is gone.
  const kept = mirror.find("VmInstance", "lastHostUuid", hostUuid).filter(({ value }) => value.state === "Suspended");
  const known = [...here, ...kept].map(({ value }) => value.uuid);
  const uuids = [...new Set([...known, ...seen.keys()])];
  let [isWhole, isClear] = [true, true];
  for (let from = 0; from < uuids.length; from += atOnce) {
    const { strays, changed } = await records.change((tx) => {
      const changed: string[] = [];
      const strays = uuids.slice(from, from + atOnce).flatMap((uuid) => {
        if (tx.unreadable.get("VmInstance", uuid) !== undefined)
          return isOff(seen.get(uuid)) ? [] : [{ uuid, why: "its record can't be read" }];
        const machine = tx.get("VmInstance", uuid);
        // Two hosts may have it: what one of them says alone is not the truth, and a copy that is coming is no machine.
        if (machine !== undefined && (coming.has(uuid) || migrationOf(tx, uuid) !== undefined)) return [];
        const state: Observation = seen.get(uuid) ?? "stopped";
        const isElsewhere = machine !== undefined && machine.hostUuid !== hostUuid && machine.hostUuid !== null;
        // What is off on this host says nothing of a machine that is on another one.
        if (machine === undefined || (isElsewhere && (state === "stopped" || !hasMoved(tx, machine, hostUuid))))
          return isOff(state) ? [] : [{ uuid, why: machine === undefined ? "unknown" : "on another host" }];
        const isHere = machine.hostUuid === hostUuid || machine.lastHostUuid === hostUuid;
        if (!isHere && !isElsewhere && isOff(state)) return [];
        if (isHere && before.get(uuid) !== lifeText(machine)) {
          changed.push(uuid);
          return [];
        }
        // Its end will say better, also where it is then: one that is being started may have no host yet.
        if (machine.operation !== null) return [];
        const outcome = observeVm(machine.name, lifeOf(machine), state);
        if (!outcome.done) return [{ uuid, why: outcome.refusal.details }];
        apply(tx, machine, outcome.next, hostUuid);
        return [];
      });
      return { strays, changed };
    });
    if (changed.length > 0) isWhole = false;
    for (const { uuid, why } of strays) {
      stray(uuid, why);
      // It has a record, by which it could be started elsewhere.
      if (mirror.get("VmInstance", uuid) ?? mirror.unreadable.get("VmInstance", uuid)) isClear = false;
    }
  }
  if (isWhole && isClear && records.mirror.get("UnseenHost", hostUuid) !== undefined)
    await records.change((tx) => noLongerUnseen(tx, hostUuid));
  return isWhole;
}

/** No process of it is there; what is kept of its memory is of no use to whoever is on another host by now. */
function isOff(state: Observation | undefined): boolean {
  return state === "stopped" || state === "suspended";
}

/** Whether a machine may have been moved here after the backup was made from which its record comes. */
function hasMoved(tx: Tx, { state, operation, hostUuid: from }: Machine, hostUuid: string): boolean {
  if (state !== "Unknown" || operation !== null || from === null) return false;
  // The host of its record has not said that it is there.
  return isUnseen(tx, hostUuid) && isUnseen(tx, from);
}

function apply(tx: Tx, machine: Machine, life: VmLife | null, hostUuid: string | null = machine.hostUuid): void {
  if (life === null) removeMachine(tx, machine.uuid);
  else settleParts(tx, tx.update("VmInstance", machine.uuid, settled(machine, life, hostUuid)));
}

/** What a host has said of itself; the tags that an administrator gave stay. */
export function described(host: Host, report: HostReport): Partial<Host> {
  const told = new Set(report.tags.map(nameOfTag));
  const own = host.tags.filter((tag) => !told.has(nameOfTag(tag)) && !isReported(tag));
  const more = [modelTag(report.cpuModel), protocolTag(report.protocol)];
  return {
    cpuCores: report.cpuCores,
    memoryTotal: report.memoryTotalBytes,
    tags: [...own, ...more, ...report.tags].slice(0, 256),
  };
}

/** Names of processors have blanks and brackets in them, which a tag has not. */
export function modelTag(model: string): string {
  const plain = model.replace(/[^\w.+/~@,=-]+/g, "-").replace(/^-+|-+$/g, "");
  return `${modelPrefix}${plain.slice(0, 128) || "unknown"}`;
}

export const modelPrefix = "cpu::model::";

const reportedPrefixes = [
  "agent::",
  "os::",
  "libvirt::",
  "qemu-img::",
  "hvm::",
  "capability:",
  "cpu::",
  "hypervisor::",
] as const;

/** Whether a host tells such tags of itself. */
export function isReported(tag: string): boolean {
  return reportedPrefixes.some((prefix) => tag.startsWith(prefix));
}

function nameOfTag(tag: string): string {
  return tag.split("::").slice(0, -1).join("::") || tag;
}

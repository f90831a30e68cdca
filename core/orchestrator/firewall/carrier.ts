import type { HostCommand } from "../../hypervisor/driver.ts";
import { type HostFirewall, openFirewall } from "../../hypervisor/firewall.ts";
import type { HostLink } from "../host-link.ts";
import { hostsCode } from "../images/world.ts";
import type { RecordOf } from "../kinds.ts";
import type { Records } from "../records.ts";
import { firewallOf } from "./firewall-of.ts";

export type FirewallWorld = { records: Records; link: HostLink; newUuid: () => string };

const commandMs = 60_000;

/**
 * Tells a host what its cards let in and out, as the records are now; nothing when it never was told anything and has
 * nothing to know, for agents of former versions don't understand it. @returns what it knows then
 */
export async function carryFirewall(
  { records, link, newUuid }: FirewallWorld,
  host: RecordOf<"Host">,
  signal: AbortSignal,
): Promise<HostFirewall> {
  const { mirror } = records;
  const revision = mirror.revision;
  const firewall = firewallOf(mirror, host.uuid);
  const isEmpty = firewall.cards.length === 0;
  const wasTold = mirror.get("HostFirewall", host.uuid) !== undefined;
  if (isEmpty && !wasTold) return openFirewall;
  // Noted before it is told: whatever happens, it is told too when it has nothing to know any more.
  if (!wasTold) await note(records, host.uuid, true);
  const id = `firewall-${newUuid()}`;
  const how = { id, flow: id, epoch: 0, timeoutMs: commandMs, signal };
  await link.command(host, { do: "setFirewall", revision, firewall }, how);
  if (isEmpty) await note(records, host.uuid, false);
  return firewall;
}

/** Before a machine comes onto a host its cards' rules are there. @throws what the link throws */
export async function carryBefore(
  world: FirewallWorld,
  host: RecordOf<"Host">,
  command: HostCommand,
  signal: AbortSignal,
): Promise<void> {
  if (command.do !== "startMachine" && command.do !== "restoreMachine" && command.do !== "expectMachine") return;
  const macs = new Set(command.machine.nics.map(({ mac }) => mac));
  const isInGroup = firewallOf(world.records.mirror, host.uuid).cards.some(({ mac }) => macs.has(mac));
  if (!isInGroup) return;
  await carryFirewall(world, host, signal).catch((error: unknown) => {
    // Another manager has told it what is newer, and so has this machine in it.
    if (hostsCode(error) !== "HYPERVISOR.FIREWALL_OLD") throw error;
  });
}

async function note(records: Records, hostUuid: string, isTold: boolean): Promise<void> {
  await records.change((tx) => {
    const isNoted = tx.get("HostFirewall", hostUuid) !== undefined;
    if (isTold && !isNoted) tx.put("HostFirewall", hostUuid, { hostUuid });
    // A machine of the host has come into a group meanwhile.
    else if (!isTold && isNoted && firewallOf(records.mirror, hostUuid).cards.length === 0)
      tx.delete("HostFirewall", hostUuid);
  });
}

import type { HostCommand } from "../../hypervisor/driver.ts";
import type { NicSpec } from "../../hypervisor/nic-spec.ts";
import type { MachineDisk } from "../../hypervisor/volume-commands.ts";
import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import { shown } from "../../model/quote.ts";
import { oldestHostProtocol } from "../host-link.ts";
import type { Host } from "./world.ts";

/* What hosts of which version of the protocol can be told: see `hostProtocol`. */

const prefix = "agent::protocol::";

export function protocolTag(protocol: number): string {
  return `${prefix}${protocol}`;
}

/** The first version that knows limits. */
const withLimits = 2;

/** Whether the agent of a host knows limits of cards and volumes. */
export function knowsLimits({ tags }: Pick<Host, "tags">): boolean {
  const told = tags.find((tag) => tag.startsWith(prefix));
  return (told === undefined ? oldestHostProtocol : Number(told.slice(prefix.length))) >= withLimits;
}

/** A command as the agent of a host understands it. @throws HOST.1040 when it would not do what is wanted */
export function commandFor(host: Host, command: HostCommand): HostCommand {
  if (knowsLimits(host)) return command;
  switch (command.do) {
    // Of these hosts none has ever limited anything; one that comes has its limits from the host where it was started.
    case "detachNic":
      return { ...command, nics: command.nics.map(freeNic) };
    case "restoreMachine":
    case "expectMachine": {
      const { disks, nics } = command.machine;
      return { ...command, machine: { ...command.machine, disks: disks.map(freeDisk), nics: nics.map(freeNic) } };
    }
    case "startMachine": {
      const { disks, nics } = command.machine;
      if (disks.some(isLimitedDisk) || nics.some(isLimitedNic)) throw tooOld(host);
      return command;
    }
    case "attachNic":
      if (command.nics.some((nic) => nic.mac === command.mac && isLimitedNic(nic))) throw tooOld(host);
      return { ...command, nics: command.nics.map(freeNic) };
    case "attachVolume":
      if (isLimitedDisk(command.disk)) throw tooOld(host);
      return command;
    default:
      return command;
  }
}

function isLimitedDisk({ limits }: MachineDisk): boolean {
  return limits !== undefined;
}

function isLimitedNic({ sentBytesPerSecond }: NicSpec): boolean {
  return sentBytesPerSecond !== undefined;
}

function freeDisk({ limits: _, ...disk }: MachineDisk): MachineDisk {
  return disk;
}

function freeNic({ sentBytesPerSecond: _, ...nic }: NicSpec): NicSpec {
  return nic;
}

function tooOld({ name }: Host): CloudError {
  const details = "Its agent is of a release that knows no limits of cards and volumes, and the offering has some.";
  const remedy =
    "Upgrade the node (zstack-upgrade) and reconnect the host (ReconnectHost), or take an offering without limits.";
  return new CloudError(refusalOf("HOST.1040", { where: `Host ${shown(name)}`, details, remedy }));
}

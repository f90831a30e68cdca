import type { HostCommand, MachineSpec } from "../../hypervisor/driver.ts";
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

/** What an agent needs that is of the first version, in words. */
const brought = {
  limits: "limits of cards and volumes, and the offering has some",
  seed: "data for cloud-init in the guest",
  copies: "moves with a host's own disks",
} as const;

/** Whether the agent of a host knows what the second version has brought. */
export function isOfSecond({ tags }: Pick<Host, "tags">): boolean {
  const told = tags.find((tag) => tag.startsWith(prefix));
  return (told === undefined ? oldestHostProtocol : Number(told.slice(prefix.length))) >= 2;
}

/** A command as the agent of a host understands it. @throws HOST.1040 when it would not do what is wanted */
export function commandFor(host: Host, command: HostCommand): HostCommand {
  if (isOfSecond(host)) return command;
  switch (command.do) {
    // Of these hosts none has ever limited anything; one that comes has its limits from the host where it was started.
    case "detachNic":
      return { ...command, nics: command.nics.map(freeNic) };
    case "restoreMachine": {
      const { seed: _, ...machine } = freeMachine(command.machine);
      return { ...command, machine };
    }
    case "expectMachine":
      if (command.copies !== undefined) throw tooOld(host, "copies");
      if (command.machine.seed !== undefined) throw tooOld(host, "seed");
      return { ...command, machine: freeMachine(command.machine) };
    case "migrateMachine":
      if (command.copies !== undefined) throw tooOld(host, "copies");
      return command;
    case "startMachine": {
      const { disks, nics, seed } = command.machine;
      if (disks.some(isLimitedDisk) || nics.some(isLimitedNic)) throw tooOld(host, "limits");
      if (seed !== undefined) throw tooOld(host, "seed");
      return command;
    }
    case "attachNic":
      if (command.nics.some((nic) => nic.mac === command.mac && isLimitedNic(nic))) throw tooOld(host, "limits");
      return { ...command, nics: command.nics.map(freeNic) };
    case "attachVolume":
      if (isLimitedDisk(command.disk)) throw tooOld(host, "limits");
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

function freeMachine({ disks, nics, ...machine }: MachineSpec): MachineSpec {
  return { ...machine, disks: disks.map(freeDisk), nics: nics.map(freeNic) };
}

function freeDisk({ limits: _, ...disk }: MachineDisk): MachineDisk {
  return disk;
}

function freeNic({ sentBytesPerSecond: _, ...nic }: NicSpec): NicSpec {
  return nic;
}

function tooOld({ name }: Host, what: keyof typeof brought): CloudError {
  const details = `Its agent is of a release that knows no ${brought[what]}.`;
  const remedy = "Upgrade the node (zstack-upgrade) and reconnect the host (ReconnectHost), or do without.";
  return new CloudError(refusalOf("HOST.1040", { where: `Host ${shown(name)}`, details, remedy }));
}

import * as z from "zod/mini";
import { shown } from "../quote.ts";
import { bytes, ipAddress, line, mac, record, say, tags, unit, uuid, uuids } from "./fields.ts";
import { type Refusal, refusalOf } from "./refusal.ts";
import { onOffMachine } from "./state-machine.ts";
import { isVmLife } from "./vm-life.ts";
import { type VmOperation, vmOperationNames } from "./vm-operations.ts";
import { type VmState, vmStateNames } from "./vm-states.ts";

const state = z.enum(vmStateNames as [VmState, ...VmState[]]);
const platforms = ["Linux", "Windows", "Other"] as const;
const haLevels = ["NeverStop", "None"] as const;

/** A mistyped number stops here. A real host's own number of threads is the closer limit. */
const mostCpus = 1024;
const smallestMemoryBytes = 16 * 1024 ** 2;
const cpuNum = z.int().check(z.minimum(1), z.maximum(mostCpus));
const memorySize = z.int().check(z.minimum(smallestMemoryBytes), z.multipleOf(1024), unit("bytes"));
/** ISO images in its drives. Source: ../shared/spec/cloud.md, "VM states". */
export const mostIsos = 3;

/** Why a machine takes no further ISO image; undefined when it does. Code: VM.1007. */
export function isoRefusal(name: string, attached: readonly string[], isoUuid: string): Refusal | undefined {
  const where = `VmInstance ${shown(name)}`;
  const refused = (details: string, remedy: string) =>
    refusalOf("VM.1007", { where, details, remedy, values: { attached: attached.length, most: mostIsos } });
  if (attached.includes(isoUuid)) return refused("It has this ISO image already.", "Choose another one.");
  if (attached.length < mostIsos) return;
  return refused(`It has ${attached.length} ISO images already.`, "Detach another one first.");
}

/** Nothing, or so many a second. */
const operationLimit = z.nullable(z.int().check(z.minimum(1)));
const byteLimit = z.nullable(z.int().check(z.minimum(1), unit("bytes")));

export const vmInstance = record({
  clusterUuid: say(uuid, "The cluster that it runs in."),
  hostUuid: say(z.nullable(uuid), "The host that it is on; null when it is on none."),
  lastHostUuid: say(z.nullable(uuid), "The host that it was on the last time."),
  instanceOfferingUuid: say(z.nullable(uuid), "What its size was taken from; null when it was given."),
  imageUuid: say(z.nullable(uuid), "The image that its root volume was made of."),
  rootVolumeUuid: say(z.nullable(uuid), "Its root volume; null until it is made."),
  defaultL3NetworkUuid: say(z.nullable(uuid), "The network of its default route."),
  vmNicUuids: say(uuids, "Its network cards, by device id."),
  isoUuids: say(uuids.check(z.maxLength(mostIsos)), "ISO images in its drives, three at most."),
  affinityGroupUuid: say(z.nullable(uuid), "The affinity group that it belongs to."),
  cpuNum: say(cpuNum, "Virtual processors."),
  memorySize: say(memorySize, "Bytes of memory, a multiple of 1024."),
  platform: say(z.enum(platforms), "The guest's family of systems."),
  state: say(state, "Where it is in its life."),
  operation: say(z.nullable(z.enum(vmOperationNames as [VmOperation, ...VmOperation[]])), "The operation that runs."),
  earlierState: say(z.nullable(state), "The state before that operation."),
  stateBeforeRescue: say(z.nullable(z.enum(["Running", "Stopped"])), "The state before a rescue."),
  locked: say(z.boolean(), "The accident guard: operations of people are refused."),
  haLevel: say(z.enum(haLevels), "NeverStop: started again whenever it stops, but for noRestart."),
  noRestart: say(z.boolean(), "An administrator stopped it and wants it stopped, whatever happens."),
  bootOrder: say(
    z.array(z.enum(["HardDisk", "CdRom", "Network"])).check(
      z.minLength(1),
      z.maxLength(3),
      z.refine((devices) => new Set(devices).size === devices.length),
    ),
    "Devices that it boots from, the first that works.",
  ),
  tags: say(tags, "Notes; requiredHostTag::gpu keeps it on hosts with the tag gpu, preferredHostTag::… prefers them."),
}).check(z.refine(isVmLife));

export const vmNic = record({
  vmInstanceUuid: say(uuid, "The machine that it belongs to."),
  l3NetworkUuid: say(uuid, "The network that it is in."),
  deviceId: say(z.int().check(z.nonnegative(), z.maximum(255)), "Its place in the machine, from 0."),
  mac: say(mac, "Its MAC address, in lower case."),
  ip: say(z.nullable(ipAddress), "Its address; null in a network without ranges."),
  securityGroupUuids: say(
    // Cards that never were in any, and records of former versions, have none.
    z.exactOptional(uuids),
    "Security groups that it is in; in none it is open.",
  ),
});

export const instanceOffering = record({
  cpuNum: say(cpuNum, "Virtual processors."),
  memorySize: say(memorySize, "Bytes of memory, a multiple of 1024."),
  state: say(z.enum(["Enabled", "Disabled"]), "Whether new machines may take it."),
  networkBandwidth: say(byteLimit, "Bytes a second that a machine may send; null: no limit."),
  diskBandwidth: say(byteLimit, "Bytes a second that its root volume may move; null: no limit."),
  diskIops: say(operationLimit, "Operations a second of its root volume; null: no limit."),
  // Records of former versions have none.
  tags: say(
    z.exactOptional(tags),
    "Such as requiredHostTag::gpu or preferredHostTag::disk::ssd, which its machines get.",
  ),
});

export const instanceOfferingState = onOffMachine("InstanceOffering", "SYS.1002", "No new machine may take it.");

export const diskOffering = record({
  diskSize: say(bytes.check(z.minimum(1024 ** 2)), "Bytes of a volume made by it."),
  state: say(z.enum(["Enabled", "Disabled"]), "Whether new volumes may take it."),
  diskBandwidth: say(byteLimit, "Bytes a second; null: no limit."),
  diskIops: say(operationLimit, "Operations a second; null: no limit."),
});

export const diskOfferingState = onOffMachine("DiskOffering", "SYS.1002", "No new volume may take it.");

/** Affinity of machines on hosts. `anti…` apart, `pro…` together; Hard: or not at all. Source: ha.md. */
export const affinityGroup = record({
  policy: say(
    z.enum(["antiSoft", "antiHard", "proSoft", "proHard"]),
    "Anti: on hosts apart; pro: on one host. Hard: or not at all; Soft: where there is room.",
  ),
  vmInstanceUuids: say(uuids, "The machines in it."),
  state: say(z.enum(["Enabled", "Disabled"]), "Whether it is looked at."),
  usage: say(z.nullable(line(255)), "What it is for; or null."),
});

export const affinityGroupState = onOffMachine("AffinityGroup", "SYS.1002", "Placing machines does not look at it.");

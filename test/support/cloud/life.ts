import assert from "node:assert/strict";
import type { CloudCallName } from "../../../core/model/cloud/calls/index.ts";
import { routeOf } from "../../../core/model/cloud/vm-life.ts";
import { vmOperationCalls } from "../../../core/model/cloud/vm-operation-calls.ts";
import { type VmOperation, vmOperationNames } from "../../../core/model/cloud/vm-operations.ts";
import type { VmState } from "../../../core/model/cloud/vm-states.ts";
import type { RecordOf } from "../../../core/orchestrator/kinds.ts";

/** One machine after another wants one of its own. */
let [nextAddress, nextMac] = [100, 0x20];

/* Every operation on a machine, as a person asks for it. */

/**
 * A machine and what belongs to it; empty where it has none. `free`: a data volume, `network`, `iso`: of which it has
 * nothing yet. `inDrive`: an image in a drive. `own`: the network of its card.
 */
const names = ["vm", "root", "snapshot", "data", "free", "image", "iso", "inDrive", "nic", "own", "network"] as const;
export type Things = Record<(typeof names)[number], string>;

/** `for`: the operations that the call begins, by the machine's state. `needs`: what the machine must have to be asked. */
export type Ask = {
  readonly name: CloudCallName;
  readonly for: readonly VmOperation[];
  readonly needs?: keyof Things;
  readonly input: (things: Things) => object;
};

const ofVm = (name: CloudCallName, operations: readonly VmOperation[], more: object = {}): Ask => ({
  name,
  for: operations,
  input: ({ vm }) => ({ uuid: vm, ...more }),
});

const mebibyte = 1024 ** 2;

export const asks: readonly Ask[] = [
  ofVm("StartVmInstance", ["start", "launch"]),
  ofVm("StopVmInstance", ["stop"], { type: "grace" }),
  ofVm("StopVmInstance", ["powerOff"], { type: "cold" }),
  ofVm("RebootVmInstance", ["reboot"]),
  ofVm("PauseVmInstance", ["pause"]),
  ofVm("SuspendVmInstance", ["suspend"]),
  ofVm("ResumeVmInstance", ["resume"]),
  ofVm("MigrateVm", ["migrateLive", "migrateCold"]),
  ofVm("ChangeInstanceOffering", ["resize"], { cpuNum: 2 }),
  {
    name: "ReimageVmInstance",
    for: ["rebuild"],
    input: ({ vm, image }) => ({ uuid: vm, ...(image === "" ? {} : { imageUuid: image }) }),
  },
  {
    name: "RescueVmInstance",
    for: ["rescue"],
    needs: "image",
    input: ({ vm, image }) => ({ uuid: vm, imageUuid: image }),
  },
  ofVm("UnrescueVmInstance", ["unrescue"]),
  ofVm("ShelveVmInstance", ["shelve"]),
  ofVm("UnshelveVmInstance", ["unshelve"]),
  ofVm("CloneVmInstance", ["clone"], { names: ["copy"] }),
  ofVm("DestroyVmInstance", ["delete"]),
  ofVm("RecoverVmInstance", ["recover"]),
  ofVm("ExpungeVmInstance", ["expunge"]),
  {
    name: "CreateVolumeSnapshot",
    for: ["snapshot"],
    input: ({ root }) => ({ volumeUuid: root, name: "s" }),
  },
  { name: "RevertVolumeFromSnapshot", for: ["revert"], needs: "snapshot", input: ({ snapshot: uuid }) => ({ uuid }) },
  {
    name: "DeleteVolumeSnapshot",
    for: ["deleteSnapshot"],
    needs: "snapshot",
    input: ({ snapshot: uuid }) => ({ uuid }),
  },
  {
    name: "AttachDataVolumeToVm",
    for: ["attachVolume"],
    input: ({ vm, free }) => ({ uuid: free, vmInstanceUuid: vm }),
  },
  { name: "DetachDataVolumeFromVm", for: ["detachVolume"], needs: "data", input: ({ data: uuid }) => ({ uuid }) },
  {
    name: "ResizeDataVolume",
    for: ["resizeVolume"],
    needs: "data",
    input: ({ data: uuid }) => ({ uuid, size: 64 * mebibyte }),
  },
  {
    name: "AttachIsoToVmInstance",
    for: ["attachIso"],
    needs: "iso",
    input: ({ vm, iso }) => ({ uuid: vm, isoUuid: iso }),
  },
  {
    name: "DetachIsoFromVmInstance",
    for: ["detachIso"],
    needs: "inDrive",
    input: ({ vm, inDrive }) => ({ uuid: vm, isoUuid: inDrive }),
  },
  ofVm("SetVmBootOrder", ["setBootOrder"], { bootOrder: ["CdRom", "HardDisk"] }),
  ofVm("SetVmConsolePassword", ["setConsolePassword"], { consolePassword: "open sesame" }),
  ofVm("DeleteVmConsolePassword", ["setConsolePassword"]),
  ofVm("SetVmUserData", ["setUserData"], { userData: "I2Nsb3VkLWNvbmZpZwo=" }),
  ofVm("DeleteVmUserData", ["setUserData"]),
  ofVm("SetVmSshKey", ["setSshKey"], { sshPublicKeys: [] }),
  ofVm("DeleteVmSshKey", ["setSshKey"]),
  ofVm("SetVmHostname", ["setHostname"], { hostName: "web" }),
  ofVm("DeleteVmHostname", ["setHostname"]),
  {
    name: "AttachL3NetworkToVm",
    for: ["attachNic"],
    needs: "network",
    input: ({ vm, network }) => ({ uuid: vm, l3NetworkUuid: network }),
  },
  { name: "DetachL3NetworkFromVm", for: ["detachNic"], needs: "nic", input: ({ nic: uuid }) => ({ uuid }) },
  {
    name: "SetVmStaticIp",
    for: ["setStaticIp"],
    needs: "own",
    input: ({ vm, own }) => ({ uuid: vm, l3NetworkUuid: own, ip: `10.1.0.${nextAddress++}` }),
  },
  {
    name: "UpdateVmNicMac",
    for: ["setMac"],
    needs: "nic",
    input: ({ nic: uuid }) => ({ uuid, mac: `fa:00:00:00:00:${(nextMac++).toString(16)}` }),
  },
  { name: "ResizeRootVolume", for: ["resizeVolume"], input: ({ root: uuid }) => ({ uuid, size: 64 * mebibyte }) },
];

/** A machine without anything. */
export function thingsOf(vm: string, root: string, more: Partial<Things> = {}): Things {
  const nothing = Object.fromEntries(names.map((name) => [name, ""])) as Things;
  return { ...nothing, vm, root, ...more };
}

/** No machine is there yet when they are asked for. */
const ofNoMachine: readonly VmOperation[] = ["create", "define"];

/** Of those that have a call none may be left out here. */
export function requireAllAsked(): void {
  const asked = new Set(asks.flatMap((ask) => ask.for));
  const missing = vmOperationNames.filter(
    (each) => vmOperationCalls[each] !== undefined && !asked.has(each) && !ofNoMachine.includes(each),
  );
  assert.deepEqual(missing, [], "say in test/support/cloud/life.ts how these are asked for");
}

/** The operation that the table says a call begins in a state; undefined when it is refused there. */
export function begins(ask: Ask, state: VmState): VmOperation | undefined {
  return ask.for.find((operation) => routeOf(operation, state) !== undefined);
}

/** What is known of all machines and of what belongs to them. */
export function allRecords(mirror: {
  all: <K extends "VmInstance" | "Volume" | "VolumeSnapshot" | "VmNic" | "Task">(
    kind: K,
  ) => Iterable<{ value: RecordOf<K> }>;
  count: (kind: "VmOperation" | "VolumeOperation") => number;
}): string {
  const kinds = ["VmInstance", "Volume", "VolumeSnapshot", "VmNic", "Task"] as const;
  const records = kinds.flatMap((kind) => [...mirror.all(kind)].map(({ value }) => value));
  return JSON.stringify([...records, mirror.count("VmOperation"), mirror.count("VolumeOperation")]);
}

import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import { beginVm } from "../../model/cloud/vm-life.ts";
import { orThrow } from "../calls/shared.ts";
import type { Flow } from "../flow/flow.ts";
import type { Tx } from "../records.ts";
import type { Round } from "./allocator.ts";
import { ensureDhcpServer } from "./dhcp-address.ts";
import { addressKey, end, endFailed, type Held, isHolder } from "./life.ts";
import type { PlacementRequest } from "./placement.ts";
import { machineSpec, volumePath } from "./spec.ts";
import { held, hostOf, look, tell, type VmWorld } from "./work.ts";

/** What somebody wants, complete: sizes are numbers, uuids are given out. */
export type CreateData = Held & {
  volumeUuid: string;
  /** `ip`: the address that somebody wants; null, or left out by a former version: any that is free. */
  nics: { uuid: string; mac: string; l3NetworkUuid: string; ip?: string | null }[];
  name: string;
  description: string | null;
  cpuNum: number;
  memorySize: number;
  rootDiskSize: number;
  instanceOfferingUuid: string | null;
  defaultL3NetworkUuid: string | null;
  clusterUuid: string | null;
  hostUuid: string | null;
  storageUuid: string | null;
  platform: "Linux" | "Windows" | "Other";
  haLevel: "NeverStop" | "None";
  tags: string[];
};

/** Makes a machine and starts it. What fails is taken back: no machine, no volume, no address is left. */
export function createVmFlow(world: VmWorld): Flow<CreateData> {
  return {
    name: "createVm",
    steps: [
      {
        name: "allocate",
        title: "Choosing host, storage and addresses",
        cancellable: true,
        async run(data) {
          await world.allocator.allocate((tx, round) => allocate(tx, round, data));
          return undefined;
        },
        // The records go when the flow has failed, after everything outside of the store has gone.
      },
      {
        name: "volume",
        title: "Making the root volume",
        cancellable: true,
        async run({ vmUuid, volumeUuid, rootDiskSize }, env) {
          const { hostUuid, path } = placeOf(world, vmUuid, volumeUuid);
          const command = { do: "createVolume", path, sizeBytes: rootDiskSize, format: "qcow2" } as const;
          await tell(world, hostOf(world, hostUuid), command, env);
          return {
            change: (tx) => {
              tx.update("Volume", volumeUuid, { status: "Ready", installPath: path, actualSize: 0 });
            },
          };
        },
        async undo({ vmUuid, volumeUuid, holder }, env) {
          // Somebody else has begun something with it, after its host had been lost: it is theirs.
          if (!isHolder(look(world), vmUuid, holder)) return undefined;
          const { hostUuid, path } = placeOf(world, vmUuid, volumeUuid);
          await tell(world, hostOf(world, hostUuid), { do: "deleteVolume", path }, env);
          return undefined;
        },
      },
      {
        name: "start",
        title: "Starting the machine",
        cancellable: true,
        async run(data, env) {
          const machine = machineSpec(look(world), held(world, data));
          const { hostUuid } = placeOf(world, data.vmUuid, data.volumeUuid);
          await tell(world, hostOf(world, hostUuid), { do: "startMachine", machine }, env);
          return undefined;
        },
        async undo({ vmUuid, volumeUuid, holder }, env) {
          if (!isHolder(look(world), vmUuid, holder)) return undefined;
          const { hostUuid } = placeOf(world, vmUuid, volumeUuid);
          await tell(world, hostOf(world, hostUuid), { do: "removeMachine", uuid: vmUuid }, env);
          return undefined;
        },
      },
    ],
    succeeded: (tx, data) => void end(tx, data, "done"),
    failed: (tx, data, _error, how) => endFailed(tx, data, how),
    result: ({ vmUuid }) => ({ vmInstanceUuid: vmUuid }),
  };
}

/** Host and file of a machine that has been placed. */
function placeOf(world: VmWorld, vmUuid: string, volumeUuid: string): { hostUuid: string; path: string } {
  const tx = look(world);
  const { hostUuid } = tx.need("VmInstance", vmUuid);
  const { primaryStorageUuid } = tx.need("Volume", volumeUuid);
  if (hostUuid === null || primaryStorageUuid === null) throw new Error(`${vmUuid} has no place.`);
  return { hostUuid, path: volumePath(tx.need("PrimaryStorage", primaryStorageUuid), volumeUuid) };
}

function allocate(tx: Tx, round: Round, data: CreateData): void {
  // A manager has ended between this and the note that it is done.
  if (tx.get("VmInstance", data.vmUuid) !== undefined) return;
  const { vmUuid, volumeUuid, nics, name, cpuNum, memorySize, rootDiskSize, clusterUuid, storageUuid } = data;
  const request: PlacementRequest = {
    name,
    cpuNum,
    memorySize,
    wantedHostUuid: data.hostUuid,
    volumesHostUuid: null,
    clusterUuid,
    networks: nics.map(({ l3NetworkUuid }) => networkOf(tx, l3NetworkUuid)),
    storages: [],
    rootVolume: { sizeBytes: rootDiskSize, storageUuid },
  };
  const placement = round.place(request);
  const addresses = nics.map(({ l3NetworkUuid, ip }) => round.address(l3NetworkUuid, ip));
  for (const { l3NetworkUuid } of nics) ensureDhcpServer(tx, l3NetworkUuid);
  for (const { mac } of nics) if (tx.get("MacUse", mac) !== undefined) throw macInUse(mac);
  const life = orThrow(beginVm(name, null, "create", {}));
  tx.put("VmOperation", vmUuid, { holder: data.holder });
  tx.insert("VmInstance", {
    ...life,
    uuid: vmUuid,
    name,
    description: data.description,
    clusterUuid: placement.clusterUuid,
    hostUuid: placement.hostUuid,
    lastHostUuid: null,
    instanceOfferingUuid: data.instanceOfferingUuid,
    imageUuid: null,
    rootVolumeUuid: volumeUuid,
    defaultL3NetworkUuid: data.defaultL3NetworkUuid,
    vmNicUuids: nics.map(({ uuid }) => uuid),
    isoUuids: [],
    affinityGroupUuid: null,
    cpuNum,
    memorySize,
    platform: data.platform,
    haLevel: data.haLevel,
    noRestart: false,
    bootOrder: ["HardDisk", "CdRom"],
    tags: data.tags,
  });
  tx.insert("Volume", {
    uuid: volumeUuid,
    name: `ROOT-for-${name}`.slice(0, 255).trimEnd(),
    description: null,
    primaryStorageUuid: placement.storageUuid,
    hostUuid: null,
    vmInstanceUuid: vmUuid,
    type: "Root",
    format: "qcow2",
    size: rootDiskSize,
    actualSize: 0,
    installPath: null,
    rootImageUuid: null,
    diskOfferingUuid: null,
    deviceId: 0,
    state: "Enabled",
    status: "Creating",
  });
  for (const [deviceId, { uuid, mac, l3NetworkUuid }] of nics.entries()) {
    const ip = addresses[deviceId] ?? null;
    tx.insert("VmNic", {
      uuid,
      name: `vnic${deviceId}.${vmUuid.slice(0, 8)}`,
      description: null,
      vmInstanceUuid: vmUuid,
      l3NetworkUuid,
      deviceId,
      mac,
      ip,
    });
    if (ip !== null) tx.put("AddressUse", addressKey(l3NetworkUuid, ip), { vmNicUuid: uuid }, true);
    tx.put("MacUse", mac, { vmNicUuid: uuid }, true);
  }
}

function macInUse(mac: string): CloudError {
  const details = `A network card has ${mac} already.`;
  const remedy = "Give another one, or leave it out to get a new one.";
  return new CloudError(refusalOf("NETWORK.1010", { where: "staticMacs", details, remedy, values: { mac } }));
}

/** Which clusters have a network. */
function networkOf(tx: Tx, l3NetworkUuid: string): PlacementRequest["networks"][number] {
  const { name, l2NetworkUuid } = tx.need("L3Network", l3NetworkUuid, "l3NetworkUuids");
  return { name, clusterUuids: tx.need("L2Network", l2NetworkUuid).attachedClusterUuids };
}

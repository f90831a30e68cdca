import { beginVm } from "../../model/cloud/vm-life.ts";
import { joinGroup } from "../affinity/members.ts";
import { orThrow } from "../calls/shared.ts";
import type { Flow, FlowEnv, Step } from "../flow/flow.ts";
import { bytesToCome, standOn } from "../images/base.ts";
import { ImageCarrier } from "../images/carrier.ts";
import { hostsCode, unlessCancelled } from "../images/world.ts";
import type { Tx } from "../records.ts";
import { placeOfMachine } from "../volume/place.ts";
import type { Round } from "./allocator.ts";
import { ensureDhcpServer } from "./dhcp-address.ts";
import { type GuestWish, insertGuestData } from "./guest-data.ts";
import type { RootImage } from "./image.ts";
import { end, endFailed, type Held, isRunning } from "./life.ts";
import { hasLimits } from "./limits.ts";
import { hostNameOf, insertNic, requireFreeMac } from "./nic.ts";
import type { PlacementRequest } from "./placement.ts";
import { machineSpec, volumePath } from "./spec.ts";
import { held, hostOf, look, tell, type VmWorld } from "./work.ts";

/** However long a slow line takes: each of its pieces ends in bounded time. */
const longestBringMs = 7 * 86_400_000;
const overlayAttempts = 3;

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
  /** What its root volume is made of; null, and in tasks of a former version absent: nothing. */
  image?: RootImage | null;
  instanceOfferingUuid: string | null;
  defaultL3NetworkUuid: string | null;
  clusterUuid: string | null;
  hostUuid: string | null;
  storageUuid: string | null;
  platform: "Linux" | "Windows" | "Other";
  haLevel: "NeverStop" | "None";
  tags: string[];
  /** What cloud-init in its guest is told; absent: nothing. It goes with the flow's record when the task ends. */
  guest?: GuestWish;
  /** Absent, as in tasks of a former version: none. */
  affinityGroupUuid?: string;
  /** It is made and not started; absent for one that is to run. */
  isOnlyMade?: true;
};

/** Makes a machine and starts it. What fails is taken back: no machine, no volume, no address is left. */
export function createVmFlow(world: VmWorld): Flow<CreateData> {
  return { name: "createVm", steps: [allocateStep(world), emptyVolumeStep(world), startStep(world)], ...ends };
}

/** The same with a root volume that stands on an image, which is brought to its host where it is not there. */
export function createVmOfImageFlow(world: VmWorld, carrier: ImageCarrier): Flow<CreateData> {
  const steps = [allocateStep(world), imageStep(world, carrier), overlayStep(world, carrier), startStep(world)];
  return { name: "createVmOfImage", steps, ...ends };
}

/** Makes a machine that is not started: it has its root volume and its addresses, and is on no host. */
export function defineVmFlows(world: VmWorld, carrier: ImageCarrier): readonly Flow<CreateData>[] {
  const ofImage = [allocateStep(world), imageStep(world, carrier), overlayStep(world, carrier)];
  return [
    { name: "defineVm", steps: [allocateStep(world), emptyVolumeStep(world)], ...ends },
    { name: "defineVmOfImage", steps: ofImage, ...ends },
  ];
}

const ends: Pick<Flow<CreateData>, "succeeded" | "failed" | "result"> = {
  succeeded: (tx, data) => void end(tx, data, "done"),
  failed: (tx, data, _error, how) => endFailed(tx, data, how),
  result: ({ vmUuid }) => ({ vmInstanceUuid: vmUuid }),
};

function allocateStep(world: VmWorld): Step<CreateData> {
  return {
    name: "allocate",
    title: "Choosing host, storage and addresses",
    cancellable: true,
    async run(data) {
      await world.allocator.allocate((tx, round) => allocate(tx, round, data));
      return undefined;
    },
    // The records go when the flow has failed, after everything outside of the store has gone.
  };
}

/** Nothing of it is taken back: the image stays in the cache for the next one. */
function imageStep(world: VmWorld, carrier: ImageCarrier): Step<CreateData> {
  return {
    name: "image",
    title: "Bringing the image to the host",
    cancellable: true,
    timeoutMs: longestBringMs,
    async run(data, env) {
      await unlessCancelled(world, env, (signal) => bring(world, carrier, data, env, signal));
      return undefined;
    },
  };
}

function emptyVolumeStep(world: VmWorld): Step<CreateData> {
  return volumeStep(world, async ({ vmUuid, volumeUuid, rootDiskSize }, env) => {
    const { hostUuid, path } = placeOf(world, vmUuid, volumeUuid);
    const command = { do: "createVolume", path, sizeBytes: rootDiskSize, format: "qcow2" } as const;
    await tell(world, hostOf(world, hostUuid), command, env);
  });
}

/** The step before has brought the image; one that has left the cache since is brought once more. */
function overlayStep(world: VmWorld, carrier: ImageCarrier): Step<CreateData> {
  return volumeStep(world, async (data, env) => {
    const { vmUuid, volumeUuid, rootDiskSize } = data;
    const { hostUuid, storage, path } = placeOf(world, vmUuid, volumeUuid);
    for (let attempt = 1; ; attempt++)
      try {
        const backing =
          attempt === 1
            ? ImageCarrier.placeOf(storage, imageOf(data))
            : await bring(world, carrier, data, env, env.signal);
        const command = { do: "createVolumeFromImage", path, sizeBytes: rootDiskSize, backing } as const;
        return await tell(world, hostOf(world, hostUuid), command, env, { part: String(attempt) });
      } catch (error) {
        if (hostsCode(error) !== "HYPERVISOR.IMAGE_ABSENT" || attempt === overlayAttempts) throw error;
      }
  });
}

async function bring(world: VmWorld, carrier: ImageCarrier, data: CreateData, env: FlowEnv, signal: AbortSignal) {
  const { hostUuid, storage } = placeOf(world, data.vmUuid, data.volumeUuid);
  return carrier.bring(hostOf(world, hostUuid), storage, imageOf(data), env, signal);
}

function imageOf({ vmUuid, image }: CreateData): RootImage {
  if (image === undefined || image === null) throw new Error(`${vmUuid} has no image.`);
  return image;
}

function volumeStep(world: VmWorld, make: (data: CreateData, env: FlowEnv) => Promise<void>): Step<CreateData> {
  return {
    name: "volume",
    title: "Making the root volume",
    cancellable: true,
    async run(data, env) {
      const { vmUuid, volumeUuid } = data;
      const { path } = placeOf(world, vmUuid, volumeUuid);
      await make(data, env);
      return {
        change: (tx) => {
          tx.update("Volume", volumeUuid, { status: "Ready", installPath: path, actualSize: 0 });
        },
      };
    },
    async undo({ vmUuid, volumeUuid, holder }, env) {
      // Its host had been lost: what there is of it belongs to its record, or to whoever has begun something with it since.
      if (!isRunning(look(world), vmUuid, holder)) return undefined;
      const { hostUuid, path } = placeOf(world, vmUuid, volumeUuid);
      await tell(world, hostOf(world, hostUuid), { do: "deleteVolume", path }, env);
      return undefined;
    },
  };
}

function startStep(world: VmWorld): Step<CreateData> {
  return {
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
      if (!isRunning(look(world), vmUuid, holder)) return undefined;
      const { hostUuid } = placeOf(world, vmUuid, volumeUuid);
      await tell(world, hostOf(world, hostUuid), { do: "removeMachine", uuid: vmUuid }, env);
      return undefined;
    },
  };
}

/** Host and file of a machine that has been placed. */
function placeOf(world: VmWorld, vmUuid: string, volumeUuid: string) {
  const tx = look(world);
  const hostUuid = placeOfMachine(tx.need("VmInstance", vmUuid));
  const { primaryStorageUuid } = tx.need("Volume", volumeUuid);
  if (hostUuid === null || primaryStorageUuid === null) throw new Error(`${vmUuid} has no place.`);
  const storage = tx.need("PrimaryStorage", primaryStorageUuid);
  return { hostUuid, storage, path: volumePath(storage, volumeUuid) };
}

function allocate(tx: Tx, round: Round, data: CreateData): void {
  // A manager has ended between this and the note that it is done.
  if (tx.get("VmInstance", data.vmUuid) !== undefined) return;
  const { vmUuid, volumeUuid, nics, name, cpuNum, memorySize, rootDiskSize, clusterUuid, storageUuid } = data;
  const { image = null, isOnlyMade = false, affinityGroupUuid = null } = data;
  if (affinityGroupUuid !== null) joinGroup(tx, affinityGroupUuid, { uuid: vmUuid, name }, "affinityGroupUuid");
  const request: PlacementRequest = {
    name,
    // What is not started takes nothing of a host but its room.
    ...(isOnlyMade ? { cpuNum: 0, memorySize: 0 } : { cpuNum, memorySize }),
    machine: {
      ...{ uuid: vmUuid, affinityGroupUuid, tags: data.tags, cpuNum, memorySize },
      comes: isOnlyMade ? "defined" : "running",
    },
    wantedHostUuid: data.hostUuid,
    volumesHostUuid: null,
    needsSecond: data.guest !== undefined || hasLimits(tx, data.instanceOfferingUuid),
    clusterUuid,
    networks: nics.map(({ l3NetworkUuid }) => networkOf(tx, l3NetworkUuid)),
    storages: [],
    rootVolume: {
      sizeBytes: rootDiskSize,
      storageUuid,
      moreBytes: image === null ? noMore : (storage, hostUuid) => bytesToCome(tx, storage, hostUuid, image),
    },
    image: image === null ? null : { clusterUuids: clustersOf(tx, image.zoneUuid) },
  };
  const placement = round.place(request);
  const addresses = nics.map(({ l3NetworkUuid, ip }) => round.address(l3NetworkUuid, ip));
  for (const { l3NetworkUuid } of nics) ensureDhcpServer(tx, l3NetworkUuid);
  for (const { mac } of nics) requireFreeMac(tx, mac, "staticMacs");
  const life = orThrow(beginVm(name, null, isOnlyMade ? "define" : "create", {}));
  tx.put("VmOperation", vmUuid, { holder: data.holder });
  tx.insert("VmInstance", {
    ...life,
    uuid: vmUuid,
    name,
    description: data.description,
    clusterUuid: placement.clusterUuid,
    // On local storage the host that it was on last is the one that has its volume.
    ...(isOnlyMade
      ? { hostUuid: null, lastHostUuid: placement.hostUuid }
      : { hostUuid: placement.hostUuid, lastHostUuid: null }),
    instanceOfferingUuid: data.instanceOfferingUuid,
    imageUuid: image?.uuid ?? null,
    rootVolumeUuid: volumeUuid,
    defaultL3NetworkUuid: data.defaultL3NetworkUuid,
    vmNicUuids: nics.map(({ uuid }) => uuid),
    isoUuids: [],
    affinityGroupUuid,
    cpuNum,
    memorySize,
    platform: data.platform,
    haLevel: data.haLevel,
    noRestart: false,
    bootOrder: ["HardDisk", "CdRom"],
    tags: data.tags,
  });
  const nameAsHost = hostNameOf({ name, uuid: vmUuid }, null);
  insertGuestData(tx, { uuid: vmUuid, nameAsHost }, data.guest);
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
    rootImageUuid: image?.uuid ?? null,
    diskOfferingUuid: null,
    deviceId: 0,
    state: "Enabled",
    status: "Creating",
  });
  if (image !== null && placement.storageUuid !== null)
    standOn(tx, volumeUuid, tx.need("PrimaryStorage", placement.storageUuid), placement.hostUuid, image);
  for (const [deviceId, { uuid, mac, l3NetworkUuid }] of nics.entries()) {
    insertNic(tx, { uuid, vmUuid, l3NetworkUuid, deviceId, mac, ip: addresses[deviceId] ?? null });
  }
}

const noMore = () => 0;

/** Clusters of the zone that an image can be brought to. */
export function clustersOf(tx: Tx, zoneUuid: string): string[] {
  return tx.find("Cluster", "zoneUuid", zoneUuid).map(({ uuid }) => uuid);
}

/** Which clusters have a network. */
export function networkOf(tx: Tx, l3NetworkUuid: string): PlacementRequest["networks"][number] {
  const { name, l2NetworkUuid } = tx.need("L3Network", l3NetworkUuid, "l3NetworkUuids");
  return { name, clusterUuids: tx.need("L2Network", l2NetworkUuid).attachedClusterUuids };
}

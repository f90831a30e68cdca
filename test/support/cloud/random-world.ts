import { parseSize } from "../../../core/model/cloud/size.ts";
import type { RecordOf } from "../../../core/orchestrator/kinds.ts";
import type { Mirror } from "../../../core/orchestrator/mirror.ts";
import type { Records, Tx } from "../../../core/orchestrator/records.ts";
import type { LiveSettings } from "../../../core/orchestrator/settings.ts";
import type { PlacementRequest } from "../../../core/orchestrator/vm/placement.ts";
import { newUuid } from "../../core/orchestrator/bed.ts";
import type { Random } from "../random.ts";
import type { OracleMachine, OracleWish, OracleWorld, Policy } from "./placement-oracle.ts";

/* Records of a random cloud: hosts of two clusters in all states, with tags, local storage, groups and machines. */

const gigabyte = 1024 ** 3;
const mebibyte = 1024 ** 2;
const policies: readonly Policy[] = ["antiHard", "proHard", "antiSoft", "proSoft"];
const words = ["gpu", "disk::ssd", "disk::hdd", "rack::1", "rack::2"];
export const noNetworks: PlacementRequest["networks"] = [];

type Machine = RecordOf<"VmInstance">;

export type World = {
  storageUuid: string;
  clusterUuids: readonly string[];
  /** The records as the oracle has them. */
  now(): OracleWorld;
  /** What happens to a cloud between two placements: moves end, machines stop, hosts and groups change. */
  shake(): Promise<void>;
  /** Something to be placed, under this uuid when it is new; `record`: of one that there is already. */
  wish(uuid: string): { wish: OracleWish; record: Machine | undefined };
};

export async function randomWorld(records: Records, settings: LiveSettings, random: Random): Promise<World> {
  const { mirror } = records;
  const [zoneUuid, storageUuid] = [newUuid(), newUuid()];
  const clusterUuids = [newUuid(), newUuid()];
  const groupUuids = policies.map(() => newUuid());
  const some = (percent: number) => words.filter(() => random.chance(percent));
  const reserved = () => (random.chance(30) ? [`reservedMemory::${random.pick(["0", "512M", "2G"])}`] : []);
  await records.change((tx) => {
    const common = { description: null };
    insertPlace(tx, zoneUuid, clusterUuids, () => [...some(10), ...reserved()]);
    tx.insert("PrimaryStorage", {
      ...{ ...common, uuid: storageUuid, name: "local", zoneUuid, attachedClusterUuids: [...clusterUuids] },
      ...{ type: "LocalStorage", url: "/local", storageNetworkCidr: null, state: "Enabled", status: "Connected" },
      ...{ totalCapacity: 0, availableCapacity: 0, totalPhysicalCapacity: 0, availablePhysicalCapacity: 0 },
    });
    for (let nth = 2 + random.below(6); nth > 0; nth--) {
      const uuid = newUuid();
      insertHost(tx, {
        ...{ uuid, nth, clusterUuid: random.pick(clusterUuids), tags: [...some(30), ...reserved()] },
        state: random.pick(["Enabled", "Enabled", "Enabled", "Disabled"] as const),
        status: random.chance(90) ? "Connected" : "Disconnected",
        memoryTotal: (2 + random.below(5)) * gigabyte,
      });
      const totalBytes = (1 + random.below(6)) * gigabyte;
      const room = { hostUuid: uuid, storageUuid, totalBytes, availableBytes: totalBytes };
      tx.put("HostStorage", `${uuid}:${storageUuid}`, room);
    }
    for (const [nth, uuid] of groupUuids.entries()) {
      const policy = policies[nth] ?? "antiHard";
      tx.insert("AffinityGroup", {
        ...common,
        uuid,
        name: policy,
        policy,
        vmInstanceUuids: [],
        state: "Enabled",
        usage: null,
      });
    }
    const [ratio] = tx.find("GlobalConfig", "name", "overProvisioning.memory");
    if (ratio !== undefined) tx.update("GlobalConfig", ratio.uuid, { value: random.pick(["1", "1.5", "2"]) });
    const [cpu] = tx.find("GlobalConfig", "name", "cpu.overProvisioning.ratio");
    if (cpu !== undefined) tx.update("GlobalConfig", cpu.uuid, { value: random.pick(["4", "10"]) });
  });
  const all = <K extends "Host" | "VmInstance" | "AffinityGroup">(kind: K) =>
    [...mirror.all(kind)].map(({ value }) => value);

  return {
    storageUuid,
    clusterUuids,
    now: () => worldOf(mirror, settings),
    async shake() {
      await records.change((tx) => {
        for (const { uuid, hostUuid } of all("VmInstance")) {
          const migration = tx.get("Migration", uuid);
          if (migration !== undefined) {
            tx.delete("Migration", uuid);
            if (random.chance(70))
              tx.update("VmInstance", uuid, { hostUuid: String(migration["destinationUuid"]), lastHostUuid: hostUuid });
          } else if (hostUuid !== null && random.chance(20))
            tx.update("VmInstance", uuid, { state: "Stopped", hostUuid: null, lastHostUuid: hostUuid });
          else if (hostUuid !== null && random.chance(10)) tx.update("VmInstance", uuid, { state: "Unknown" });
        }
        for (const { uuid } of all("Host"))
          if (random.chance(10))
            tx.update("Host", uuid, {
              state: random.pick(["Enabled", "Enabled", "Disabled", "Maintenance"] as const),
              status: random.chance(90) ? "Connected" : "Disconnected",
            });
      });
    },
    wish(uuid) {
      const isBound = ({ uuid: of }: Machine) => mirror.find("Volume", "vmInstanceUuid", of).length > 0;
      const isIdle = (each: Machine) => mirror.get("Migration", each.uuid) === undefined;
      const there = all("VmInstance").filter((each) => isIdle(each) && (each.hostUuid === null || !isBound(each)));
      const record = random.chance(50) && there.length > 0 ? random.pick(there) : undefined;
      const host = random.chance(15) ? random.pick(all("Host")).uuid : null;
      if (record === undefined) {
        const wish: OracleWish = {
          ...{ uuid, groupUuid: random.chance(75) ? random.pick(groupUuids) : null, cpuNum: 1 + random.below(3) },
          ...{
            memorySize: (1 + random.below(6)) * 256 * mebibyte,
            hosts: [],
            lastHostUuid: null,
            exceptHostUuid: null,
            boundHostUuid: null,
          },
          ...{ wantedHostUuid: host, clusterUuid: random.chance(20) ? random.pick(clusterUuids) : null },
          ...{
            required: some(7),
            preferred: some(15),
            rootBytes: random.chance(60) ? random.below(8) * 128 * mebibyte : 0,
          },
        };
        return { wish, record };
      }
      const { affinityGroupUuid: groupUuid, cpuNum, memorySize, hostUuid, lastHostUuid, clusterUuid, tags } = record;
      const asked = (prefix: string) =>
        tags.flatMap((tag) => (tag.startsWith(prefix) ? [tag.slice(prefix.length)] : []));
      const wish: OracleWish = {
        ...{
          uuid: record.uuid,
          groupUuid,
          cpuNum,
          memorySize,
          clusterUuid,
          wantedHostUuid: host,
          exceptHostUuid: hostUuid,
        },
        ...{ hosts: hostUuid === null ? [] : [hostUuid], lastHostUuid, rootBytes: 0 },
        boundHostUuid: isBound(record) ? lastHostUuid : null,
        ...{ required: asked("requiredHostTag::"), preferred: asked("preferredHostTag::") },
      };
      return { wish, record };
    },
  };
}

/** Hosts with 8 GiB each, of which 7 are for machines, in one cluster; nothing else. */
export async function emptyWorld(records: Records, hosts: number) {
  const [zoneUuid, clusterUuid] = [newUuid(), newUuid()];
  const hostUuids = Array.from({ length: hosts }, newUuid);
  await records.change((tx) => {
    insertPlace(tx, zoneUuid, [clusterUuid], () => []);
    for (const [nth, uuid] of hostUuids.entries())
      insertHost(tx, {
        uuid,
        clusterUuid,
        nth,
        state: "Enabled",
        status: "Connected",
        memoryTotal: 8 * gigabyte,
        tags: [],
      });
  });
  return { clusterUuids: [clusterUuid], hostUuids, storageUuid: "" };
}

function insertPlace(tx: Tx, zoneUuid: string, clusterUuids: readonly string[], tags: () => string[]): void {
  tx.insert("Zone", { description: null, uuid: zoneUuid, name: "z", state: "Enabled", tags: tags() });
  for (const uuid of clusterUuids)
    tx.insert("Cluster", {
      ...{
        description: null,
        uuid,
        name: "c",
        zoneUuid,
        hypervisorType: "KVM",
        state: "Enabled",
        checkCpuModel: false,
      },
      ...{ migrationNetworkCidr: null, tags: tags() },
    });
}

type NewHost = Pick<RecordOf<"Host">, "uuid" | "clusterUuid" | "state" | "status" | "memoryTotal" | "tags"> & {
  nth: number;
};

function insertHost(tx: Tx, { nth, ...own }: NewHost): void {
  tx.insert("Host", {
    ...{ ...own, name: `h${nth}`, description: null, managementIp: `10.0.0.${nth + 1}`, earlierState: null },
    ...{ failedPings: 0, cpuCores: 1, cpuUsed: 0, memoryUsed: 0, memoryReserved: 0 },
  });
}

/** The records of a cloud as the oracle has them. */
export function worldOf(mirror: Mirror, settings: LiveSettings): OracleWorld {
  const all = <K extends "Host" | "VmInstance" | "AffinityGroup" | "Volume">(kind: K) =>
    [...mirror.all(kind)].map(({ value }) => value);
  const machines = new Map(all("VmInstance").map((machine) => [machine.uuid, machine]));
  const volumes = all("Volume");
  return {
    ratios: {
      cpu: settings.number("host.cpu.overProvisioning.ratio"),
      memory: settings.number("mevoco.overProvisioning.memory"),
    },
    hosts: all("Host").map((host) => {
      const cluster = mirror.get("Cluster", host.clusterUuid)?.value;
      const zone = cluster === undefined ? undefined : mirror.get("Zone", cluster.zoneUuid)?.value;
      const levels = [host.tags, cluster?.tags ?? [], zone?.tags ?? []];
      const here = volumes.filter(({ vmInstanceUuid }) => {
        const machine = machines.get(vmInstanceUuid ?? "");
        return (machine?.hostUuid ?? machine?.lastHostUuid) === host.uuid;
      });
      const rooms = mirror.find("HostStorage", "hostUuid", host.uuid);
      const totalBytes = rooms.reduce((sum, { value }) => sum + Number(value["totalBytes"]), 0);
      return {
        ...{ uuid: host.uuid, clusterUuid: host.clusterUuid, threads: host.cpuCores, memoryBytes: host.memoryTotal },
        usable: host.state === "Enabled" && host.status === "Connected",
        leaving: host.state === "PreMaintenance" || host.state === "Maintenance",
        reservedBytes: nearest(levels, "reservedMemory::") ?? settings.number("kvm.reservedMemory"),
        tags: nearestOfEachName(levels),
        storageFreeBytes: here.reduce((left, { size }) => left - size, totalBytes),
      };
    }),
    groups: all("AffinityGroup").map(({ uuid, policy, state }) => ({ uuid, policy, enabled: state === "Enabled" })),
    machines: [...machines.values()].map((machine): OracleMachine => {
      const destination = mirror.get("Migration", machine.uuid)?.value["destinationUuid"];
      const { uuid, affinityGroupUuid: groupUuid, cpuNum, memorySize, hostUuid, lastHostUuid } = machine;
      const here = hostUuid === null ? [] : [hostUuid];
      const hosts = typeof destination === "string" ? [...new Set([...here, destination])] : here;
      return { uuid, groupUuid, cpuNum, memorySize, hosts, lastHostUuid };
    }),
  };
}

function nearest(levels: readonly (readonly string[])[], prefix: string): number | undefined {
  for (const tags of levels)
    for (const tag of tags) if (tag.startsWith(prefix)) return parseSize(tag.slice(prefix.length));
  return;
}

function nearestOfEachName(levels: readonly (readonly string[])[]): string[] {
  return words.filter((word) => {
    const isNamed = word.includes("::");
    const prefix = `${word.split("::")[0]}::`;
    const level = levels.find((tags) => tags.some((tag) => (isNamed ? tag.startsWith(prefix) : tag === word)));
    return level?.includes(word) === true;
  });
}

/** The records of a new machine that runs. */
export function insertMachine(
  tx: Tx,
  { storageUuid, clusterUuids }: Pick<World, "storageUuid" | "clusterUuids">,
  { machine, rootVolume, clusterUuid }: PlacementRequest,
  placed: { hostUuid: string; storageUuid: string | null; uuid: string },
): void {
  const { uuid, affinityGroupUuid, cpuNum, memorySize, tags } = machine;
  const isWithVolume = rootVolume !== null;
  tx.insert("VmInstance", {
    ...{ uuid, name: "m", description: null, hostUuid: placed.hostUuid, lastHostUuid: null, affinityGroupUuid },
    ...{ clusterUuid: clusterUuid ?? tx.peek("Host", placed.hostUuid)?.clusterUuid ?? clusterUuids[0] ?? "" },
    ...{ instanceOfferingUuid: null, imageUuid: null, defaultL3NetworkUuid: null, vmNicUuids: [], isoUuids: [] },
    ...{ rootVolumeUuid: isWithVolume ? placed.uuid : null, cpuNum, memorySize, platform: "Linux", state: "Running" },
    ...{ operation: null, earlierState: null, stateBeforeRescue: null, locked: false, haLevel: "None" },
    ...{ noRestart: false, bootOrder: ["HardDisk"], tags: [...tags] },
  });
  if (!isWithVolume) return;
  tx.insert("Volume", {
    ...{ uuid: placed.uuid, name: "v", description: null, primaryStorageUuid: placed.storageUuid ?? storageUuid },
    ...{
      hostUuid: null,
      vmInstanceUuid: uuid,
      type: "Root",
      format: "qcow2",
      size: rootVolume.sizeBytes,
      actualSize: 0,
    },
    ...{
      installPath: "/local/v",
      rootImageUuid: null,
      diskOfferingUuid: null,
      deviceId: 0,
      state: "Enabled",
      status: "Ready",
    },
  });
}

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { agentPassword, type HostAgent, startHost } from "../../../support/cloud/agents.ts";
import { ManagerDaemon } from "../../../support/cloud/daemon.ts";
import { privateNetwork } from "../../../support/cloud/network.ts";
import type { RootClient } from "../../../support/cloud/root-client.ts";
import { temporaryFolder } from "../../../support/programs.ts";
import { undoAfter } from "../../../support/undo.ts";
import { EtcdCluster } from "../../store/etcd-cluster.ts";
import { checkStore, told } from "../killed/check.ts";

/* A cloud with two managers: their programs, etcd of three members, and agents, in a network of their own. */

export const addresses = ["10.64.0.1", "10.64.0.2", "10.64.0.3", "10.64.0.4"] as const;

export type Manager = { daemon: ManagerDaemon; door: RootClient };

export type TwoManagers = {
  etcd: EtcdCluster;
  one: Manager;
  two: Manager;
  agents: readonly HostAgent[];
  /** Where machines are made. */
  l3NetworkUuid: string;
  /** All records are in order, and agents and both managers say the same. */
  check(): Promise<void>;
};

const mebibyte = 1024 ** 2;

export async function twoManagers(t: TestContext): Promise<TwoManagers> {
  const network = await privateNetwork();
  undoAfter(t, () => network.close());
  const { through } = network;
  const etcd = await EtcdCluster.start({ through });
  undoAfter(t, () => etcd.stop());
  const latencyMs = { createVolume: 100, startMachine: 200, stopMachine: 100 };
  const agents = await Promise.all(
    addresses.map((address) => startHost({ address, port: 7070, simulation: { latencyMs }, through })),
  );
  undoAfter(t, () => Promise.all(agents.map((agent) => agent.stop())));
  const manager = async (): Promise<Manager> => {
    const folder = temporaryFolder();
    undoAfter(t, folder.dispose);
    const settings = { "store.type": "etcd", "store.etcd.endpoints": etcd.endpoints.join(",") };
    const daemon = await ManagerDaemon.prepare({ folder: folder.path, hostPort: 7070, settings, through });
    undoAfter(t, () => daemon.kill());
    const door = daemon.client();
    undoAfter(t, () => door.close());
    return { daemon, door };
  };
  const [one, two] = [await manager(), await manager()];
  await one.daemon.start();
  // One cloud, one authority: the second management node is given it at its installation.
  for (const name of ["ca.key", "ca.crt"])
    copyFileSync(join(one.daemon.tlsFolder, name), join(two.daemon.tlsFolder, name));
  await two.daemon.start();
  return {
    etcd,
    one,
    two,
    agents,
    l3NetworkUuid: await furnish(one.door, two.door),
    async check() {
      const folder = temporaryFolder();
      const file = join(folder.path, "copy.db");
      const child = join(import.meta.dirname, "copy-store.real-child.ts");
      const [program = "", ...args] = [...through, process.execPath, child, file, ...etcd.endpoints];
      execFileSync(program, args, { stdio: ["ignore", "inherit", "inherit"] });
      const said = await told(one.door);
      assert.deepEqual(sorted(await told(two.door)), sorted(said));
      await checkStore(file, said, agents);
      folder.dispose();
    },
  };
}

function sorted({ hosts, storages }: Awaited<ReturnType<typeof told>>): string[] {
  return [...hosts, ...storages].map((each) => JSON.stringify(each)).sort();
}

/** A cluster with all hosts, half of them added by each manager. Resolves to the uuid of its network. */
async function furnish(one: RootClient, two: RootClient): Promise<string> {
  const zoneUuid = (await one.call("CreateZone", { name: "home" })).inventory.uuid;
  const clusterUuid = (await one.call("CreateCluster", { name: "machines", zoneUuid })).inventory.uuid;
  const storage = (await one.call("AddLocalPrimaryStorage", { name: "local", zoneUuid, url: "/local" })).inventory;
  await one.call("AttachPrimaryStorageToCluster", { uuid: storage.uuid, clusterUuid });
  const l2Input = { name: "flat", zoneUuid, physicalInterface: "eth0" };
  const l2NetworkUuid = (await one.call("CreateL2NoVlanNetwork", l2Input)).inventory.uuid;
  await one.call("AttachL2NetworkToCluster", { uuid: l2NetworkUuid, clusterUuid });
  const l3NetworkUuid = (await one.call("CreateL3Network", { name: "people", l2NetworkUuid })).inventory.uuid;
  const range = { startIp: "10.0.0.10", endIp: "10.0.0.250", netmask: "255.255.255.0" };
  await one.call("AddIpRange", { name: "all", l3NetworkUuid, ...range });
  await seen(two, "L3Network", l3NetworkUuid);
  const added = await Promise.all(
    addresses.map((managementIp, index) => {
      const input = { name: managementIp, clusterUuid, managementIp, password: agentPassword };
      return (index % 2 === 0 ? one : two).done("AddKVMHost", input);
    }),
  );
  for (const task of added) assert.equal(task.state, "Succeeded", JSON.stringify(task));
  for (const { resourceUuid } of added) for (const door of [one, two]) await seen(door, "Host", resourceUuid ?? "");
  return l3NetworkUuid;
}

/** Begins to make so many machines, by turns at these managers; their tasks. */
export async function beginMachines(doors: readonly RootClient[], count: number, l3NetworkUuid: string) {
  const size = { cpuNum: 1, memorySize: 64 * mebibyte, rootDiskSize: 16 * mebibyte };
  const answers = await Promise.all(
    Array.from({ length: count }, (_, n) => {
      const door = doors[n % doors.length];
      assert.ok(door !== undefined);
      return door.call("CreateVmInstance", { name: `web-${n}`, ...size, l3NetworkUuids: [l3NetworkUuid] });
    }),
  );
  return answers.map(({ task }) => task.uuid);
}

/** Until a manager knows a resource. Milliseconds that it took. */
export async function seen(door: RootClient, kind: "Host" | "Zone" | "L3Network" | "Task", uuid: string) {
  const from = performance.now();
  for (;;) {
    const answer = await door.send(`Get${kind}`, { uuid });
    if ("value" in answer) return performance.now() - from;
    assert.equal(answer.refused.code, "SYS.1005");
  }
}

/** No command was begun twice on any host. */
export function checkOnce(agents: readonly HostAgent[]): number {
  let commands = 0;
  for (const agent of agents) {
    const ids = agent.begun();
    const twice = ids.filter((id, index) => ids.indexOf(id) !== index);
    assert.deepEqual(twice, [], agent.address);
    commands += ids.length;
  }
  return commands;
}

import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { BedNode } from "../../../support/cloud/namespaces.ts";
import { RootClient } from "../../../support/cloud/root-client.ts";
import { passwords, threeNodes } from "../../../support/cloud/three-nodes.ts";
import { qcow2Image } from "../../../support/images/files.ts";
import { temporaryFolder } from "../../../support/programs.ts";
import { until } from "../../../support/spaces.ts";
import { undoAfter } from "../../../support/undo.ts";

/* A cloud of whole nodes with real libvirt and QEMU, whose programs are killed and started again one by one. */

const managerSocket = "/run/binnacle/manager.sock";
const agentSocket = "/run/binnacle/agent.sock";

type Program = Awaited<ReturnType<BedNode["startUnit"]>>;

export type Place = {
  clusterUuid: string;
  storageUuid: string;
  l3NetworkUuid: string;
  hostUuids: readonly string[];
  /** What machines are rescued with. */
  imageUuid: string;
};

export class Cluster {
  readonly hosts: readonly BedNode[];
  readonly #manager: BedNode;
  readonly #programs: Map<string, Program>;
  /** Of everything that has run. */
  readonly #logs: string[] = [];
  /** The folder that both hosts have at /srv/shared. */
  readonly shared: string;
  door: RootClient;

  private constructor(nodes: Awaited<ReturnType<typeof threeNodes>>, shared: string) {
    this.#manager = nodes.manager;
    this.hosts = nodes.hosts;
    this.shared = shared;
    const [manager, ...agents] = nodes.programs;
    assert.ok(manager !== undefined);
    this.#programs = new Map([
      ["manager", manager],
      ...agents.map((each, n): [string, Program] => [`agent${n}`, each]),
    ]);
    this.door = new RootClient(this.#manager.inside(managerSocket), false);
  }

  static async open(t: TestContext): Promise<Cluster> {
    const folder = temporaryFolder();
    undoAfter(t, folder.dispose);
    const shared = join(folder.path, "shared");
    mkdirSync(shared);
    const cluster = new Cluster(await threeNodes(t, shared), shared);
    undoAfter(t, () => cluster.door.close());
    return cluster;
  }

  /** A zone with both hosts, a storage that they share, and a network with addresses. */
  async furnish(): Promise<Place> {
    const { door } = this;
    const zoneUuid = (await door.call("CreateZone", { name: "east" })).inventory.uuid;
    const clusterUuid = (await door.call("CreateCluster", { name: "blue", zoneUuid })).inventory.uuid;
    const given = { name: "shared", zoneUuid, url: "/srv/shared" };
    const storageUuid = (await door.call("AddSharedMountPointPrimaryStorage", given)).inventory.uuid;
    await door.call("AttachPrimaryStorageToCluster", { uuid: storageUuid, clusterUuid });
    const l2 = { name: "flat", zoneUuid, physicalInterface: "eth1" };
    const l2NetworkUuid = (await door.call("CreateL2NoVlanNetwork", l2)).inventory.uuid;
    await door.call("AttachL2NetworkToCluster", { uuid: l2NetworkUuid, clusterUuid });
    const l3NetworkUuid = (await door.call("CreateL3Network", { name: "flat", l2NetworkUuid })).inventory.uuid;
    const range = { startIp: "10.21.100.2", endIp: "10.21.100.99", netmask: "255.255.255.0" };
    await door.call("AddIpRange", { name: "all", l3NetworkUuid, ...range });
    const hostUuids: string[] = [];
    for (const [name, managementIp] of [
      ["node-1", "10.0.0.11"],
      ["node-2", "10.0.0.12"],
    ] as const) {
      const task = await door.done("AddKVMHost", { name, clusterUuid, managementIp, password: passwords[name] });
      assert.equal(task.state, "Succeeded", JSON.stringify(task));
      hostUuids.push(task.resourceUuid ?? "");
    }
    return { clusterUuid, storageUuid, l3NetworkUuid, hostUuids, imageUuid: await this.#furnishImages(zoneUuid) };
  }

  /** An image store on the manager's node, with an image in it. */
  async #furnishImages(zoneUuid: string): Promise<string> {
    const { door } = this;
    // The machines have nothing that would listen to their power buttons.
    await door.call("UpdateGlobalConfig", { category: "vm", name: "stop.timeout", value: "1" });
    await door.call("UpdateGlobalConfig", { category: "backupStorage", name: "reservedCapacity", value: "0B" });
    const given = { name: "images", zoneUuid, url: "/var/lib/binnacle/images" };
    const store = (await door.call("AddImageStoreBackupStorage", given)).inventory.uuid;
    writeFileSync(this.#manager.inside("/root/image.qcow2"), qcow2Image({ sizeBytes: 4 * 1024 ** 2 }));
    const image = { name: "rescue", url: "file:///root/image.qcow2", format: "qcow2", backupStorageUuids: [store] };
    const task = await door.done("AddImage", image);
    assert.equal(task.state, "Succeeded", JSON.stringify(task));
    return task.resourceUuid ?? "";
  }

  /** `manager`, or `agent0` and `agent1`. */
  async kill(name: string): Promise<void> {
    await this.#programs.get(name)?.kill();
    this.#logs.push(this.#programs.get(name)?.log() ?? "");
    this.#programs.delete(name);
  }

  /** Starts what was killed, and waits until it listens. */
  async startAll(): Promise<void> {
    if (!this.#programs.has("manager")) {
      // Half an answer on a kept connection would be taken for that of the next manager.
      this.door.close();
      await this.#start("manager", this.#manager, "binnacle-manager.service", managerSocket);
      this.door = new RootClient(this.#manager.inside(managerSocket), false);
    }
    for (const [n, host] of this.hosts.entries())
      if (!this.#programs.has(`agent${n}`)) await this.#start(`agent${n}`, host, "binnacle-agent.service", agentSocket);
  }

  /** libvirt's daemon is killed on a host, and started again as by systemd. Its machines go on. */
  killLibvirt(host: BedNode): void {
    host.must("sh", "-c", "kill -KILL $(cat /run/libvirtd.pid) && sleep 0.2 && libvirtd --daemon");
  }

  /** A machine's process is killed, if it has one there. */
  killMachine(host: BedNode, uuid: string): void {
    host.must("sh", "-c", `kill -KILL $(cat /run/libvirt/qemu/${uuid}.pid) 2>/dev/null || true`);
  }

  logs(): string[] {
    return [...this.#logs, ...[...this.#programs.values()].map(({ log }) => log())];
  }

  /** The manager is killed for good; gives the folder of what it has kept. */
  async end(): Promise<string> {
    await this.kill("manager");
    return this.#manager.inside("/var/lib/binnacle/manager");
  }

  async #start(name: string, node: BedNode, unit: string, socket: string): Promise<void> {
    // A program that was killed leaves its socket behind, on which nobody listens.
    rmSync(node.inside(socket), { force: true });
    this.#programs.set(name, await node.startUnit(unit, socket));
  }
}

/** libvirt of a host answers. */
export async function untilLibvirtAnswers(host: BedNode): Promise<void> {
  await until(
    "libvirt to answer",
    () => {
      try {
        host.must("virsh", "-q", "list");
        return true;
      } catch {
        return false;
      }
    },
    120_000,
  );
}

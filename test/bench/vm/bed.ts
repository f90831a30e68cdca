import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { CallInput, CloudCallName } from "../../../core/model/cloud/calls/index.ts";
import type { RecordOf } from "../../../core/orchestrator/kinds.ts";
import { type BedNode, NodesBed } from "../../support/cloud/namespaces.ts";
import { RootClient } from "../../support/cloud/root-client.ts";

/*
 * A management node and three hosts in namespaces of this computer, with libvirt and QEMU each and one storage, which is
 * on this computer's disk as the manager's and the agents' own files are.
 */

export const mebibyte = 1024 ** 2;
const agentSocket = "/run/binnacle/agent.sock";
const managerSocket = "/run/binnacle/manager.sock";
const home = "/var/lib/binnacle";
const password = "Bench-Host-1";
const adminPassword = "Cloud-Admin-1";

/** What each machine is: as small as QEMU makes it, with a root volume that stands on the image. */
export const machineSize = { cpuNum: 1, memorySize: 32 * mebibyte, rootDiskSize: 2 * mebibyte } as const;

export type BenchHost = { node: BedNode; name: string; address: string; uuid: string; agentPid: number };

export class VmBed {
  readonly folder: string;
  readonly #nodes: NodesBed;
  readonly hosts: BenchHost[] = [];
  #manager: BedNode | undefined;
  #managerPid = 0;
  #client: RootClient | undefined;
  #imageUuid = "";
  #networkUuid = "";
  #storeUuid = "";

  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), "bn-"));
    this.#nodes = new NodesBed(this.folder);
  }

  get client(): RootClient {
    if (this.#client === undefined) throw new Error("The bed has not started.");
    return this.#client;
  }

  get manager(): BedNode {
    if (this.#manager === undefined) throw new Error("The bed has not started.");
    return this.#manager;
  }

  get managerPid(): number {
    return this.#managerPid;
  }

  /** Root's door to the manager. */
  get managerSocket(): string {
    return this.manager.inside(managerSocket);
  }

  /** A session of the administrator's. */
  async logIn(): Promise<string> {
    const given = { accountName: "admin", password: adminPassword };
    return (await this.client.call("LogInByAccount", given)).session.token;
  }

  get storeUuid(): string {
    return this.#storeUuid;
  }

  /** The folder of the storage, as all hosts have it, and here. */
  get storage(): { there: string; here: string } {
    return { there: "/srv/shared", here: join(this.folder, "shared") };
  }

  async start(hostCount = 3): Promise<void> {
    mkdirSync(this.storage.here);
    await this.#nodes.start();
    const manager = { name: "mgmt", role: "management", address: "10.0.0.10/24", password: "Management-1" };
    this.#manager = await this.#nodes.node(manager);
    writeFileSync(this.manager.inside("/etc/binnacle/admin-password"), `${adminPassword}\n`, { mode: 0o600 });
    this.#keepOnDisk(this.manager, "mgmt");
    this.#managerPid = (await this.manager.startUnit("binnacle-manager.service", managerSocket)).pid;
    this.#client = new RootClient(this.manager.inside(managerSocket), false);
    for (let n = 1; n <= hostCount; n++) await this.#startHost(n);
    await this.#makeCloud();
  }

  async stop(): Promise<void> {
    this.#client?.close();
    await this.#nodes.stop();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  host(n: number): BenchHost {
    const host = this.hosts[n];
    if (host === undefined) throw new Error(`There is no host ${n}.`);
    return host;
  }

  /** Has a task carried out. @throws when it does not succeed */
  async done(name: CloudCallName, input: object): Promise<RecordOf<"Task">> {
    const task = await this.client.done(name, input);
    if (task.state !== "Succeeded") throw new Error(`${name}: ${JSON.stringify(task.error)}`);
    return task;
  }

  /** A new machine. @returns its uuid */
  async create(name: string, more: Partial<CallInput<"CreateVmInstance">> = {}, withCard = false): Promise<string> {
    const cards = withCard ? { l3NetworkUuids: [this.#networkUuid] } : {};
    const given = { name, imageUuid: this.#imageUuid, ...machineSize, ...cards, ...more };
    return (await this.done("CreateVmInstance", given)).resourceUuid ?? "";
  }

  async remove(uuids: readonly string[]): Promise<void> {
    for (const call of ["DestroyVmInstance", "ExpungeVmInstance"] as const)
      await Promise.all(uuids.map((uuid) => this.done(call, { uuid })));
  }

  /** What it writes durably goes to a disk, as on a computer of its own. */
  #keepOnDisk(node: BedNode, name: string): void {
    const kept = join(this.folder, `disk-${name}`);
    cpSync(node.inside(home), kept, { recursive: true });
    node.must("mount", "--bind", kept, home);
  }

  async #startHost(n: number): Promise<void> {
    const [name, address] = [`node-${n}`, `10.0.0.${10 + n}`];
    const shared = this.storage.here;
    const node = await this.#nodes.node({ name, role: "compute", address: `${address}/24`, password, shared });
    this.#keepOnDisk(node, name);
    await listenForPeers(node);
    const { pid } = await node.startUnit("binnacle-agent.service", agentSocket);
    this.hosts.push({ node, name, address, uuid: "", agentPid: pid });
  }

  async #makeCloud(): Promise<void> {
    const { client } = this;
    // Of a small computer hundreds of machines that stand still want more than it would be asked for.
    await client.call("UpdateGlobalConfig", { category: "host", name: "cpu.overProvisioning.ratio", value: "1000" });
    const zoneUuid = (await client.call("CreateZone", { name: "bench" })).inventory.uuid;
    const cluster = { name: "bench", zoneUuid, hypervisorType: "KVM" } as const;
    const clusterUuid = (await client.call("CreateCluster", cluster)).inventory.uuid;
    for (const host of this.hosts) {
      const { name, address: managementIp } = host;
      const { fingerprint } = await client.call("GetHostFingerprint", { managementIp });
      const given = { name, clusterUuid, managementIp, fingerprint, username: "root", password };
      host.uuid = (await this.done("AddKVMHost", given)).resourceUuid ?? "";
    }
    const place = { name: "shared", zoneUuid, url: this.storage.there };
    const { uuid } = (await client.call("AddSharedMountPointPrimaryStorage", place)).inventory;
    await client.call("AttachPrimaryStorageToCluster", { uuid, clusterUuid });
    while ((await client.call("GetPrimaryStorage", { uuid })).inventory.status !== "Connected") await pause(100);
    const wire = { name: "wire", zoneUuid, physicalInterface: "eth1" };
    const l2NetworkUuid = (await client.call("CreateL2NoVlanNetwork", wire)).inventory.uuid;
    await client.call("AttachL2NetworkToCluster", { uuid: l2NetworkUuid, clusterUuid });
    this.#networkUuid = (await client.call("CreateL3Network", { name: "net", l2NetworkUuid })).inventory.uuid;
    const range = { startIp: "10.21.100.2", endIp: "10.21.103.250", netmask: "255.255.252.0", gateway: "10.21.100.1" };
    await client.call("AddIpRange", { name: "range", l3NetworkUuid: this.#networkUuid, ...range });
    const store = { name: "images", zoneUuid, url: `${home}/images` };
    this.#storeUuid = (await client.call("AddImageStoreBackupStorage", store)).inventory.uuid;
    writeFileSync(this.manager.inside(`${home}/halt.img`), haltingDisk(), { mode: 0o644 });
    const image = { name: "halt", url: `file://${home}/halt.img`, format: "raw" as const };
    const added = await this.done("AddImage", { ...image, backupStorageUuids: [this.#storeUuid] });
    this.#imageUuid = added.resourceUuid ?? "";
  }
}

/** A disk whose boot sector has the processor stand still: such a guest costs nothing from then on. */
function haltingDisk(): Buffer {
  const disk = Buffer.alloc(mebibyte);
  // cli; hlt; jmp to the hlt
  disk.set([0xfa, 0xf4, 0xeb, 0xfd]);
  disk.set([0x55, 0xaa], 510);
  return disk;
}

/** Has libvirt listen on TCP, too: where virsh alone moves machines from host to host. */
async function listenForPeers(node: BedNode): Promise<void> {
  const script = `
    kill $(cat /run/libvirtd.pid)
    while [ -e /run/libvirtd.pid ] && kill -0 $(cat /run/libvirtd.pid) 2>/dev/null; do sleep 0.05; done
    printf 'listen_tls = 0\nlisten_tcp = 1\nauth_tcp = "none"\n' >>/etc/libvirt/libvirtd.conf
    libvirtd --daemon --listen
    until virsh -q version >/dev/null 2>&1; do sleep 0.05; done`;
  const { code, stderr } = await node.run(["sh", "-c", script]);
  if (code !== 0) throw new Error(`libvirt does not listen: ${stderr}`);
}

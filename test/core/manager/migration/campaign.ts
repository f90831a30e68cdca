import assert from "node:assert/strict";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import type { TestContext } from "node:test";
import type { HostCommand } from "../../../../core/hypervisor/driver.ts";
import { hashOfToken } from "../../../../core/hypervisor/migration/expected.ts";
import { SharedStorage, type SimulatedDriver } from "../../../../core/hypervisor/simulated.ts";
import { CloudError, refusalOf } from "../../../../core/model/cloud/refusal.ts";
import { HostCommands } from "../../../../core/node/host/commands.ts";
import type { CommandOptions, HostAddress, HostLink } from "../../../../core/orchestrator/host-link.ts";
import { storeIndexes } from "../../../../core/orchestrator/retention.ts";
import { SqliteStore } from "../../../../core/store/sqlite.ts";
import { hostPassword, TestHosts } from "../../../support/cloud/hosts.ts";
import { managerOn, type TestCloud } from "../../../support/cloud/manager.ts";
import { seen } from "../../../support/cloud/place.ts";
import { temporaryFolder } from "../../../support/programs.ts";
import { Random } from "../../../support/random.ts";
import { undoAfter } from "../../../support/undo.ts";

/*
 * Migrations during which something dies: a manager, an agent, a host, a connection, an answer. Each run has its seed,
 * which says what dies at which point. A point is each call between manager and agents, before it and before its answer,
 * and each word between the hypervisors.
 */

const addresses = ["10.0.0.1", "10.0.0.2"] as const;
type Address = (typeof addresses)[number];
const mebibyte = 1024 ** 2;
const [hostBytes, machineBytes] = [4096 * mebibyte, 128 * mebibyte];
const never = new AbortController().signal;

const faults = [
  "killManager",
  "cancel",
  "killAgent source",
  "killAgent destination",
  "powerOff source",
  "powerOff destination",
  "cutManager source",
  "cutManager destination",
  "cutPeers",
  "loseAnswer",
] as const;
type Fault = (typeof faults)[number];

/** How many points an undisturbed migration has, roughly. */
const points = 24;

/** `local`: where its hosts have the volumes of machines on their own disks, which go along. */
type Where = "shared" | "local";

export async function campaign(t: TestContext, seeds: Iterable<number>, where: Where = "shared"): Promise<void> {
  const bed = await Bed.open(t, where);
  for (const seed of seeds) {
    try {
      await bed.run(seed);
    } catch (error) {
      throw new Error(`seed ${seed}: ${bed.story.join(", ")}`, { cause: error });
    }
  }
}

class Bed {
  readonly #t: TestContext;
  readonly #store: SqliteStore;
  readonly #hosts = new TestHosts();
  readonly #drivers = new Map<string, SimulatedDriver>();
  readonly #commands = new Map<string, HostCommands>();
  /** Aborted when what is connected to a host breaks off. */
  readonly #lines = new Map<string, AbortController>();
  readonly #off = new Set<string>();
  readonly #inner: HostLink;
  #cloud: TestCloud | undefined;
  #isManagerDead = false;
  #boots = 0;
  #plan = new Map<number, Fault>();
  #point = 0;
  #task = "";
  #uuid = "";
  #where: Where = "shared";
  /** What happened in this run. */
  story: string[] = [];

  private constructor(t: TestContext, store: SqliteStore) {
    this.#t = t;
    this.#store = store;
    this.#inner = this.#hosts.link;
    this.#hosts.hold = async (what) => {
      if (what.endsWith("dials")) await this.#at(what);
    };
    this.#hosts.onStream = (stream) => this.#watchStream(stream);
  }

  static async open(t: TestContext, where: Where): Promise<Bed> {
    const folder = temporaryFolder();
    undoAfter(t, folder.dispose);
    const store = await SqliteStore.open({ file: join(folder.path, "store.db"), indexes: storeIndexes });
    undoAfter(t, () => store.close());
    const bed = new Bed(t, store);
    undoAfter(t, () => bed.#hosts.close());
    await bed.#startManager();
    await bed.#furnish(where);
    return bed;
  }

  get #live(): TestCloud {
    if (this.#cloud === undefined) throw new Error("There is no manager.");
    return this.#cloud;
  }

  async run(seed: number): Promise<void> {
    const random = new Random(seed);
    this.story = [];
    this.#task = "";
    const { call, cloud } = this.#live;
    const machine = cloud.mirror.get("VmInstance", this.#uuid)?.value;
    if (machine?.state === "Stopped") await this.#done(() => this.#live.done("StartVmInstance", { uuid: this.#uuid }));
    this.#point = 0;
    const count = 1 + random.below(3);
    for (let nth = 0; nth < count; nth++) this.#plan.set(random.below(points), random.pick(faults));
    const answer = await call("MigrateVm", { uuid: this.#uuid });
    this.#task = answer.task.uuid;
    await this.#taskEnded();
    this.#plan.clear();
    await this.#heal();
    await this.#check();
  }

  async #furnish(where: Where): Promise<void> {
    const { call, done } = this.#live;
    const shared = new SharedStorage("/shared/");
    const zone = (await call("CreateZone", { name: "east" })).inventory;
    const cluster = (await call("CreateCluster", { name: "blue", zoneUuid: zone.uuid })).inventory;
    const given = { name: where, zoneUuid: zone.uuid, url: `/${where}/one` };
    const add = where === "local" ? "AddLocalPrimaryStorage" : "AddSharedMountPointPrimaryStorage";
    const storage = (await call(add, given)).inventory;
    const allowed = { category: "localStoragePrimaryStorage", name: "liveMigrationWithStorage.allow", value: "true" };
    if (where === "local") await call("UpdateGlobalConfig", allowed);
    this.#where = where;
    await call("AttachPrimaryStorageToCluster", { uuid: storage.uuid, clusterUuid: cluster.uuid });
    for (const address of addresses) {
      this.#drivers.set(address, await this.#hosts.add(address, { shared, memoryBytes: hostBytes }));
      await this.#startAgent(address);
      const host = { name: address, clusterUuid: cluster.uuid, managementIp: address, password: hostPassword };
      assert.equal((await done("AddKVMHost", host)).state, "Succeeded");
    }
    const size = { cpuNum: 1, memorySize: machineBytes, rootDiskSize: mebibyte, l3NetworkUuids: [] };
    const made = await done("CreateVmInstance", { name: "web", ...size });
    assert.equal(made.state, "Succeeded", JSON.stringify(made.error));
    this.#uuid = made.resourceUuid ?? "";
    const volume = await done("CreateDataVolume", { name: "data", diskSize: 2 * mebibyte });
    const attached = { uuid: volume.resourceUuid ?? "", vmInstanceUuid: this.#uuid };
    await this.#done(() => done("AttachDataVolumeToVm", attached));
  }

  async #startAgent(address: string): Promise<void> {
    const driver = this.#drivers.get(address);
    if (driver === undefined) throw new Error(`${address} has no driver.`);
    this.#commands.set(address, await HostCommands.open({ driver, now: Date.now, undoMs: 60_000 }));
    this.#lines.set(address, new AbortController());
  }

  async #startManager(): Promise<void> {
    this.#isManagerDead = false;
    const life = { isDead: false };
    this.#hosts.link = this.#linkOf(life);
    this.#cloud = await managerOn(this.#t, this.#store, this.#hosts);
    this.#kill = () => {
      life.isDead = true;
      this.#isManagerDead = true;
    };
  }
  #kill = () => {};

  /** What one manager has of its hosts; through it nothing goes any more when that is dead. */
  #linkOf(life: { isDead: boolean }): HostLink {
    const inner = this.#inner;
    // What a dead manager waits for never comes; it says and writes nothing more.
    const alive = async (signal: AbortSignal | undefined) => {
      if (life.isDead)
        await new Promise((_, reject) => {
          if (signal?.aborted === true) reject(silent("the manager is dead"));
          signal?.addEventListener("abort", () => reject(silent("the manager is dead")), { once: true });
        });
    };
    const at = async <T>(what: string, host: HostAddress, signal: AbortSignal | undefined, ask: () => Promise<T>) => {
      await alive(signal);
      await this.#at(`${host.managementIp} ${what}`);
      await alive(signal);
      const answer = await ask();
      await this.#at(`${host.managementIp} ${what} answers`);
      await alive(signal);
      this.#reach(host);
      return answer;
    };
    return {
      ...inner,
      machines: (host, signal) => at("machines", host, signal, () => inner.machines(host, signal)),
      command: (host, command, how) => at(command.do, host, how.signal, () => this.#command(host, command, how)),
    };
  }

  /** As over the real channel: the agent goes on though nobody waits for its answer any more. */
  async #command(host: HostAddress, command: HostCommand, how: CommandOptions): Promise<void> {
    this.#reach(host);
    const { id, flow, epoch, timeoutMs, signal } = how;
    const line = this.#lines.get(host.managementIp)?.signal;
    const answer = this.#commands.get(host.managementIp)?.carryOut({ id, flow, epoch, command, timeoutMs });
    answer?.catch(() => undefined);
    const broken = Promise.withResolvers<never>();
    broken.promise.catch(() => undefined);
    for (const each of [line, signal])
      each?.addEventListener("abort", () => broken.reject(silent("the connection broke off")), { once: true });
    try {
      await Promise.race([answer, broken.promise]);
    } catch (error) {
      if (error instanceof CloudError) throw error;
      const details = "Its agent refuses.";
      throw new CloudError(refusalOf("HOST.1012", { where: host.managementIp, details, remedy: "Look." }), error);
    }
  }

  #reach({ managementIp }: HostAddress): void {
    const isReachable = this.#hosts.hosts.get(managementIp)?.isReachable === true;
    if (!isReachable || this.#off.has(managementIp)) throw silent("nothing answers");
  }

  #watchStream(stream: Duplex): void {
    const write = stream.write.bind(stream);
    // Each word of the source is a point, and so is each of the destination.
    stream.on("data", () => void this.#at("a word comes").catch(() => undefined));
    stream.write = (chunk: unknown) => {
      void this.#at("a word goes").catch(() => undefined);
      return stream.destroyed || stream.writableEnded ? false : write(chunk);
    };
  }

  /** Something happens: what is planned for this point goes wrong. */
  async #at(what: string): Promise<void> {
    const point = this.#point;
    this.#point += 1;
    await this.#neverTwice();
    const fault = this.#plan.get(point);
    if (fault === undefined) return;
    const [kind = "", which] = fault.split(" ");
    const record = this.#live.cloud.mirror.get("VmInstance", this.#uuid)?.value;
    const sourceUuid = record?.hostUuid ?? record?.lastHostUuid;
    const source = addresses.find((each) => this.#hosts.hosts.get(each)?.uuid === sourceUuid) ?? addresses[0];
    const target = which === "destination" ? (addresses.find((each) => each !== source) ?? source) : source;
    this.story.push(`${this.#point} ${what}: ${fault}`);
    if (kind === "killManager") this.#kill();
    else if (kind === "killAgent") await this.#killAgent(target);
    else if (kind === "powerOff") await this.#powerOff(target);
    else if (kind === "cutManager") this.#cut(target, false);
    else if (kind === "cutPeers") {
      this.#hosts.isCut = () => true;
      this.#breakStreams();
    } else if (kind === "cancel") await this.#live.call("CancelTask", { uuid: this.#task }).catch(() => undefined);
    else throw silent("the answer got lost");
  }

  async #killAgent(address: Address): Promise<void> {
    this.#lines.get(address)?.abort();
    this.#breakStreams();
    void this.#commands.get(address)?.close(0);
    await this.#startAgent(address);
  }

  async #powerOff(address: Address): Promise<void> {
    this.#off.add(address);
    this.#lines.get(address)?.abort();
    this.#breakStreams();
    this.#boots += 1;
    this.#drivers.get(address)?.restart(`boot ${this.#boots}`);
    void this.#commands.get(address)?.close(0);
    await this.#startAgent(address);
    this.#hosts.isCut = () => true;
  }

  #cut(address: Address, isReachable: boolean): void {
    this.#hosts.cut(address, isReachable);
    if (isReachable) return;
    this.#lines.get(address)?.abort();
    this.#lines.set(address, new AbortController());
  }

  #breakStreams(): void {
    for (const stream of [...this.#hosts.streams]) stream.destroy();
  }

  /** Until the task has ended, by whichever manager: one that died is followed by another. */
  async #taskEnded(): Promise<void> {
    for (;;) {
      const { mirror } = this.#live.cloud;
      const isOver = () => this.#isManagerDead || (mirror.get("Task", this.#task)?.value.endDate ?? null) !== null;
      while (!isOver()) await Promise.race([seen(mirror, isOver), turn()]);
      if (!this.#isManagerDead) return;
      await this.#live.cloud.close();
      await this.#startManager();
    }
  }

  async #heal(): Promise<void> {
    this.#hosts.isCut = () => false;
    this.#off.clear();
    for (const address of addresses) this.#cut(address, true);
    const { cloud, call } = this.#live;
    const { mirror } = cloud;
    for (const { value } of [...mirror.all("Host")]) {
      await call("ReconnectHost", { uuid: value.uuid }).catch(() => undefined);
      await seen(mirror, () => mirror.get("Host", value.uuid)?.value.status === "Connected");
    }
    const isWhole = () =>
      mirror.count("Migration") + mirror.count("MigrationRest") + mirror.count("VolumeRest") === 0 &&
      [...mirror.all("Task")].every(({ value }) => value.endDate !== null);
    await cloud.sweep();
    await seen(mirror, isWhole);
    // What was switched off with a host is told by that host.
    for (const { value } of [...mirror.all("Host")])
      await this.#done(() => this.#live.done("ReconnectHost", { uuid: value.uuid }));
  }

  async #done(task: () => ReturnType<TestCloud["done"]>): Promise<void> {
    const ended = await task();
    assert.equal(ended.state, "Succeeded", JSON.stringify(ended.error));
  }

  async #copies(): Promise<string[]> {
    const found: string[] = [];
    for (const [address, driver] of this.#drivers)
      for (const { uuid, state, migration } of await driver.machines(never))
        if (uuid === this.#uuid) found.push(`${address} ${migration?.way === "in" ? "incoming" : state}`);
    return found;
  }

  async #neverTwice(): Promise<void> {
    const isTwice = async () => (await this.#copies()).filter((each) => each.endsWith("running")).length > 1;
    // Two looks are not at the same moment: it may have moved in between, and not twice.
    assert.ok(!((await isTwice()) && (await isTwice())), "it runs twice");
  }

  /** Each of its volumes is on its host, whole, and nowhere else. */
  async #checkFiles(hostUuid: string | null): Promise<void> {
    const volumes = this.#live.cloud.mirror.find("Volume", "vmInstanceUuid", this.#uuid).map(({ value }) => value);
    assert.equal(volumes.length, 2);
    for (const [address, driver] of this.#drivers)
      for (const { installPath, size } of volumes) {
        const found = await driver.volume({ path: installPath ?? "", format: "qcow2" }, never).then(
          ({ sizeBytes }) => sizeBytes,
          (error: { code?: string }) => error.code,
        );
        const isHere = this.#hosts.hosts.get(address)?.uuid === hostUuid;
        assert.equal(found, isHere ? size : "HYPERVISOR.NO_VOLUME", `${installPath} on ${address}`);
      }
  }

  async #check(): Promise<void> {
    const { mirror } = this.#live.cloud;
    const record = mirror.get("VmInstance", this.#uuid)?.value;
    assert.ok(record !== undefined);
    const address = [...mirror.all("Host")].find(({ value }) => value.uuid === record.hostUuid)?.value.managementIp;
    const alive = (await this.#copies()).filter((each) => !each.endsWith("stopped"));
    if (record.state === "Running") assert.deepEqual(alive, [`${address} running`]);
    else {
      assert.equal(record.state, "Stopped");
      assert.deepEqual(alive, []);
    }
    assert.equal(record.operation, null);
    if (this.#where === "local") await this.#checkFiles(record.hostUuid ?? record.lastHostUuid);
    const used = [...mirror.all("Host")].map(({ value }) => [value.uuid, value.memoryUsed]);
    const wanted = [...mirror.all("Host")].map(({ value }) => [
      value.uuid,
      value.uuid === record.hostUuid ? machineBytes : 0,
    ]);
    assert.deepEqual(used, wanted, "the hosts are charged for what they have");
    assert.equal([...mirror.entries("Flow")].length, 0);
    assert.equal(this.#hosts.streams.size, 0, "no connection is left");
    for (const [each, driver] of this.#drivers) {
      const memorySize = hostBytes - (each === address ? machineBytes : 0);
      const uuid = "0".repeat(11) + "14aaa8aaaaaaaaaaaaaaa";
      const machine = { uuid, name: "all", cpuNum: 1, memorySize, disks: [], nics: [] };
      const tokenHash = hashOfToken("none");
      await driver.carryOut({ do: "expectMachine", machine, sourceUuid: uuid, tokenHash, aliveMs: 60_000 }, never);
      await driver.carryOut({ do: "unexpectMachine", uuid }, never);
    }
  }
}

function silent(details: string): CloudError {
  return new CloudError(refusalOf("HOST.1010", { where: "host", details, remedy: "Look at the network." }));
}

function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20));
}

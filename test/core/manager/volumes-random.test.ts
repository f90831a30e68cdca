import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { CloudError } from "../../../core/model/cloud/refusal.ts";
import type { RecordOf } from "../../../core/orchestrator/kinds.ts";
import { taskEnd } from "../../../core/orchestrator/tasks.ts";
import { place } from "../../support/cloud/place.ts";
import { Random } from "../../support/random.ts";

/* Whatever is asked of volumes, at the same time and with hosts that fail: the sums are right, and hosts have what the records say. */

const mebibyte = 1024 ** 2;
const address = "10.0.0.2";
const nobody = "0f8fad5bd9cb469fa16570867728950e";
/** Commands that fail now and then. What undoes them works, or each failure would be tried again for minutes. */
const failing = ["createVolume", "attachVolume", "resizeVolume", "snapshotVolume", "revertVolume"] as const;

async function run(t: TestContext, seed: number, storage: "local" | "shared"): Promise<void> {
  const random = new Random(seed);
  const { call, cloud, hosts, primary, hostUuids } = await place(t, [address], storage);
  const { mirror } = cloud;
  const driver = hosts.hosts.get(address)?.driver;
  assert.ok(driver !== undefined);
  await call("UpdateGlobalConfig", { category: "kvm", name: "dataVolume.maxNum", value: "2" });
  const all = <K extends "Volume" | "VolumeSnapshot" | "VmInstance">(kind: K) =>
    [...mirror.all(kind)].map(({ value }) => value);
  /** One of a kind; without any the uuid of nothing. */
  const any = (kind: "Volume" | "VolumeSnapshot" | "VmInstance") =>
    random.pick([...all(kind).map(({ uuid }) => uuid), ...(mirror.count(kind) === 0 ? [nobody] : [])]);
  const volume = (isWanted = ({ type }: RecordOf<"Volume">) => type === "Data") => {
    const found = all("Volume").filter(isWanted);
    return { uuid: found.length === 0 ? nobody : random.pick(found).uuid };
  };
  const free = () => volume(({ type, vmInstanceUuid }) => type === "Data" && vmInstanceUuid === null);
  const attached = () => volume(({ type, vmInstanceUuid }) => type === "Data" && vmInstanceUuid !== null);
  const deleted = () => volume(({ status }) => status === "Deleted");
  const vm = () => any("VmInstance");
  const size = () => (1 + random.below(64)) * 4 * mebibyte;
  const isAtOnce = () =>
    random.chance(50)
      ? {}
      : { primaryStorageUuid: primary.uuid, ...(storage === "local" ? { hostUuid: hostUuids[0] ?? "" } : {}) };
  const tasks: string[] = [];
  /** Asks for it; a refusal with a code is an answer. */
  const ask = async (name: Parameters<typeof call>[0], input: object): Promise<void> => {
    try {
      const answer = await call(name, input);
      if ("task" in answer && answer.task !== undefined) tasks.push(answer.task.uuid);
    } catch (error) {
      if (!(error instanceof CloudError)) throw error;
    }
  };
  const acts: (() => Promise<void>)[] = [
    () => ask("CreateDataVolume", { name: "data", diskSize: size(), ...isAtOnce() }),
    () => ask("AttachDataVolumeToVm", { ...free(), vmInstanceUuid: vm() }),
    () => ask("AttachDataVolumeToVm", { ...free(), vmInstanceUuid: vm() }),
    () => ask("DetachDataVolumeFromVm", attached()),
    () => ask("DeleteDataVolume", free()),
    () => ask("RecoverDataVolume", deleted()),
    () => ask("ExpungeDataVolume", deleted()),
    () => ask("ResizeDataVolume", { ...volume(), size: size() }),
    () => ask("ResizeRootVolume", { ...volume(({ type }) => type === "Root"), size: size() }),
    () => ask("CreateVolumeSnapshot", { name: "s", volumeUuid: volume(({ status }) => status === "Ready").uuid }),
    () => ask("CreateVolumeSnapshot", { name: "s", volumeUuid: volume(({ status }) => status === "Ready").uuid }),
    () => ask("DeleteVolumeSnapshot", { uuid: any("VolumeSnapshot") }),
    () => ask("RevertVolumeFromSnapshot", { uuid: any("VolumeSnapshot") }),
    () => ask("StartVmInstance", { uuid: vm() }),
    () => ask("StopVmInstance", { uuid: vm(), type: "cold" }),
    () => (random.chance(30) ? ask("DestroyVmInstance", { uuid: vm() }) : ask("StartVmInstance", { uuid: vm() })),
    () => ask("ExpungeVmInstance", { uuid: vm() }),
    () => ask("CreateVmInstance", { name: "vm", cpuNum: 1, memorySize: 64 * mebibyte, rootDiskSize: size() }),
  ];
  await acts.at(-1)?.();
  await acts[0]?.();
  for (let round = 0; round < 40; round++) {
    driver.simulate({ fails: random.chance(60) ? [] : [{ do: random.pick(failing) }] });
    const some = Array.from({ length: 1 + random.below(8) }, () => random.pick(acts));
    await Promise.all(some.map((act) => act()));
    for (const uuid of tasks.splice(0)) await taskEnd(mirror, uuid, AbortSignal.timeout(60_000));
    await check(`seed ${seed}, ${storage}, round ${round}`);
  }

  async function check(when: string): Promise<void> {
    assert.equal(mirror.count("VolumeOperation"), 0, when);
    const never = new AbortController().signal;
    let [promised, there] = [0, 0];
    for (const each of all("Volume")) {
      const told = `${when}: ${JSON.stringify(each)}`;
      assert.ok(["NotInstantiated", "Ready", "Deleted"].includes(each.status), told);
      assert.equal(each.primaryStorageUuid === null, each.installPath === null, told);
      if (each.status === "NotInstantiated") assert.equal(each.installPath, null, told);
      assert.equal(each.deviceId === null, each.vmInstanceUuid === null, told);
      if (each.vmInstanceUuid !== null) assert.ok(mirror.get("VmInstance", each.vmInstanceUuid) !== undefined, told);
      const isLocalApart = storage === "local" && each.vmInstanceUuid === null && each.installPath !== null;
      assert.equal(each.hostUuid, isLocalApart ? hostUuids[0] : null, told);
      if (each.installPath === null) continue;
      const figures = await driver?.volume({ path: each.installPath, format: "qcow2" }, never);
      assert.equal(figures?.sizeBytes, each.size, told);
      promised += each.size;
      there += each.size;
    }
    for (const each of all("VolumeSnapshot")) {
      const told = `${when}: ${JSON.stringify(each)}`;
      assert.equal(each.status, "Ready", told);
      promised += each.size;
      const parent = each.parentUuid === null ? undefined : mirror.get("VolumeSnapshot", each.parentUuid)?.value;
      assert.equal(each.parentUuid === null, parent === undefined, told);
      assert.equal(each.depth, (parent?.depth ?? 0) + 1, told);
      assert.equal(each.volumeUuid, parent?.volumeUuid ?? each.volumeUuid, told);
    }
    for (const each of all("VmInstance")) {
      assert.equal(each.operation, null, `${when}: ${JSON.stringify(each)}`);
      const devices = mirror.find("Volume", "vmInstanceUuid", each.uuid).map(({ value }) => value.deviceId);
      assert.equal(new Set(devices).size, devices.length, when);
      assert.ok(devices.length <= 3, when);
    }
    const { totalCapacity = 0, availableCapacity } = mirror.get("PrimaryStorage", primary.uuid)?.value ?? {};
    assert.equal(availableCapacity, totalCapacity - promised, when);
    const room = await driver?.storage({ type: "LocalStorage", url: "/binnacle_ps", path: "/binnacle_ps" }, never);
    assert.equal((room?.totalBytes ?? 0) - (room?.availableBytes ?? 0), there, `${when}: files without a record`);
  }
}

for (const storage of ["shared", "local"] as const)
  test(`volumes on ${storage} storage add up after whatever was asked at the same time of a host that fails`, async (t) => {
    for (const seed of [1, 2, 3]) await run(t, seed, storage);
  });

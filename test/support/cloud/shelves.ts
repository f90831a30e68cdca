import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { SimulatedDriver } from "../../../core/hypervisor/simulated.ts";
import { imageCloud } from "../images/cloud.ts";
import { qcow2Image } from "../images/files.ts";
import { machine } from "./place.ts";

const mebibyte = 1024 ** 2;
export const [here, there] = ["10.0.0.2", "10.0.0.3"] as const;

/** A machine of an image that runs on one of two hosts. */
export async function shelfBed(t: TestContext, storage: "local" | "shared" = "local") {
  const bed = await imageCloud(t, [here, there], storage, { stepLimits: { undoAttempts: 1 } });
  const { done, cloud, images, primary, hosts, hostUuids } = bed;
  const ok = async (...args: Parameters<typeof done>) => {
    const task = await done(...args);
    assert.equal(task.state, "Succeeded", `${args[0]}: ${JSON.stringify(task.error)}`);
    return task.resourceUuid ?? "";
  };
  const image = await images.added(qcow2Image({ sizeBytes: 64 * mebibyte }));
  const given = { imageUuid: image, rootDiskSize: undefined, hostUuid: hostUuids[0] };
  const uuid = (await machine(bed, given)).resourceUuid ?? "";
  const { mirror } = cloud;
  const record = () => mirror.get("VmInstance", uuid)?.value;
  const rootOf = () => mirror.get("Volume", record()?.rootVolumeUuid ?? "")?.value;
  const shelved = () => [...mirror.all("Image")].map(({ value }) => value).find((each) => each.uuid !== image);
  const free = () => mirror.get("PrimaryStorage", primary.uuid)?.value.availableCapacity ?? 0;
  const drivers = [here, there].map((address) => hosts.hosts.get(address)?.driver as SimulatedDriver);
  const running = async () => {
    const found: string[] = [];
    for (const [nth, driver] of drivers.entries())
      for (const each of await driver.machines(AbortSignal.timeout(60_000)))
        if (each.uuid === uuid && each.state === "running") found.push(hostUuids[nth] ?? "");
    return found;
  };
  const cards = () => mirror.find("VmNic", "vmInstanceUuid", uuid).map(({ value }) => [value.mac, value.ip]);
  /** Nothing is left of what was under way. */
  const isClean = (volumes: number) => {
    for (const kind of ["VmOperation", "Expunging", "Rescue", "Flow"] as const)
      assert.equal(mirror.count(kind), 0, kind);
    assert.equal(mirror.count("Volume"), volumes);
    assert.deepEqual(images.incoming(), []);
  };
  return { ...bed, ok, image, uuid, record, rootOf, shelved, free, drivers, running, cards, isClean, mirror };
}

import assert from "node:assert/strict";
import { it } from "node:test";
import type { Backing, HostCommand, HypervisorDriver, MachineSpec } from "../../../core/hypervisor/driver.ts";
import { copyConformance } from "./conformance-copies.ts";
import { exportConformance } from "./conformance-exports.ts";
import { refuses, running, uuidOf } from "./support.ts";

/* What every driver does with volumes of machines: part of the conformance suite. */

const never = new AbortController().signal;
const mebibyte = 1024 ** 2;

export type VolumeBed = {
  driver: () => HypervisorDriver;
  reopen: () => Promise<void>;
  /** The file of a volume, and a machine that starts with it. */
  pathOf: (n: number) => string;
  spec: (n: number, more?: Partial<MachineSpec>) => MachineSpec;
  /** Makes the volume, and starts the machine. */
  startNew: (n: number) => Promise<void>;
  makeVolume: (n: number) => Promise<void>;
  /** Makes it on an image of the cache, of 2 MiB. */
  makeThin: (n: number) => Promise<Backing>;
};

export function volumeConformance(bed: VolumeBed): void {
  const { driver, reopen, pathOf, spec, startNew, makeVolume, makeThin } = bed;
  copyConformance(bed);
  exportConformance(bed);
  const carryOut = (command: HostCommand, signal = never) => driver().carryOut(command, signal);
  const twice = async (command: HostCommand) => {
    for (let time = 0; time < 2; time++) await carryOut(command);
  };
  const disk = (n: number, deviceId = 1) =>
    ({ volumeUuid: uuidOf(0x1000 + n), path: pathOf(n), format: "qcow2", deviceId }) as const;
  const attach = (n: number, volume: number, deviceId = 1) =>
    ({ do: "attachVolume", uuid: uuidOf(n), disk: disk(volume, deviceId) }) as const;
  const sizeOf = async (n: number) => (await driver().volume({ path: pathOf(n), format: "qcow2" }, never)).sizeBytes;

  it("gives a machine that runs a disk more, which no other machine gets then, over a restart of the agent and a reboot", async () => {
    await startNew(1);
    await startNew(2);
    await makeVolume(3);
    await twice(attach(1, 3));
    await refuses(carryOut(attach(2, 3)), "HYPERVISOR.VOLUME_IN_USE");
    await reopen();
    await carryOut(attach(1, 3));
    await refuses(carryOut({ do: "deleteVolume", path: pathOf(3) }), "HYPERVISOR.VOLUME_IN_USE");
    await carryOut({ do: "rebootMachine", uuid: uuidOf(1) });
    await refuses(carryOut(attach(2, 3)), "HYPERVISOR.VOLUME_IN_USE");
    await carryOut({ do: "stopMachine", uuid: uuidOf(1), graceMs: 0 });
    await carryOut(attach(2, 3));
    await carryOut({ do: "startMachine", machine: spec(1) });
    assert.deepEqual(await running(driver()), [uuidOf(1), uuidOf(2)], "started anew it has what it is given");
  });

  it("gives no disk to a machine that is off, nor one that is not there or of another format, and takes none from it", async () => {
    await startNew(1);
    await refuses(carryOut(attach(1, 2)), "HYPERVISOR.NO_VOLUME");
    await makeVolume(2);
    const raw = { ...disk(2), format: "raw" as const };
    await refuses(carryOut({ do: "attachVolume", uuid: uuidOf(1), disk: raw }), "HYPERVISOR.VOLUME_DIFFERS");
    const escape = { ...disk(2), path: `${pathOf(2)}/../x` };
    await refuses(carryOut({ do: "attachVolume", uuid: uuidOf(1), disk: escape }), "HYPERVISOR.BAD_PATH");
    const detach = { do: "detachVolume", uuid: uuidOf(1), path: pathOf(2), waitMs: 0 } as const;
    await twice(detach);
    await carryOut({ do: "stopMachine", uuid: uuidOf(1), graceMs: 0 });
    await refuses(carryOut(attach(1, 2)), "HYPERVISOR.NOT_RUNNING");
    await twice(detach);
    await twice({ ...detach, uuid: uuidOf(9) });
    await carryOut({ do: "deleteVolume", path: pathOf(2) });
  });

  it("lets a volume grow, of a machine that runs or not, and never shrink", async () => {
    await startNew(1);
    const grow = (uuid: string | null, mebibytes: number) =>
      ({
        do: "resizeVolume",
        uuid,
        path: pathOf(1),
        format: "qcow2",
        sizeBytes: mebibytes * mebibyte,
      }) as const;
    await twice(grow(uuidOf(1), 2));
    assert.equal(await sizeOf(1), 2 * mebibyte);
    await refuses(carryOut(grow(uuidOf(1), 1)), "HYPERVISOR.VOLUME_SHRINKS");
    await refuses(carryOut(grow(null, 3)), "HYPERVISOR.VOLUME_IN_USE");
    await carryOut({ do: "stopMachine", uuid: uuidOf(1), graceMs: 0 });
    await twice(grow(null, 3));
    await twice(grow(uuidOf(1), 4));
    await refuses(carryOut(grow(null, 1)), "HYPERVISOR.VOLUME_SHRINKS");
    assert.equal(await sizeOf(1), 4 * mebibyte);
    await carryOut({ do: "startMachine", machine: spec(1) });
  });

  it("keeps snapshots of a volume, of a machine that runs or not, and goes back to them; each command may come twice", async () => {
    await startNew(1);
    const on = (verb: "snapshotVolume" | "deleteSnapshot", n: number, uuid: string | null = uuidOf(1)) =>
      ({ do: verb, uuid, path: pathOf(1), snapshotUuid: uuidOf(0x2000 + n) }) as const;
    const revert = (n: number, sizeBytes = mebibyte) =>
      ({ do: "revertVolume", path: pathOf(1), snapshotUuid: uuidOf(0x2000 + n), sizeBytes }) as const;
    await twice(on("snapshotVolume", 1));
    await refuses(carryOut(on("snapshotVolume", 2, null)), "HYPERVISOR.VOLUME_IN_USE");
    await refuses(carryOut(revert(1)), "HYPERVISOR.VOLUME_IN_USE");
    const larger = { uuid: uuidOf(1), path: pathOf(1), format: "qcow2", sizeBytes: 2 * mebibyte } as const;
    await carryOut({ do: "resizeVolume", ...larger });
    await reopen();
    await twice(on("snapshotVolume", 2));
    await carryOut({ do: "stopMachine", uuid: uuidOf(1), graceMs: 0 });
    await twice(on("snapshotVolume", 3));
    await twice(revert(1, 2 * mebibyte));
    assert.equal(await sizeOf(1), 2 * mebibyte, "it never becomes smaller");
    await twice(on("deleteSnapshot", 1, null));
    await refuses(carryOut(revert(1)), "HYPERVISOR.VOLUME_NO_SNAPSHOT");
    await carryOut({ do: "startMachine", machine: spec(1) });
    for (const n of [2, 3]) await twice(on("deleteSnapshot", n));
    await carryOut({ do: "stopMachine", uuid: uuidOf(1), graceMs: 0 });
    await refuses(carryOut(revert(3)), "HYPERVISOR.VOLUME_NO_SNAPSHOT");
    await carryOut({ do: "deleteVolume", path: pathOf(1) });
  });

  it("does all of that with a volume that stands on an image, and with none that stands on another file than is said", async () => {
    const backing = await makeThin(1);
    await startNew(2);
    const of = { uuid: uuidOf(2), path: pathOf(1), backing };
    const thin = { ...disk(1), backing };
    await refuses(carryOut(attach(2, 1)), "HYPERVISOR.VOLUME_DIFFERS");
    await twice({ do: "attachVolume", uuid: uuidOf(2), disk: thin });
    const snapshotUuid = uuidOf(0x2001);
    await twice({ do: "snapshotVolume", ...of, snapshotUuid });
    const larger = { ...of, format: "qcow2", sizeBytes: 4 * mebibyte } as const;
    await twice({ do: "resizeVolume", ...larger });
    await carryOut({ do: "stopMachine", uuid: uuidOf(2), graceMs: 0 });
    const lying = { do: "snapshotVolume", uuid: null, path: pathOf(1), snapshotUuid: uuidOf(0x2002) } as const;
    await refuses(carryOut(lying), "HYPERVISOR.VOLUME_DIFFERS");
    const revert = { do: "revertVolume", path: pathOf(1), backing, snapshotUuid, sizeBytes: 4 * mebibyte } as const;
    await twice(revert);
    assert.equal((await driver().volume({ path: pathOf(1), format: "qcow2", backing }, never)).sizeBytes, 4 * mebibyte);
    const own = spec(2).disks;
    await carryOut({ do: "startMachine", machine: spec(2, { disks: [...own, thin] }) });
    await twice({ do: "deleteSnapshot", ...of, snapshotUuid });
  });

  it("says how large a volume is, and what it has none of", async () => {
    await makeVolume(1);
    assert.equal(await sizeOf(1), mebibyte);
    await refuses(driver().volume({ path: pathOf(2), format: "qcow2" }, never), "HYPERVISOR.NO_VOLUME");
    await refuses(driver().volume({ path: pathOf(1), format: "raw" }, never), "HYPERVISOR.VOLUME_DIFFERS");
    await refuses(driver().volume({ path: "/a/../b", format: "raw" }, never), "HYPERVISOR.BAD_PATH");
  });
}

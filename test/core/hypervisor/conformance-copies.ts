import assert from "node:assert/strict";
import { it } from "node:test";
import type { Backing, HostCommand } from "../../../core/hypervisor/driver.ts";
import type { VolumeBed } from "./conformance-volumes.ts";
import { refuses, uuidOf } from "./support.ts";

/* What every driver does with copies of volumes: part of the conformance suite. */

const never = new AbortController().signal;
const mebibyte = 1024 ** 2;

export function copyConformance({ driver, reopen, pathOf, spec, startNew, makeVolume, makeThin }: VolumeBed): void {
  const carryOut = (command: HostCommand, signal = never) => driver().carryOut(command, signal);
  const copy = (
    from: number,
    to: number,
    more: { snapshotUuid?: string; backing?: Backing; sizeBytes?: number } = {},
  ) => ({ do: "copyVolume", from: pathOf(from), path: pathOf(to), sizeBytes: mebibyte, ...more }) as const;
  const isAbsent = (n: number) =>
    refuses(driver().volume({ path: pathOf(n), format: "qcow2" }, never), "HYPERVISOR.NO_VOLUME");

  it("copies a volume that no machine has open, or as it was at a snapshot; the copy is a volume of its own", async () => {
    await startNew(1);
    await refuses(carryOut(copy(1, 5)), "HYPERVISOR.VOLUME_IN_USE");
    await isAbsent(5);
    const snapshotUuid = uuidOf(0x2001);
    await refuses(carryOut(copy(1, 5, { snapshotUuid })), "HYPERVISOR.VOLUME_NO_SNAPSHOT");
    await carryOut({ do: "snapshotVolume", uuid: uuidOf(1), path: pathOf(1), snapshotUuid });
    for (let time = 0; time < 2; time++) {
      await carryOut(copy(1, 5, { snapshotUuid }));
      await reopen();
    }
    await carryOut({ do: "startMachine", machine: spec(5) });
    await carryOut({ do: "stopMachine", uuid: uuidOf(5), graceMs: 0 });
    await refuses(
      carryOut({ do: "revertVolume", path: pathOf(5), snapshotUuid, sizeBytes: mebibyte }),
      "HYPERVISOR.VOLUME_NO_SNAPSHOT",
    );
    await carryOut({ do: "deleteSnapshot", uuid: uuidOf(1), path: pathOf(1), snapshotUuid });
    await carryOut({ do: "stopMachine", uuid: uuidOf(1), graceMs: 0 });
    await carryOut(copy(1, 6, { sizeBytes: 2 * mebibyte }));
    assert.equal((await driver().volume({ path: pathOf(6), format: "qcow2" }, never)).sizeBytes, 2 * mebibyte);
    await carryOut({ do: "deleteVolume", path: pathOf(1) });
    for (const n of [5, 6]) await carryOut({ do: "startMachine", machine: spec(n) });
  });

  it("copies a volume that stands on an image to one that stands on the same, which then can't leave the cache", async () => {
    const backing = await makeThin(1);
    await refuses(carryOut(copy(1, 2, { sizeBytes: 2 * mebibyte })), "HYPERVISOR.VOLUME_DIFFERS");
    await isAbsent(2);
    for (let time = 0; time < 2; time++) await carryOut(copy(1, 2, { backing, sizeBytes: 2 * mebibyte }));
    await carryOut({ do: "deleteVolume", path: pathOf(1) });
    await refuses(carryOut({ do: "deleteCachedImage", path: backing.path }), "HYPERVISOR.IMAGE_IN_USE");
    const [disk] = spec(2).disks;
    assert.ok(disk !== undefined);
    await carryOut({ do: "startMachine", machine: spec(2, { disks: [{ ...disk, backing }] }) });
  });

  it("makes no copy of what is not there, of what is larger, in the place of another volume, or beside the path", async () => {
    await refuses(carryOut(copy(1, 2)), "HYPERVISOR.NO_VOLUME");
    await makeVolume(1);
    await refuses(carryOut(copy(1, 2, { sizeBytes: mebibyte / 2 })), "HYPERVISOR.VOLUME_SHRINKS");
    await makeVolume(3);
    await refuses(carryOut(copy(1, 3, { sizeBytes: 2 * mebibyte })), "HYPERVISOR.VOLUME_DIFFERS");
    for (const wrong of ["volume", `${pathOf(2)}/../x`, "json:{}", "/a//b"]) {
      await refuses(carryOut({ ...copy(1, 2), path: wrong }), "HYPERVISOR.BAD_PATH");
      await refuses(carryOut({ ...copy(1, 2), from: wrong }), "HYPERVISOR.BAD_PATH");
    }
    await isAbsent(2);
    const stopped = new AbortController();
    stopped.abort();
    await refuses(carryOut(copy(1, 2), stopped.signal), "HYPERVISOR.ABORTED");
    await isAbsent(2);
    await carryOut(copy(1, 2));
  });
}

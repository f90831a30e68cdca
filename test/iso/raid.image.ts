import assert from "node:assert/strict";
import { it } from "node:test";
import { signIn } from "./image/bed.ts";
import { describeImage } from "./image/machines.ts";
import { assertNoUnitFailed, comesUp, installUnattended } from "./image/unattended.ts";

/*
 * The system on a RAID 1, in QEMU: with both of its disks, and with the second one alone.
 */

describeImage("the image on a mirror", (machines) => {
  it("starts from either disk when the other is gone", async () => {
    const firmware = "bios";
    const { disks } = await installUnattended(machines, "compute", firmware, { mirror: true });
    let vm = await machines.start({ firmware, disks, startFrom: "disks" });
    await comesUp(vm, "compute");
    await signIn(vm);
    assert.match(await vm.shell.run("cat /proc/mdstat"), /raid1 vd[ab]\d\[\d\] vd[ab]\d\[\d\]/);
    await assertNoUnitFailed(vm);
    await vm.shell.run("sync");

    vm = await machines.start({ firmware, disks: disks.slice(1), startFrom: "disks" });
    await comesUp(vm, "compute");
    await signIn(vm);
    assert.match(await vm.shell.run("cat /proc/mdstat"), /\[_U\]|\[U_\]/);
  });
});

import assert from "node:assert/strict";
import { it } from "node:test";
import { signIn } from "./image/bed.ts";
import { describeImage } from "./image/machines.ts";
import { assertNoUnitFailed, assertSound, comesUp, installUnattended } from "./image/unattended.ts";

/*
 * A disk that was divided by hand: LVM, and a file system of its own for data.
 */

describeImage("the image on logical volumes", (machines) => {
  it("keeps data in their own file system, and installs its role once", async () => {
    const firmware = "uefi";
    const more = "lvm: true, partitions: { root: 20 GiB, data: rest }";
    const { disks } = await installUnattended(machines, "storage", firmware, { more });
    let vm = await machines.start({ firmware, disks, startFrom: "disks" });
    await comesUp(vm, "storage");
    await assertSound(vm, "storage");
    const lvm = "lvs --noheadings -o lv_name | sort | xargs; findmnt -no FSTYPE /var/lib/binnacle";
    assert.match(await vm.shell.run(lvm), /^(?=.*\bdata\b)(?=.*\broot\b)(?=.*\bswap\b).*\next4$/);
    await vm.shell.run("echo kept >/var/lib/binnacle/test; sync");

    vm = await machines.start({ firmware, disks, startFrom: "disks" });
    await comesUp(vm, "storage");
    await signIn(vm);
    assert.equal(await vm.shell.run("cat /var/lib/binnacle/test"), "kept");
    assert.equal(
      await vm.shell.run("systemctl show -p ActiveState --value binnacle-role binnacle-identity | xargs"),
      "inactive inactive",
    );
    await assertNoUnitFailed(vm);

    // It joins a cluster whose name is none that its settings knew.
    const cluster = "cluster:\\n\\tname = pool\\n\\theartbeat_mode = local\\n\\tnode_count = 1\\n\\n";
    const member =
      "node:\\n\\tcluster = pool\\n\\tnumber = 0\\n\\tname = node07\\n\\tip_port = 7777\\n\\tip_address = 10.0.2.15\\n";
    await vm.shell.run(`mkdir -p /etc/ocfs2; printf '${cluster}${member}' >/etc/ocfs2/cluster.conf`);
    await vm.shell.run("systemctl start o2cb", 120_000);
    assert.equal(await vm.shell.run("ls /sys/kernel/config/cluster"), "pool");
  });
});

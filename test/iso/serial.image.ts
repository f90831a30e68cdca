import { it } from "node:test";
import * as bed from "./image/bed.ts";
import { describeImage } from "./image/machines.ts";

/*
 * A machine without a screen: everything happens on its serial line.
 */

describeImage("the image on a serial line", (machines) => {
  it("is installed with UEFI and no video adapter, with Enter all the way", async (t) => {
    const disks = [{ file: bed.emptyDisk(machines.folder, "disk"), format: "qcow2" }] as const;
    const computer = { firmware: "uefi", vga: "none", disks } as const;
    let vm = await machines.start({ ...computer, cdrom: machines.iso, startFrom: "medium" });
    await vm.serial.until(/Install Binnacle[\s\S]*Install over VNC[\s\S]*Rescue/, bed.bootTimeoutMs);
    await vm.serial.until("Time zone", bed.bootTimeoutMs);
    await bed.enterAllTheWay(vm.serial, "vda");
    t.diagnostic("installed");

    vm = await machines.start({ ...computer, startFrom: "disks" });
    await vm.serial.until((text) => bed.isHome(text), bed.bootTimeoutMs);
  });
});

import { it } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import type { VmDisk } from "../support/vm/options.ts";
import * as bed from "./image/bed.ts";
import { describeImage } from "./image/machines.ts";

/*
 * The power fails while the image is being installed. The installer waits at its disk page in a snapshot; the disk is
 * put in there, so that it keeps what was written to it.
 */

const cuts = 10;
const redraw = "\x0c";

describeImage("the image, when the power fails", (machines) => {
  it("can be installed after a cut at any moment of an installation", async (t) => {
    const state: VmDisk = {
      id: "state",
      file: bed.emptyDisk(machines.folder, "state", "64M"),
      format: "qcow2",
      bus: "usb",
    };
    const options = { cdrom: machines.iso, disks: [state], startFrom: "medium" } as const;
    const waiting = await machines.start(options);
    await bed.toDiskPage(waiting.serial);
    await waiting.save("disk-page");

    /** From the disk page until the disk is being written. */
    const begin = async (file: string) => {
      const vm = await machines.start({ ...options, snapshot: "disk-page" });
      await vm.plug({ id: "system", file, format: "qcow2" });
      vm.serial.type(redraw);
      await vm.serial.until(/4\/7 Disk /);
      await bed.settled(vm.serial);
      vm.serial.type("r");
      await vm.serial.until(/vda/);
      await bed.fromDiskPage(vm.serial, "vda");
      return vm;
    };
    const whole = async (file: string) => {
      const vm = await begin(file);
      const startedAt = performance.now();
      await vm.serial.until(/is installed on/, bed.installTimeoutMs);
      await vm.powerCut();
      return performance.now() - startedAt;
    };

    const length = await whole(bed.emptyDisk(machines.folder, "first"));
    t.diagnostic(`an installation takes ${Math.round(length / 1000)} s`);
    let disk = "";
    for (const [nth, moment] of bed.moments(t, cuts).entries()) {
      disk = bed.emptyDisk(machines.folder, `disk${nth}`);
      const vm = await begin(disk);
      await wait(moment * length);
      const [, step = "?"] = /\.{4} +([^\n]*)/.exec(vm.serial.text()) ?? [];
      await vm.powerCut();
      await whole(disk);
      t.diagnostic(`cut after ${Math.round((moment * length) / 1000)} s (${step.trim()}): installed afterwards`);
    }
    const vm = await machines.start({ disks: [{ file: disk, format: "qcow2" }], startFrom: "disks" });
    await vm.serial.until((text) => bed.isHome(text), bed.bootTimeoutMs);
  });
});

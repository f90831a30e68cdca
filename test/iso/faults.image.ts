import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { it } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import * as bed from "./image/bed.ts";
import { describeImage, failures } from "./image/machines.ts";
import { answersFor } from "./image/unattended.ts";

/*
 * Machines and media that are not as they should be.
 */

/** The progress says that something has been copied. */
const isCopying = /Copy the system +[1-9]\d* %/;

/** A clock whose battery is empty. */
const oldClock = ["-rtc", "base=1970-01-01T00:00:00"];

describeImage("the image where something is wrong", (machines) => {
  it("is installed after its disk failed in the middle, and starts although the clock says 1970", async (t) => {
    const { iso, folder } = machines;
    const file = path.join(folder, "disk.raw");
    fs.writeFileSync(file, "");
    fs.truncateSync(file, 40 * 2 ** 30);
    const failing = { file, id: "system", mayFail: true } as const;
    let vm = await machines.start({ cdrom: iso, disks: [failing], startFrom: "medium", extra: oldClock });
    await bed.toDiskPage(vm.serial);
    await bed.fromDiskPage(vm.serial, "vda");
    await vm.serial.until(isCopying, bed.installTimeoutMs);
    vm.failDisk("system", true);
    await vm.serial.until(/The installation failed[\s\S]*Try again/, bed.installTimeoutMs);
    t.diagnostic(vm.serial.text());
    assert.match(vm.serial.text(), /Failed: Copy the system/);
    await vm.screen.until(/The installation failed/, bed.bootTimeoutMs);
    vm.failDisk("system", false);
    await bed.settled(vm.serial);
    vm.serial.type("\r");
    await vm.serial.until(/is installed on/, bed.installTimeoutMs);

    vm = await machines.start({ disks: [{ file }], startFrom: "disks", extra: oldClock });
    await vm.serial.until((text) => bed.isHome(text), bed.bootTimeoutMs);
    assert.deepEqual(failures(vm), []);
    await bed.signIn(vm);
    assert.match(await vm.shell.run("journalctl -b -k | grep 'setting system clock'"), /1970-01-01/);
  });

  it("is not installed from a medium with one wrong byte, which is told on every console", async () => {
    const { iso, folder } = machines;
    // The one that is started is whole: what is wrong is only found by reading all of the medium.
    const kernel = bed.installerKernel(iso, folder);
    const unattended = bed.withAnswers(iso, answersFor("compute"), folder);
    damage(unattended, "/binnacle/vmlinuz");
    const disks = [{ file: bed.emptyDisk(folder, "disk"), format: "qcow2" }] as const;
    const vm = await machines.start({ cdrom: unattended, disks, kernel });
    await vm.serial.until(/vmlinuz on the disk is not what the medium's list says/, bed.installTimeoutMs);
    await vm.screen.until(/vmlinuz on the disk is not what the medium's list says/, bed.bootTimeoutMs);
  });

  it("says that there is no disk, and goes on when one is put in", async () => {
    const vm = await machines.start({ cdrom: machines.iso, startFrom: "medium" });
    await bed.toDiskPage(vm.serial);
    await vm.serial.until(/No disk can hold the system[\s\S]*cable\s+loose\?/);
    await vm.plug({ id: "late", file: bed.emptyDisk(machines.folder, "late"), format: "qcow2" });
    // The kernel takes its time to find it: somebody who sees nothing presses R again.
    for (let tries = 0; tries < 10 && !vm.serial.text().includes("vda"); tries += 1) {
      vm.serial.type("r");
      await wait(2000);
      await bed.settled(vm.serial);
    }
    await bed.fromDiskPage(vm.serial, "vda");
    await vm.serial.until(isCopying, bed.installTimeoutMs);
  });
});

/** Changes one byte in the middle of a file on an ISO image. */
function damage(iso: string, name: string): void {
  const report = execFileSync("xorriso", ["-indev", iso, "-find", name, "-exec", "report_lba", "--"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [, start, , size] = /File data lba: *\d+ , *(\d+) , *(\d+) , *(\d+) ,/.exec(report) ?? [];
  const at = Number(start) * 2048 + Math.floor(Number(size) / 2);
  const file = fs.openSync(iso, "r+");
  try {
    const byte = Buffer.alloc(1);
    assert.equal(fs.readSync(file, byte, 0, 1, at), 1);
    byte.writeUInt8(byte.readUInt8() ^ 1);
    fs.writeSync(file, byte, 0, 1, at);
  } finally {
    fs.closeSync(file);
  }
}

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { it } from "node:test";
import { type DiskKind, makeDisk } from "../support/vm/disks.ts";
import type { VmDisk } from "../support/vm/options.ts";
import { makeOverlay } from "../support/vm/prepare.ts";
import { answersStick, bootTimeoutMs, emptyDisk, installerKernel, withAnswers } from "./image/bed.ts";
import { describeImage, type Machines } from "./image/machines.ts";
import { answersFor, assertSound, comesUp, installUnattended, switchedOff } from "./image/unattended.ts";

/*
 * Answer files, in QEMU. Every role with every firmware: roles.matrix.ts.
 */

describeImage("the image, unattended", (machines) => {
  it("installs a compute node with Secure Boot on", async (t) => {
    const { disks, seconds } = await installUnattended(machines, "compute", "uefi-secure");
    t.diagnostic(`power-on to power-off: ${Math.round(seconds)} s`);
    const vm = await machines.start({ firmware: "uefi-secure", disks, startFrom: "disks" });
    await comesUp(vm, "compute");
    await assertSound(vm, "compute");
    assert.match(await vm.shell.run("dmesg | grep -i 'secure boot'"), /enabled|EFI Secure Boot/);
  });

  it("touches no disk with data that it may not erase, and says so on every console", async () => {
    const { disk, isUntouched } = watched(machines, "debian");
    const cdrom = withAnswers(machines.iso, answersFor("compute"), machines.folder);
    const vm = await machines.start({ cdrom, disks: [disk], startFrom: "medium" });
    await vm.serial.until(/erase: true/, bootTimeoutMs);
    await vm.screen.until(/erase: true/, bootTimeoutMs);
    await machines.picture("refused");
    await vm.powerCut();
    assert.ok(isUntouched());
  });

  it("stops at a wrong answer file on a stick, with the fault's place on every console, and touches nothing", async () => {
    const { disk, isUntouched } = watched(machines, "empty");
    const stick = answersStick(machines.folder, answersFor("compute").replace("role: compute", "role: butler"));
    const vm = await machines.start({ cdrom: machines.iso, disks: [disk, stick], startFrom: "medium" });
    await vm.serial.until(/answers\.yaml:2/, bootTimeoutMs);
    await vm.screen.until(/answers\.yaml:2/, bootTimeoutMs);
    await vm.powerCut();
    assert.ok(isUntouched());
  });

  it("takes its answers from the web server that the kernel's command line names", async () => {
    const { folder, iso } = machines;
    const answers = path.join(folder, "served.yaml");
    fs.writeFileSync(answers, answersFor("compute"));
    const vm = await machines.start({
      cdrom: iso,
      disks: [{ file: emptyDisk(folder, "disk"), format: "qcow2" }],
      nics: [{ network: "user", webFile: answers }],
      kernel: installerKernel(iso, folder, "binnacle.answers=http://10.0.2.100/node07.yaml"),
    });
    await switchedOff(vm);
    assert.match(vm.serial.raw, /is installed on/);
  });

  it("says which address does not answer, and touches nothing", async () => {
    const { folder, iso } = machines;
    const { disk, isUntouched } = watched(machines, "empty");
    const url = "http://10.0.2.99/node07.yaml";
    const kernel = installerKernel(iso, folder, `binnacle.answers=${url}`);
    const vm = await machines.start({ cdrom: iso, disks: [disk], kernel });
    const refused = (text: string) => text.includes("can't be used") && text.includes(url);
    await vm.serial.until(refused, bootTimeoutMs);
    await vm.screen.until(/can't be used/, bootTimeoutMs);
    await vm.powerCut();
    assert.ok(isUntouched());
  });
});

/** A disk as someone left it, and whether it still is so when its machine has ended. */
function watched({ folder }: Machines, kind: DiskKind): { disk: VmDisk; isUntouched(): boolean } {
  const { file } = makeDisk(folder, kind);
  const overlay = path.join(folder, "overlay.qcow2");
  makeOverlay(overlay, file, "raw");
  return {
    disk: { file: overlay, format: "qcow2" },
    isUntouched: () => spawnSync("qemu-img", ["compare", "-q", "-f", "qcow2", "-F", "raw", overlay, file]).status === 0,
  };
}

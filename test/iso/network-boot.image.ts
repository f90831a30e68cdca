import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { it } from "node:test";
import { root } from "../support/programs.ts";
import * as bed from "./image/bed.ts";
import { describeImage } from "./image/machines.ts";

/*
 * The image over the network: iPXE in the network card's ROM loads its files by the README's script, from a TFTP
 * server. There is no medium.
 */

const readme = fs.readFileSync(path.join(root, "README.md"), "utf8");

describeImage("the image over the network", (machines) => {
  it("is booted by iPXE and installed with Enter all the way", async (t) => {
    const folder = path.join(machines.folder, "tftp");
    const files = ["-osirrox", "on", "-indev", machines.iso, "-extract", "/binnacle", folder];
    execFileSync("xorriso", files, { stdio: "pipe" });
    const [, script] = /^```\n(#!ipxe\n[\s\S]*?)^```$/m.exec(readme) ?? [];
    assert.ok(script);
    fs.writeFileSync(path.join(folder, "boot.ipxe"), script);
    const disks = [{ file: bed.emptyDisk(machines.folder, "disk"), format: "qcow2" }] as const;
    const nics = [{ network: "user", tftp: { folder, bootFile: "boot.ipxe" } }] as const;
    const startedAt = performance.now();
    let vm = await machines.start({ disks, nics, memoryMiB: 4096, startFrom: "network" });
    await vm.serial.until("Time zone", bed.bootTimeoutMs);
    t.diagnostic(`asks its questions after ${Math.round((performance.now() - startedAt) / 1000)} s`);
    await bed.enterAllTheWay(vm.serial, "vda");

    vm = await machines.start({ disks, startFrom: "disks" });
    await vm.serial.until((text) => bed.isHome(text), bed.bootTimeoutMs);
  });
});

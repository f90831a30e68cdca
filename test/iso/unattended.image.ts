import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, before, beforeEach, describe, it } from "node:test";
import { startVm, type Vm, type VmOptions } from "../support/vm/vm.ts";
import * as bed from "./image/bed.ts";

/*
 * More ways to install the image than image.long.ts tries: `npm run test:image`.
 */

const why = await bed.whyNot();
const isCi = process.env["CI"] === "true";

describe("the image, unattended", { skip: why !== undefined && !isCi ? why : false }, () => {
  let iso: string;
  let folder: string;
  let vm: Vm | undefined;

  before(() => {
    assert.equal(why, undefined);
    iso = bed.buildImage();
  });
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "binnacle-image-"));
  });
  afterEach(async () => {
    await vm?.stop();
    vm = undefined;
    fs.rmSync(folder, { recursive: true, force: true });
  });

  const start = async (options: Partial<VmOptions>): Promise<Vm> => {
    await vm?.stop();
    vm = await startVm({ folder, memoryMiB: 3072, nics: [{ network: "user" }], ...options });
    return vm;
  };
  const picture = async (name: string) => {
    const target = process.env["BINNACLE_TEST_PICTURES"];
    if (target !== undefined) await vm?.screenshot(path.join(target, `${name}.png`));
  };

  /** Steps of the role's installation that failed, and units of systemd, with the lines after them that say why. */
  const failures = (machine: Vm) => {
    const lines = machine.serial.raw.split(/[\r\n]+/);
    return lines.flatMap((line, at) => (line.includes("FAIL") ? lines.slice(at, at + 4) : []));
  };

  it("carries out an answer file with Secure Boot on, and touches no disk with data that it may not erase", async (t) => {
    const disk = bed.emptyDisk(folder, "disk");
    const disks = [{ file: disk, format: "qcow2" }] as const;
    const answers = (erase: boolean) => `binnacle: 1
role: compute
disk: { system: { name: vda }, erase: ${erase} }
network: { hostname: node07 }
passwords: { root: "${bed.rootPasswordHash()}" }
afterwards: poweroff
`;
    const firmware = "uefi-secure";
    const startedAt = performance.now();
    let machine = await start({
      firmware,
      cdrom: bed.withAnswers(iso, answers(false), folder),
      disks,
      startFrom: "medium",
    });
    await machine.qmp.event("SHUTDOWN", 15 * 60_000);
    t.diagnostic(`unattended, power-on to power-off: ${Math.round((performance.now() - startedAt) / 1000)} s`);

    machine = await start({ firmware, disks, startFrom: "disks" });
    await machine.serial.until(/node07 +Compute Node/, bed.bootTimeoutMs);
    assert.deepEqual(failures(machine), []);
    await bed.openShell(machine);
    assert.match(await machine.shell.run("dmesg | grep -i 'secure boot'"), /enabled|EFI Secure Boot/);
    assert.equal(await machine.shell.run("systemctl --failed --no-legend --plain"), "");

    // Now the disk has a node on it.
    machine = await start({
      firmware,
      cdrom: bed.withAnswers(iso, answers(false), folder),
      disks,
      startFrom: "medium",
    });
    await machine.serial.until(/erase/, bed.bootTimeoutMs);
    await machine.serial.until(/[Nn]othing/, 60_000);
    await picture("refused");
    machine = await start({ firmware, disks, startFrom: "disks" });
    await machine.serial.until(/node07 +Compute Node/, bed.bootTimeoutMs);
  });
});

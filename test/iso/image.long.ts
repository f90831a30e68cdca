import assert from "node:assert/strict";
import { it } from "node:test";
import packageJson from "../../package.json" with { type: "json" };
import * as bed from "./image/bed.ts";
import { describeImage, failures } from "./image/machines.ts";
import { assertCloudAnswers, assertSound, identityOf } from "./image/unattended.ts";

/*
 * The image as a technician meets it, in QEMU: from an empty disk to a node with its role and its consoles. Built anew
 * from these sources; BINNACLE_TEST_PICTURES names a folder for pictures of the screen.
 */

describeImage("the image", (machines) => {
  it("installs a management node from a BIOS's screen and serial line with Enter all the way", async (t) => {
    const disk = bed.emptyDisk(machines.folder, "disk");
    const disks = [{ file: disk, format: "qcow2", serial: "DISK0001" }] as const;
    const startedAt = performance.now();
    const seconds = () => `${Math.round((performance.now() - startedAt) / 1000)} s`;
    let machine = await machines.start({ cdrom: machines.iso, disks, startFrom: "medium" });
    await machine.screen.until(/Install Binnacle[\s\S]*Install over VNC[\s\S]*Rescue/, bed.bootTimeoutMs);
    await machines.picture("boot-menu");
    // On both at once: whoever presses a key first leads.
    await machine.serial.until("Time zone", bed.bootTimeoutMs);
    t.diagnostic(`power-on to the questions: ${seconds()}`);
    await machine.screen.until("Time zone", bed.bootTimeoutMs);
    for (const page of [/1\/7/, /2\/7/, /3\/7/]) {
      await machine.screen.until(page, bed.bootTimeoutMs);
      await machine.screen.press("ret");
    }
    await machine.screen.until(/4\/7 Disk /, bed.bootTimeoutMs);
    await machines.picture("disk");
    await machine.serial.until(/being answered on tty1/, bed.bootTimeoutMs);
    // Whoever takes over goes on where the other one was.
    machine.serial.type("t");
    await bed.fromDiskPage(machine.serial, "vda");
    await machine.serial.until(/is installed on/, bed.installTimeoutMs);
    t.diagnostic(`power-on to the end of the installation: ${seconds()}`);
    await machine.screen.until(/is installed on/, bed.bootTimeoutMs);
    await machines.picture("installed");

    machine = await machines.start({ disks, startFrom: "disks" });
    const bootedAt = performance.now();
    await machine.screen.until(/2\. Configure Node:/, bed.bootTimeoutMs);
    await machines.picture("first-boot");
    await machine.serial.until((text) => bed.isHome(text), bed.bootTimeoutMs);
    await machine.serial.until(/binnacle-\w{6} +Management Node/, bed.bootTimeoutMs);
    t.diagnostic(`first boot to the console: ${Math.round((performance.now() - bootedAt) / 1000)} s`);
    for (const line of ["Pre-Checking: ... PASS", "Host Identity: ... PASS", "Certificates: ... PASS"])
      assert.ok(machine.serial.raw.includes(line), line);
    assert.deepEqual(failures(machine), []);
    await machine.screen.until(/Management Node[\s\S]*NODE INFO/, bed.bootTimeoutMs);
    await machines.picture("console");
    await machine.serial.until(/10\.0\.2\.15\/24/, bed.bootTimeoutMs);

    await assertSound(machine, "management");
    await assertCloudAnswers(machine, bed.adminPassword);
    const identity = await identityOf(machine);
    await machine.shell.run("echo kept >/etc/binnacle-test; echo kept >/var/lib/binnacle-test; sync");
    await machine.powerCut();
    machine = await machines.start({ disks, startFrom: "disks" });
    const againAt = performance.now();
    await machine.serial.until((text) => bed.isHome(text), bed.bootTimeoutMs);
    await machine.serial.until(/Booted/, bed.bootTimeoutMs);
    t.diagnostic(`boot to the console with its facts: ${Math.round((performance.now() - againAt) / 1000)} s`);
    await bed.signIn(machine);
    assert.equal(await machine.shell.run("cat /etc/binnacle-test /var/lib/binnacle-test"), "kept\nkept");
    assert.equal(await identityOf(machine), identity);
    const zones = "zstack-cli -s QueryZone fields=name | tail -n 1";
    assert.equal(await machine.shell.run(zones, 120_000), "kept");

    // A newer version stands first in the menu; the one that is known to work is started all the same.
    const { version } = packageJson;
    const newer = 'menuentry newer --id version-999.0.0 { echo "Loading Binnacle 999.0.0 ..."; }';
    await machine.shell.run(`sed -i '0,/^menuentry/s//${newer}\\n&/' /boot/grub/grub.cfg`);
    await machine.shell.run(`grub-editenv /boot/grub/grubenv set default_version=${version}`);
    await machine.shell.run("fsfreeze --freeze /boot; fsfreeze --unfreeze /boot; grep -c 999 /boot/grub/grub.cfg");
    await machine.powerCut();
    machine = await machines.start({ disks, startFrom: "disks" });
    const loading = /Loading Binnacle (\S+) \.\.\./;
    await machine.serial.until((_, raw) => loading.test(raw), bed.bootTimeoutMs);
    assert.equal(loading.exec(machine.serial.raw)?.[1], version);
  });
});

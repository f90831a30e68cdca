import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { it } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { readIds, writeIds } from "../../iso/build/ids.ts";
import packageJson from "../../package.json" with { type: "json" };
import type { Vm, VmOptions } from "../support/vm/vm.ts";
import * as bed from "./image/bed.ts";
import { describeImage, type Machines } from "./image/machines.ts";
import { assertNoUnitFailed, comesUp, identityOf, installUnattended } from "./image/unattended.ts";

/*
 * zstack-upgrade on a compute node, in QEMU: to a version that works, to one that doesn't, and with the power cut.
 */

const [newer, broken] = ["0.1.900", "0.1.901"];
const cuts = 10;
const upgradeTimeoutMs = 10 * 60_000;
/** User and group of an account that comes with a version; systemd-sysusers by itself would give another id. */
const newcomer = 555;

describeImage("an installed node's upgrade", (machines) => {
  it("keeps configuration and data, and goes back by itself from a version that does not work", async (t) => {
    const options = await installed(machines);
    const images = [
      bed.buildLaterImage(machines.folder, newer, addNewcomer),
      // An agent that ends at once: the role check of that version can't pass.
      bed.buildLaterImage(machines.folder, broken, (sources) =>
        fs.writeFileSync(path.join(sources, "core/agent.ts"), "process.exit(1);\n"),
      ),
    ];
    const seconds = (from: number) => `${Math.round((performance.now() - from) / 1000)} s`;

    let vm = await nodeWith(machines, options, images[0] ?? "");
    const before = await identityOf(vm);
    await vm.shell.run("echo kept | tee /etc/binnacle-test /var/lib/binnacle-test /root/test /home/test; sync");
    let startedAt = performance.now();
    t.diagnostic(await vm.shell.run("zstack-upgrade /root/new.iso", upgradeTimeoutMs));
    t.diagnostic(`zstack-upgrade: ${seconds(startedAt)}`);
    startedAt = performance.now();
    vm = await machines.start(options);
    await comesUp(vm, "compute");
    t.diagnostic(`first boot of the new version: ${seconds(startedAt)}`);
    await bed.signIn(vm);
    await becomes(vm, "default_version", newer);
    assert.equal(await running(vm), newer);
    assert.equal(await identityOf(vm), before);
    const kept = "cat /etc/binnacle-test /var/lib/binnacle-test /root/test /home/test";
    assert.equal(await vm.shell.run(kept), "kept\nkept\nkept\nkept");
    // Who came with the version can be used, and root's password is still the node's.
    assert.match(await vm.shell.run("getent shadow newcomer"), /^newcomer:!/);
    await vm.shell.run("su -s /bin/true newcomer");
    assert.equal(await vm.shell.run("id -u newcomer; id -g newcomer"), `${newcomer}\n${newcomer}`);
    await assertNoUnitFailed(vm);

    vm = await nodeWith(machines, options, images[1] ?? "");
    await vm.shell.run("zstack-upgrade /root/new.iso", upgradeTimeoutMs);
    startedAt = performance.now();
    vm = await machines.start(options);
    await vm.serial.until((_, raw) => raw.includes("the former version is started"), bed.bootTimeoutMs);
    await vm.serial.until((text) => bed.isHome(text, "Compute Node"), bed.bootTimeoutMs);
    t.diagnostic(`the broken version, and the former one again: ${seconds(startedAt)}`);
    await bed.signIn(vm);
    assert.equal(await running(vm), newer);
    const status = await vm.shell.run("zstack-upgrade --status");
    t.diagnostic(status);
    assert.match(status, new RegExp(`^${broken.replaceAll(".", "\\.")} .*its trial failed`, "m"));
    assert.equal(await vm.shell.run(kept), "kept\nkept\nkept\nkept");
  });

  it("leaves a node that comes up after a power cut at any moment", async (t) => {
    const options = await installed(machines);
    const image = bed.buildLaterImage(machines.folder, newer);
    let vm = await nodeWith(machines, options, image);
    await vm.save("before");
    const startedAt = performance.now();
    await vm.shell.run("zstack-upgrade /root/new.iso", upgradeTimeoutMs);
    const length = performance.now() - startedAt;
    t.diagnostic(`an upgrade takes ${Math.round(length / 1000)} s`);
    for (const moment of bed.moments(t, cuts)) {
      vm = await machines.start({ ...options, cdrom: image, snapshot: "before" });
      // On the terminal where root signed in before: the serial line's shell does not outlive a snapshot.
      await vm.screen.until(/root@\S+:~#/, 60_000);
      await vm.screen.type("zstack-upgrade /root/new.iso\n");
      await vm.screen.until("Checking this node", 60_000);
      await wait(moment * length);
      await vm.powerCut();
      vm = await machines.start(options);
      await comesUp(vm, "compute");
      await bed.signIn(vm);
      const version = await running(vm);
      assert.ok([packageJson.version, newer].includes(version), version);
      t.diagnostic(`cut after ${Math.round((moment * length) / 1000)} s: ${version} came up`);
    }
  });
});

async function installed(machines: Machines): Promise<Partial<VmOptions>> {
  const { disks } = await installUnattended(machines, "compute", "bios");
  return { disks, startFrom: "disks" };
}

/** The node with its console up, a root shell, and an image in /root/new.iso. */
async function nodeWith(machines: Machines, options: Partial<VmOptions>, image: string): Promise<Vm> {
  const vm = await machines.start({ ...options, cdrom: image });
  await comesUp(vm, "compute");
  await bed.signIn(vm);
  await vm.shell.run(`head -c ${fs.statSync(image).size} /dev/sr0 >/root/new.iso; sync`, upgradeTimeoutMs);
  return vm;
}

/** The version whose system is mounted. */
async function running(vm: Vm): Promise<string> {
  return (await vm.shell.run("sed 's/.*binnacle.system=\\([^ ]*\\).*/\\1/' /proc/cmdline")).trim();
}

/** Waits for a word in GRUB's environment: the role check ends after the console has come up. */
async function becomes(vm: Vm, name: string, value: string): Promise<void> {
  await vm.shell.run(
    `until grub-editenv /boot/grub/grubenv list | grep -qx '${name}=${value}'; do sleep 1; done`,
    300_000,
  );
}

function addNewcomer(sources: string): void {
  fs.appendFileSync(path.join(sources, "iso/overlay/usr/lib/sysusers.d/binnacle.conf"), "u newcomer - - /\n");
  const file = path.join(sources, "iso/accounts.lock.json");
  const { users, groups } = readIds(file);
  writeIds(file, { users: { ...users, newcomer }, groups: { ...groups, newcomer } });
}

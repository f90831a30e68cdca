import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { test } from "node:test";
import { LibvirtDriver } from "../../../core/hypervisor/libvirt.ts";
import { guestShell, guestVolume } from "../../support/libvirt/guest.ts";
import { LibvirtHost } from "../../support/libvirt/host.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { undoAfter } from "../../support/undo.ts";

test("a guest boots from its volume, does what it is told, and shuts down at the press of the button", async (t) => {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const host = new LibvirtHost(join(folder.path, "host"), "kvm-1");
  undoAfter(t, () => host.cutPower());
  await host.start();
  const driver = new LibvirtDriver({
    machine: host.machine,
    uri: host.uri,
    hasKvm: false,
    networksFolder: join(folder.path, "networks"),
  });
  const path = join(folder.path, "root.qcow2");
  await guestVolume(path);
  const uuid = randomUUID().replaceAll("-", "");
  const never = new AbortController().signal;
  const disks = [{ volumeUuid: uuid, path, format: "qcow2" as const }];
  const machine = { uuid, name: "guest", cpuNum: 2, memorySize: 128 * 1024 ** 2, disks, nics: [] };
  await driver.carryOut({ do: "startMachine", machine }, never);
  const { shell, line } = await guestShell(host, uuid);
  undoAfter(t, () => line.close());
  assert.equal(await shell.run("nproc"), "2");
  assert.match(await shell.run("cat /proc/partitions"), / vda$/m);

  await driver.carryOut({ do: "stopMachine", uuid, graceMs: 600_000 }, never);
  assert.equal((await host.virsh("domstate", "--reason", uuid)).trim(), "shut off (shutdown)");
});

import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { it } from "node:test";
import type { Vm } from "../support/vm/vm.ts";
import * as bed from "./image/bed.ts";
import { describeImage } from "./image/machines.ts";
import { assertCloudAnswers, comesUp, installUnattended } from "./image/unattended.ts";

/*
 * The cloud of a management node that is lost: a backup that the timer's service has made is restored on a machine that was
 * installed anew, in QEMU.
 */

const limitMs = 300_000;
const chunk = 3000;

describeImage("a management node's backup", (machines) => {
  it("is made by the timer, and gives a freshly installed node the same records", async (t) => {
    const { disks } = await installUnattended(machines, "management", "bios");
    const [disk] = disks;
    assert.ok(disk !== undefined);
    // Installed, and never started: each machine that starts from a copy becomes a node of its own.
    const spare = path.join(machines.folder, "spare.qcow2");
    fs.copyFileSync(disk.file, spare);

    let vm = await machines.start({ disks, startFrom: "disks" });
    await comesUp(vm, "management");
    await bed.signIn(vm);
    await assertCloudAnswers(vm, bed.rootPassword);
    const records = await recordsOf(vm);
    assert.match(records, /"kept"/);
    assert.match(
      await vm.shell.run("systemctl list-timers --no-pager binnacle-backup.timer", limitMs),
      /binnacle-backup/,
    );
    await vm.shell.run("systemctl start binnacle-backup.service", limitMs);
    const file = await vm.shell.run("ls -t /var/lib/binnacle/backups/*.tar.gz | head -n 1", limitMs);
    const text = await vm.shell.run(`base64 -w 0 ${file}`, limitMs);
    const authority = await vm.shell.run("cat /etc/binnacle/tls/ca.crt");
    t.diagnostic(`${path.basename(file)}: ${Math.round((text.length * 3) / 4096)} KiB`);

    vm = await machines.start({ disks: [{ ...disk, file: spare }], startFrom: "disks" });
    await comesUp(vm, "management");
    await bed.signIn(vm);
    assert.notEqual(await vm.shell.run("cat /etc/binnacle/tls/ca.crt"), authority);
    const copy = `/root/${path.basename(file)}`;
    for (let at = 0; at < text.length; at += chunk)
      await vm.shell.run(`printf %s '${text.slice(at, at + chunk)}' >>/root/text`, limitMs);
    await vm.shell.run(`base64 -d /root/text >${copy}`, limitMs);
    t.diagnostic(await vm.shell.run(`zstack-ctl restore_mysql -f ${copy} --yes`, limitMs));
    await vm.shell.run(`cd /root && umask 077 && echo '${bed.rootPassword}' >admin.password`, limitMs);
    await vm.shell.run("cd /root && zstack-cli LogInByAccount accountName=admin -P admin.password", limitMs);
    assert.equal(await recordsOf(vm), records);
    assert.equal(await vm.shell.run("cat /etc/binnacle/tls/ca.crt"), authority);
    assert.match(await vm.shell.run("zstack-ctl status", limitMs), /MN status: Running \[PID:\d+\]/);
  });
});

/** Everything in the cloud that a person has made. */
function recordsOf(vm: Vm): Promise<string> {
  return vm.shell.run("zstack-cli QueryZone; zstack-cli QueryUser fields=name,uuid,createDate", limitMs);
}

import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, describe, it } from "node:test";
import { ensureBuilt } from "../../../scripts/dev/build.ts";
import { emulator, root, skipFor, whyNot } from "../../support/bed-needs.ts";
import { makeGuestDisk, startGuest } from "../../support/vm/debian.ts";
import type { Vm } from "../../support/vm/vm.ts";

/*
 * The manager's service on a real systemd: a Debian 13 with the product's file tree, booted by QEMU. What the image has
 * besides, the installation of the role, is tested with the image.
 */

const password = "lantern 71 fog";
/** Under emulation everything is some ten times slower; these only bound how long a failure takes. */
const bootTimeoutMs = 180_000;
const limitMs = 240_000;
const unit = "binnacle-manager.service";

const why = await whyNot([emulator, root]);

describe("the manager's service", { skip: skipFor(why) }, () => {
  let folder: string;
  let guest: Vm;
  const run = (command: string) => guest.shell.run(command, limitMs);
  const show = (property: string) => run(`systemctl show --value -p ${property} ${unit}`);
  const cli = (words: string) => run(`cd /root && zstack-cli ${words}`);
  /** Waits for a shell's condition on the guest. */
  const until = (condition: string) => run(`timeout 200 sh -c 'until ${condition}; do sleep 0.5; done'`);

  before(async () => {
    assert.equal(why, undefined);
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "binnacle-guest-"));
    await ensureBuilt();
    guest = await startGuest(
      folder,
      makeGuestDisk(folder, password, undefined, {
        packages: ["openssl"],
        files: { "/etc/hosts": "127.0.0.1 localhost\n" },
      }),
    );
    await guest.shell.open(bootTimeoutMs);
    await run("/usr/lib/binnacle/node /usr/lib/binnacle/role.js identity");
    await run(`umask 077; echo '${password}' >/etc/binnacle/admin-password; echo '${password}' >/root/admin.password`);
  });
  after(async () => {
    await guest?.stop();
    if (folder !== undefined) fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  it("is started when it serves calls, without any of root's powers", async () => {
    await run(`systemctl enable --now ${unit}`);
    assert.equal(await show("StatusText"), "Serves calls on port 8080.");
    const status = await run(`cat /proc/${await show("MainPID")}/status`);
    for (const set of ["CapEff", "CapPrm", "CapBnd"]) assert.match(status, new RegExp(`^${set}:\\s+0+$`, "m"));
    assert.match(status, /^NoNewPrivs:\s+1$/m);
    await cli("LogInByAccount accountName=admin -P admin.password");
    await cli("CreateZone name=kept");
    assert.equal(
      await run("stat -c '%a %U' /run/binnacle/manager.sock /var/lib/binnacle/manager"),
      "600 root\n700 root",
    );
  });

  it("is started again after kill -9, and has what it had answered", async () => {
    const pid = await show("MainPID");
    await run(`kill -KILL ${pid}`);
    await until(`systemctl is-active --quiet ${unit} && [ "$(systemctl show --value -p MainPID ${unit})" != ${pid} ]`);
    assert.equal(await cli("-s QueryZone fields=name | tail -n 1"), "kept");
  });

  it("is killed and started again when it hangs", async () => {
    const pid = await show("MainPID");
    await run(`kill -STOP ${pid}`);
    await until(`systemctl is-active --quiet ${unit} && [ "$(systemctl show --value -p MainPID ${unit})" != ${pid} ]`);
    assert.match(await run(`journalctl -u ${unit} -o cat --no-pager`), /[Ww]atchdog timeout/);
  });

  it("leaves the agent's sockets when it is stopped, and ends in order", async () => {
    await run(`systemctl stop ${unit}`);
    assert.equal(await show("ExecMainStatus"), "0");
    await run("test -S /run/binnacle/agent.sock && test ! -e /run/binnacle/manager.sock");
    assert.match(await run("zstack-cli QueryZone 2>&1 || :"), /CLOUD\.ABSENT/);
  });

  it("is not started again and again with a wrong configuration, and its log names the line", async () => {
    await run("echo api.prt=1 >/etc/binnacle/manager.conf");
    await run(`! systemctl start ${unit}`);
    assert.equal(await show("ActiveState"), "failed");
    assert.match(
      await run(`journalctl -u ${unit} -o cat --no-pager`),
      /line 1: "api\.prt" is no setting of the manager\./,
    );
    await run(`rm /etc/binnacle/manager.conf; systemctl start ${unit}`);
    assert.equal(await show("ActiveState"), "active");
  });

  it("is reached by the command line on the third terminal, which keeps nothing for the next person", async () => {
    await run("systemctl start binnacle-cli@tty3.service");
    await guest.screen.press("ctrl", "alt", "f3");
    await guest.screen.until(/^- >/m, limitMs);
    await guest.screen.type("LogInByAccount accountName=admin\n");
    await guest.screen.until("Password:", limitMs);
    await guest.screen.type(`${password}\n`);
    await guest.screen.until(/^admin@localhost>/m, limitMs);
    await guest.screen.type("-s QueryZone fields=name,state\n");
    await guest.screen.until(/kept +Enabled/, limitMs);
    await guest.screen.type("quit\n");
    await guest.screen.until((text) => /^- >/m.test(text) && !text.includes("kept"), limitMs);
  });
});

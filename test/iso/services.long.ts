import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { ensureBuilt } from "../../scripts/dev/build.ts";
import { emulator, root, skipFor, whyNot } from "../support/bed-needs.ts";
import { makeGuestDisk, startGuest } from "../support/vm/debian.ts";
import type { Vm } from "../support/vm/vm.ts";

/*
 * The services of a node on a real systemd: a Debian 13 with the product's file tree, booted by QEMU with a screen, a
 * serial line and no network. BINNACLE_TEST_PICTURES names a folder for pictures of its screen.
 */

const password = "lantern 71 fog";
const nextPassword = "harbour 88 mist";
/** Under emulation everything is some ten times slower; these only bound how long a failure takes. */
const bootTimeoutMs = 180_000;
const serial = "binnacle-serial@ttyS0.service";
const screen = "binnacle-console@tty1.service";

const keys = { f2: "\x1bOQ", f12: "\x1b[24~", esc: "\x1b", down: "\x1b[B", enter: "\r" } as const;
/** How the kernel names a Node process, from its start and once it has named its threads; as pgrep takes it. */
const node = "'node|MainThread'";
const home = /NODE INFO[\s\S]*F12 Power/;

const why = await whyNot([emulator, root]);

describe("the services of a node", { skip: skipFor(why) }, () => {
  let folder: string;
  let guest: Vm;
  let bootedMs: number;

  before(async () => {
    assert.equal(why, undefined);
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "binnacle-guest-"));
    await ensureBuilt();
    const disk = makeGuestDisk(folder, password);
    const startedAt = performance.now();
    guest = await startGuest(folder, disk);
    await guest.shell.open(bootTimeoutMs);
    await guest.serial.until(home, bootTimeoutMs);
    bootedMs = performance.now() - startedAt;
  });
  after(async () => {
    await guest?.stop();
    if (folder !== undefined) fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });
  // Whatever the test before has left.
  beforeEach(async () => {
    await guest.shell.run(`systemctl start ${serial} ${screen}`);
    await guest.serial.until(home);
    await guest.serial.until("node01");
  });

  /** The text of the screen, as the kernel's virtual terminal holds it. */
  const screenText = () => guest.shell.run("fold -w 80 /dev/vcs1");
  const screenUntil = async (what: RegExp) => {
    const shown = `fold -w 80 /dev/vcs1 | tr '\\n' ' ' | grep -qaE '${what.source}'`;
    const { status, output } = await guest.shell.try(
      `timeout 60 sh -c "until ${shown}; do sleep 0.2; done" || { fold -w 80 /dev/vcs1; false; }`,
      90_000,
    );
    assert.equal(status, 0, `the screen never showed ${what.source}:\n${output}`);
  };
  const picture = async (name: string) => {
    const target = process.env["BINNACLE_TEST_PICTURES"];
    if (target !== undefined) await guest.screenshot(path.join(target, `${name}.png`));
  };
  const mainPid = (unit: string) => guest.shell.run(`systemctl show --value -p MainPID ${unit}`);
  const tuiPid = async (unit: string) => guest.shell.run(`pgrep -P ${await mainPid(unit)} -x ${node}`);
  const status = async (pid: string, name: string) =>
    (await guest.shell.run(`sed -n 's/^${name}:[[:space:]]*//p' /proc/${pid}/status`)).split(/\s+/);
  /** Kills the console's program as often, each as soon as the launcher has started it. */
  const crash = async (unit: string, times: number) => {
    const launcher = await mainPid(unit);
    const program = `pgrep -P ${launcher} -x ${node}`;
    await guest.shell.run(
      `for i in $(seq ${times}); do until kill -KILL $(${program}) 2>/dev/null; do sleep 0.1; done; ` +
        `while ${program} >/dev/null; do sleep 0.1; done; done`,
      120_000,
    );
  };
  const goHome = async () => {
    guest.serial.type(keys.esc);
    await guest.serial.until(home);
  };
  const logIn = async (key: string, title: string, given = password) => {
    guest.serial.type(key);
    await guest.serial.until("Password:");
    guest.serial.type(`${given}\r`);
    await guest.serial.until(title);
  };

  it("come up by themselves, on the screen and on the serial line, with this machine's figures", async (t) => {
    await guest.serial.until(/node01 +Management Node/);
    await screenUntil(/node01 +Management Node/);
    await screenUntil(/Booted/);
    await picture("home");
    assert.equal(await guest.shell.run("systemctl --failed --no-legend --plain"), "");
    const memory = await guest.shell.run(
      "ps -eo rss=,args= | sed -n 's, /usr/lib/binnacle/node /usr/lib/binnacle,,p' | cut -c 1-40",
    );
    t.diagnostic(`boot to the console on the serial line: ${(bootedMs / 1000).toFixed(1)} s`);
    t.diagnostic(`resident memory, KiB:\n${memory}`);
  });

  it("run the consoles as a user without any right, within 200 MiB", async (t) => {
    const user = await guest.shell.run("id -u binnacle-tui");
    for (const unit of [serial, screen]) {
      const pid = await tuiPid(unit);
      assert.deepEqual(await status(pid, "Uid"), [user, user, user, user]);
      for (const set of ["CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb"])
        assert.deepEqual(await status(pid, set), ["0000000000000000"]);
      assert.deepEqual(await status(pid, "NoNewPrivs"), ["1"]);
      assert.deepEqual(await status(pid, "Seccomp"), ["2"]);
      assert.equal(await guest.shell.run(`systemctl show --value -p MemoryMax ${unit}`), String(200 * 1024 * 1024));
      const score = await guest.shell.run(`systemd-analyze security --no-pager ${unit} | tail -1`);
      t.diagnostic(`${unit}: ${/[\d.]+ [A-Z]+/.exec(score)?.[0]}`);
    }
  });

  it("let only root and the group binnacle open the agent's socket", async () => {
    assert.equal(await guest.shell.run("stat -c '%U:%G %a' /run/binnacle/agent.sock"), "root:binnacle 660");
    assert.equal(await guest.shell.run("stat -c '%U:%G %a' /run/binnacle"), "root:binnacle 750");
    assert.equal((await guest.shell.try("setpriv --reuid nobody --clear-groups ls /run/binnacle")).status, 2);
    assert.equal(await guest.shell.run("stat -c '%U:%G %a' /var/lib/binnacle/agent"), "root:binnacle 700");
  });

  it("keep messages of kernel and systemd off both consoles, and let them come again without a console", async () => {
    const level = () => guest.shell.run("cut -f 1 /proc/sys/kernel/printk");
    const before = guest.serial.raw.length;
    await guest.shell.run(
      "echo '<2>SCRIBBLE of the kernel' >/dev/kmsg; systemctl restart systemd-timedated.service || true",
    );
    await guest.shell.run("systemd-run --wait -u scribble --description='SCRIBBLE of systemd' false || true");
    // What came before this answer is on the line by now.
    await guest.shell.run("dmesg | grep -q SCRIBBLE");
    assert.ok(!guest.serial.raw.slice(before).includes("SCRIBBLE"));
    assert.doesNotMatch(await screenText(), /SCRIBBLE/);
    assert.equal(await level(), "1");

    await guest.shell.run(`systemctl stop ${serial}`);
    assert.equal(await level(), "1", "one console is left");
    await guest.shell.run(
      `systemctl stop ${screen}; until systemctl is-failed binnacle-quiet | grep -q inactive; do :; done`,
    );
    assert.notEqual(await level(), "1");
    assert.equal(
      (await guest.shell.try("systemctl is-active binnacle-login@ttyS0 binnacle-login@tty1")).output,
      "inactive\ninactive",
    );
    await guest.shell.run(`systemctl start ${serial} ${screen}`);
    assert.equal(await level(), "1");
    await screenUntil(/node01/);
  });

  it("open the configuration with root's password, from the serial line and from the keyboard, and not without", async () => {
    await logIn(keys.f2, "Wrong password", "lantern 71 fig");
    await guest.serial.until(home);
    await logIn(keys.f2, "System Configuration");
    await goHome();
    assert.ok(!guest.serial.raw.includes("lantern"));

    await guest.qmp.press("f2");
    await screenUntil(/Password:/);
    await picture("password");
    await guest.screen.type(password);
    await guest.qmp.press("ret");
    await screenUntil(/Change Passwords/);
    await picture("configuration");
    await guest.qmp.press("esc");
    await screenUntil(/NODE INFO/);
  });

  it("bring the console back after a kill -9, by the launcher and by systemd", async () => {
    const launcher = await mainPid(serial);
    const program = await tuiPid(serial);
    await guest.shell.run(`kill -KILL ${program}`);
    await guest.shell.run(`until pgrep -P ${launcher} -x ${node} | grep -qv '^${program}$'; do sleep 0.1; done`);
    await guest.serial.until(home);
    assert.equal(await mainPid(serial), launcher);

    await guest.shell.run(`systemctl kill --signal KILL ${screen}`);
    await guest.shell.run(`until systemctl show -p NRestarts ${screen} | grep -q =1; do sleep 0.1; done`);
    await screenUntil(/node01/);
    assert.equal((await guest.shell.try("systemctl is-active binnacle-login@tty1")).output, "inactive");
  });

  it("show the text menu after the fifth crash, and the console again when it is asked for", async () => {
    // A new launcher has seen no crash.
    await guest.shell.run(`systemctl restart ${serial}`);
    await crash(serial, 5);
    await guest.serial.until("Number, then Enter:");
    assert.match(guest.serial.text(), /ended with status 137/);
    assert.match(guest.serial.text(), /node01 +Management Node/);
    assert.match(guest.serial.text(), /4 {2}Power off/);
    assert.doesNotMatch(guest.serial.text(), /Leave/);
    assert.match(await guest.shell.run(`journalctl -b -u ${serial} -o cat --no-pager`), /The console stopped/);
    guest.serial.type("2\r");
    await guest.serial.until(home);
  });

  it("show a login when neither console nor menu can run, until the console is started again", async () => {
    await guest.shell.run(`mount --bind /bin/false /usr/lib/binnacle/node; systemctl restart ${serial}`);
    await guest.serial.until("node01 login:", 120_000);
    await guest.shell.run("umount /usr/lib/binnacle/node");
    await guest.shell.run(`systemctl start ${serial}`);
    await guest.serial.until(home);
    assert.equal((await guest.shell.try("systemctl is-active binnacle-login@ttyS0")).output, "inactive");
  });

  it("start the agent again after a kill -9, and the consoles find it", async () => {
    const pid = await mainPid("binnacle-agent");
    await guest.shell.run(`kill -KILL ${pid}`);
    await guest.serial.until(/agent is not running|connection to the agent broke/i);
    await guest.serial.until((text) => /node01/.test(text) && !/agent is not running|agent broke/i.test(text), 120_000);
    assert.notEqual(await mainPid("binnacle-agent"), pid);
  });

  it("give the user console its console over SSH, and no command and no forwarding", async () => {
    const ssh = "ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -i /root/key";
    await guest.shell.run("ssh-keygen -q -t ed25519 -N '' -f /root/key");
    await guest.shell.run(
      "install -m 644 /root/key.pub /var/lib/binnacle/ssh/.ssh/authorized_keys; systemctl start ssh",
    );
    const command = await guest.shell.try(`${ssh} console@127.0.0.1 id`);
    assert.equal(command.status, 2, command.output);
    assert.match(command.output, /carries out no commands/);
    const bare = await guest.shell.try(`${ssh} -T console@127.0.0.1`);
    assert.match(bare.output, /needs a terminal/);
    await guest.shell.try(
      `TERM=xterm timeout 40 ${ssh} -tt console@127.0.0.1 >/root/seen & until grep -q 'NODE INFO' /root/seen; do sleep 0.2; done; kill $!`,
    );
    const settings = (user: string) =>
      guest.shell.run(
        `sshd -T -C user=${user},host=localhost,addr=127.0.0.1 | grep -E '^allow(tcp|streamlocal)forwarding' | sort`,
      );
    assert.equal(await settings("console"), "allowstreamlocalforwarding no\nallowtcpforwarding no");
    assert.equal(await settings("root"), "allowstreamlocalforwarding yes\nallowtcpforwarding yes");
  });

  it("change the root password for real, and reboot the machine on F12 and REBOOT", async () => {
    await logIn(keys.f2, "System Configuration");
    guest.serial.type(keys.enter);
    // A management node has several; root's stands first.
    await guest.serial.until(/system root|System root/i);
    guest.serial.type(keys.enter);
    await guest.serial.until("Old password");
    guest.serial.type(`${password}\t${nextPassword}\t${nextPassword}\r`);
    await guest.serial.until("All other sessions end");
    guest.serial.type("y");
    await guest.serial.until("The password is changed");
    const opens = (given: string) => guest.shell.try(`printf '%s\\0' '${given}' | unix_chkpwd root nonull`);
    assert.equal((await opens(nextPassword)).status, 0);
    assert.notEqual((await opens(password)).status, 0);
    assert.equal(await guest.shell.run("stat -c '%U:%G %a' /etc/shadow"), "root:shadow 640");
    guest.serial.type(keys.esc);
    await guest.serial.until("System Configuration");
    await goHome();

    const boot = await guest.shell.run("cat /proc/sys/kernel/random/boot_id");
    await logIn(keys.f12, "What should this machine do", nextPassword);
    guest.serial.type(keys.enter);
    // Enter counts only once the impact is known.
    await guest.serial.until(/running virtual machines[\s\S]*type REBOOT/);
    guest.serial.type("REBOOT\r");
    await guest.qmp.event("RESET", 120_000);
    await guest.shell.open(bootTimeoutMs);
    assert.notEqual(await guest.shell.run("cat /proc/sys/kernel/random/boot_id"), boot);
    await guest.serial.until(home, bootTimeoutMs);
    // Until the agent answers, F2 opens nothing.
    await guest.serial.until(/node01 +Management Node/);
    await logIn(keys.f2, "System Configuration", nextPassword);
    await goHome();
  });

  it("power the machine off from its keyboard", async () => {
    await screenUntil(/node01/);
    await guest.qmp.press("f12");
    await screenUntil(/Password:/);
    const given =
      (await guest.shell.try(`printf '%s\\0' '${password}' | unix_chkpwd root nonull`)).status === 0
        ? password
        : nextPassword;
    await guest.screen.type(given);
    await guest.qmp.press("ret");
    await screenUntil(/What should this machine do/);
    await guest.qmp.press("down");
    await guest.qmp.press("ret");
    await screenUntil(/running virtual machines.*type POWEROFF/);
    await picture("power");
    await guest.screen.type("POWEROFF");
    await guest.qmp.press("ret");
    await guest.qmp.event("SHUTDOWN", 120_000);
  });
});

import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, describe, it } from "node:test";
import { emulator, root, skipFor, whyNot } from "./bed-needs.ts";
import { type GuestDisk, guestKernelArguments, makeGuestDisk } from "./vm/debian.ts";
import { makeDisk } from "./vm/disks.ts";
import { type Network, startNetwork } from "./vm/network.ts";
import { makeOverlay } from "./vm/prepare.ts";
import { VncViewer } from "./vm/rfb.ts";
import { startVm, type Vm, type VmOptions } from "./vm/vm.ts";

const password = "lantern 71 fog";
const vncPassword = "sea71fog";
const bootTimeoutMs = 180_000;
/** Every character that a US keyboard writes. */
const keyboard = 'abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 0123456789 !@#$%^&*()_+-={}[]|:;"<>?,./~`\\';

const why = await whyNot([emulator, root]);
const skip = skipFor(why);

describe("a machine for tests", { skip }, () => {
  let folder: string;
  let guest: GuestDisk;
  let network: Network;
  let options: VmOptions;
  let vm: Vm;
  const disk = (name: string) => path.join(folder, `${name}.img`);
  const bytesAt = (file: string, at: number, length: number) => {
    const opened = fs.openSync(file, "r");
    try {
      const bytes = Buffer.alloc(length);
      fs.readSync(opened, bytes, 0, length, at);
      return bytes.toString("latin1");
    } finally {
      fs.closeSync(opened);
    }
  };

  before(async () => {
    assert.equal(why, undefined);
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "binnacle-vm-"));
    guest = makeGuestDisk(folder, password, "bare");
    makeOverlay(disk("root"), guest.disk, "raw");
    network = await startNetwork(folder);
    options = {
      folder,
      disks: [
        { file: disk("root"), format: "qcow2" },
        { file: makeDisk(folder, "small", { name: "volatile" }).file, writeCache: "volatile", serial: "VOLATILE1" },
        { file: makeDisk(folder, "small", { name: "kept" }).file, serial: "KEPT1" },
        { file: makeDisk(folder, "lvm").file, bus: "sata", serial: "SATA1", model: "Old Disk 9" },
        { file: makeDisk(folder, "debian").file, bus: "scsi", id: "scsi-disk", mayFail: true, serial: "SCSI1" },
        { file: makeDisk(folder, "small", { name: "bad" }).file, serial: "BAD1", badSectors: [2048] },
      ],
      kernel: { file: guest.kernel, initrd: guest.initrd, append: guestKernelArguments },
      nics: [
        { id: "lan", mac: "52:54:00:12:00:01", network },
        { id: "way-in", mac: "52:54:00:12:00:02", network: "user", forward: [22] },
        { id: "loose", mac: "52:54:00:12:00:03" },
      ],
      vnc: { password: vncPassword },
    };
    vm = await startVm(options);
    await vm.shell.open(bootTimeoutMs);
    await vm.screen.until("login:", bootTimeoutMs);
  });
  after(async () => {
    await vm?.stop();
    await network?.close();
    if (folder !== undefined) fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  it("shows its screen as text, and its keyboard writes every character", async () => {
    await vm.shell.run("dmesg --console-off; systemctl stop getty@tty1; clear >/dev/tty1");
    await vm.shell.run("setsid sh -c 'exec cat </dev/tty1 >/dev/null 2>&1' & true");
    await vm.screen.type(keyboard);
    await vm.screen.until(keyboard.slice(-12));
    const typed = (await vm.screen.text()).split("\n").slice(0, 2);
    assert.equal(typed.join(""), keyboard);
  });

  it("reads text in colours, inverse, and with lines, and has a row for each row of the screen", async () => {
    await vm.shell.run(
      "printf '\\033[2J\\033[H\\033[31;47m red on grey \\033[0m\\n\\033[7m inverse \\033[0m \\033[1;33mbold\\033[0m\\n" +
        "\\342\\224\\214\\342\\224\\200\\342\\224\\220 \\342\\226\\210\\n\\033[25;70Hthe end' >/dev/tty1",
    );
    await vm.screen.until("the end");
    const rows = (await vm.screen.text()).split("\n");
    assert.equal(rows.length, 25);
    assert.deepEqual(rows.slice(0, 3), [" red on grey", " inverse  bold", "┌─┐"]);
    assert.equal(rows.at(-1)?.trim(), "the end");
  });

  it("shows the same over VNC, to whoever knows the password", async () => {
    const at = { path: path.join(folder, "vnc.sock") };
    await assert.rejects(VncViewer.open(at, "sea71fig"), /[Aa]uthentication failed/);
    const viewer = await VncViewer.open(at, vncPassword);
    await viewer.until("the end");
    assert.equal(viewer.text(), await vm.screen.text());
    await vm.shell.run("clear >/dev/tty1");
    viewer.type("Over VNC?\r");
    await viewer.until(/Over VNC\?/);
    await vm.screen.until("Over VNC?");
    viewer.close();
  });

  it("has disks on several buses, with their names and what others left on them", async () => {
    const listed = await vm.shell.run("lsblk --noheadings --raw --output SERIAL,MODEL,FSTYPE,LABEL,TYPE | sort");
    assert.match(listed, /^SATA1 Old\\x20Disk\\x209 +disk$/m);
    assert.match(listed, /^SCSI1 QEMU\\x20HARDDISK +disk$/m);
    assert.match(listed, /^ +LVM2_member +part$/m);
    assert.match(listed, /^ +ext4 debian part$/m);
    assert.match(listed, /^VOLATILE1 +disk$/m);
  });

  it("has disks that fail, that have bad sectors, and that are pulled out and put in", async () => {
    const read = (serial: string, skip = 0) =>
      vm.shell.try(
        `d=/dev/$(lsblk -dno NAME,SERIAL | sed -n 's/ *${serial}$//p'); dd if=$d of=/dev/null iflag=direct bs=512 count=1 skip=${skip}`,
      );
    assert.equal((await read("SCSI1")).status, 0);
    vm.failDisk("scsi-disk", true);
    assert.match((await read("SCSI1")).output, /Input\/output error/);
    vm.failDisk("scsi-disk", false);
    assert.equal((await read("SCSI1")).status, 0);
    assert.equal((await read("BAD1", 2047)).status, 0);
    assert.match((await read("BAD1", 2048)).output, /Input\/output error/);
    await vm.unplug("scsi-disk");
    await vm.shell.run("until ! lsblk -dno SERIAL | grep -q SCSI1; do sleep 0.1; done");
    await vm.plug({ id: "late", file: makeDisk(folder, "small", { name: "late" }).file, serial: "LATE1" });
    await vm.shell.run("until lsblk -dno SERIAL | grep -q LATE1; do sleep 0.1; done");
  });

  it("has network cards on a switch without a way out, whose cable can be pulled", async () => {
    const card = (mac: string) => vm.shell.run(`basename $(dirname $(grep -l ${mac} /sys/class/net/*/address))`);
    const lan = await card("52:54:00:12:00:01");
    const asked = new Promise<Buffer>((resolve) => {
      network.onFrame = (frame) => {
        if (frame.readUInt16BE(12) === 0x0806) resolve(frame);
      };
    });
    await vm.shell.run(`ip link set ${lan} up; ip address add 192.0.2.1/24 dev ${lan}`);
    await vm.shell.try("timeout 1 sh -c ': </dev/tcp/192.0.2.9/9' || timeout 1 ssh -o ConnectTimeout=1 192.0.2.9");
    // Who has 192.0.2.9?
    assert.deepEqual([...(await asked).subarray(38, 42)], [192, 0, 2, 9]);
    await vm.setLink("lan", false);
    await vm.shell.run(`until [ $(cat /sys/class/net/${lan}/carrier) = 0 ]; do sleep 0.1; done`);
    assert.ok((await vm.port(22)) > 0);
  });

  it("loses in a power cut what was not written, and what a write cache had not flushed", async () => {
    const write = (serial: string, text: string, at: number, flush: string) =>
      vm.shell.run(
        `d=/dev/$(lsblk -dno NAME,SERIAL | sed -n 's/ *${serial}$//p'); printf '%-512s' ${text} >/tmp/sector; ` +
          `dd if=/tmp/sector of=$d oflag=direct ${flush} bs=512 count=1 seek=${at} status=none`,
      );
    for (const serial of ["VOLATILE1", "KEPT1"]) {
      await write(serial, "flushed", 0, "conv=fsync");
      await write(serial, "written", 4096, "conv=notrunc");
    }
    await vm.shell.run("echo kept >/root/kept; sync; echo lost >/root/lost");
    await vm.powerCut();
    assert.equal(bytesAt(disk("kept"), 0, 7), "flushed");
    assert.equal(bytesAt(disk("kept"), 4096 * 512, 7), "written");
    assert.equal(bytesAt(disk("volatile"), 0, 7), "flushed");
    assert.equal(bytesAt(disk("volatile"), 4096 * 512, 7), "\0".repeat(7));
  });

  it("starts again from the same disk, on a slow serial line, and is kept and brought back whole", async () => {
    const append = "root=/dev/vda rw quiet console=ttyS0,115200 init=/bin/sh";
    const again: VmOptions = {
      ...{ folder, disks: [{ file: disk("root"), format: "qcow2" }], serial: { baud: 9600 }, cpus: 1 },
      kernel: { file: guest.kernel, initrd: guest.initrd, append },
    };
    vm = await startVm(again);
    await vm.serial.until(/^# *$/m, bootTimeoutMs);
    vm.serial.type("stty -echo; ls /root; echo its files\r");
    await vm.serial.until(/its files\s+#/);
    assert.match(vm.serial.text(), /kept/);
    assert.doesNotMatch(vm.serial.text(), /lost/);

    const from = vm.serial.raw.length;
    vm.serial.type("read before x </proc/uptime; seq -w 0 1999; read after x </proc/uptime; echo $before to $after.\r");
    await vm.serial.until(/to \d+\.\d\d\./, 120_000);
    const said = vm.serial.raw.slice(from);
    const [, start = "", end = ""] = /(\d+\.\d\d) to (\d+\.\d\d)\./.exec(said) ?? [];
    // 12,000 characters at 960 a second; the kernel's buffer takes 4,096 of them, the way to the line some hundred.
    assert.ok(Number(end) - Number(start) > 6, said.slice(-40));

    vm.serial.type("kept=yes; echo first $kept\r");
    await vm.serial.until(/first yes/);
    await vm.save("booted");
    vm.serial.type("kept=no; echo now $kept\r");
    await vm.serial.until(/now no/);
    await vm.load("booted");
    vm.serial.type("echo then $kept\r");
    await vm.serial.until(/then yes/);
    await vm.stop();
    vm = await startVm({ ...again, snapshot: "booted" });
    vm.serial.type("echo at last $kept\r");
    await vm.serial.until(/at last yes/);
  });
});

for (const firmware of ["uefi", "uefi-secure"] as const)
  it(`a machine with the firmware ${firmware} shows its text, and starts what it may`, { skip }, async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "binnacle-vm-"));
    const vm = await startVm({ folder, firmware, memoryMiB: 256, cpus: 1 });
    try {
      // UEFI's own shell is not signed. Where it may start, it does, and clears away what was said before.
      await vm.screen.until(/No bootable option or device was found\.|Shell>/, 120_000);
      const refused = (await vm.screen.text()).includes("Security Violation");
      assert.equal(refused, firmware === "uefi-secure");
    } finally {
      await vm.stop();
      fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    }
  });

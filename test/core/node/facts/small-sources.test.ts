import assert from "node:assert/strict";
import { test } from "node:test";
import { filesystemsSource, parseFindmnt } from "../../../../core/node/facts/filesystems.ts";
import {
  firmwareText,
  identitySource,
  parseOsRelease,
  parseVirtualization,
} from "../../../../core/node/facts/identity.ts";
import { neighboursSource, parseLldp } from "../../../../core/node/facts/neighbours.ts";
import { commandFailed, FactMissing, whyOf } from "../../../../core/node/facts/source.ts";
import { parseLoad, parseUptime } from "../../../../core/node/facts/time.ts";
import { virtualMachinesSource } from "../../../../core/node/facts/virtual-machines.ts";
import { answering } from "./hand-machine.ts";

const signal = new AbortController().signal;

test("os-release: quotes and escapes as a shell reads them", () => {
  assert.equal(
    parseOsRelease('ID=debian\nPRETTY_NAME="Debian GNU/Linux 13 (trixie)"\n'),
    "Debian GNU/Linux 13 (trixie)",
  );
  assert.equal(parseOsRelease("PRETTY_NAME='A \\$ B'\n"), "A $ B");
  assert.equal(parseOsRelease("PRETTY_NAME=Plain\n"), "Plain");
  assert.equal(parseOsRelease("ID=debian\n"), undefined);
});

test("words that makers leave in empty fields are no names", () => {
  for (const junk of [
    "To Be Filled By O.E.M.",
    "Default string",
    "Not Specified",
    "None",
    "System Product Name",
    "0000",
    "..........",
    "",
    undefined,
  ]) {
    assert.equal(firmwareText(junk), null, String(junk));
  }
  for (const name of ["PowerEdge R640", "7XK0000", "QEMU", "Standard PC (Q35 + ICH9, 2009)"]) {
    assert.equal(firmwareText(name), name);
  }
});

test("bare metal has no virtualization", () => {
  assert.equal(parseVirtualization("none\n"), null);
  assert.equal(parseVirtualization("kvm\n"), "kvm");
});

test("a damaged node file makes the role nonsense, never none", async () => {
  const files = { "/proc/sys/kernel/hostname": "a\n", "/proc/sys/kernel/osrelease": "6\n" };
  const read = (text: string) =>
    identitySource().read(answering({ files: { ...files, "/etc/binnacle/node.json": text } }), signal);
  await assert.rejects(read("{"), new FactMissing("nonsense", "/etc/binnacle/node.json"));
  await assert.rejects(read('{"role":"king"}'), FactMissing);
  assert.equal((await read('{"role":"expert"}')).role, "expert");
});

test("uptime and load that are no numbers are nonsense", () => {
  assert.equal(parseUptime("103867.18 789390.57\n"), 103867.18);
  assert.deepEqual(parseLoad("0.12 0.20 0.18 2/412 218833\n"), [0.12, 0.2, 0.18]);
  assert.throws(() => parseUptime(""), FactMissing);
  assert.throws(() => parseUptime("soon\n"), FactMissing);
  assert.throws(() => parseLoad("a b c 1/2 3\n"), FactMissing);
});

const findmnt = (target: string, more: object = {}) => ({
  filesystems: [
    { target, source: "/dev/sda3", fstype: "ext4", options: "rw,relatime", size: 1000, avail: 400, ...more },
  ],
});
const show = (path: string) =>
  `findmnt --json --bytes --output TARGET,SOURCE,FSTYPE,OPTIONS,SIZE,AVAIL --target ${path}`;

test("a place that does not exist is looked for in the nearest folder above it", async () => {
  const machine = answering({
    commands: {
      [show("/")]: { json: findmnt("/") },
      [show("/var/lib/binnacle")]: { code: 1 },
      [show("/var/lib")]: { json: findmnt("/var", { options: "ro,relatime", fstype: "xfs" }) },
      [show("/var/log")]: { json: findmnt("/var") },
    },
  });
  const list = await filesystemsSource().read(machine, signal);
  assert.deepEqual(
    list.map(({ purpose, mount, type, readOnly }) => [purpose, mount, type, readOnly]),
    [
      ["install", "/", "ext4", false],
      ["data", "/var", "xfs", true],
      ["logs", "/var", "ext4", false],
    ],
  );
});

test("of an image, which is always full, the disk that it lies on is shown, where there is one", async () => {
  const system = { source: "/dev/loop0", fstype: "squashfs", options: "ro", avail: 0 };
  const disk = show("/run/binnacle-image/disk");
  const shown = async (below: object) => {
    const commands = { [show("/")]: { json: findmnt("/", system) }, [disk]: below };
    const others = {
      [show("/var/lib/binnacle")]: { code: 1 },
      [show("/var/lib")]: { code: 1 },
      [show("/var")]: { code: 1 },
    };
    const machine = answering({ commands: { ...commands, ...others, [show("/var/log")]: { json: findmnt("/var") } } });
    const list = await filesystemsSource().read(machine, signal);
    const install = list.find(({ purpose }) => purpose === "install");
    return [install?.mount, install?.freeBytes, install?.readOnly];
  };
  const onDisk = ["/run/binnacle-image/disk", 400, false];
  assert.deepEqual(await shown({ json: findmnt("/run/binnacle-image/disk") }), onDisk);
  assert.deepEqual(await shown({ json: findmnt("/run") }), ["/", 0, true]);
  assert.deepEqual(await shown({ error: "timeout" }), ["/", 0, true]);
});

test("a file system that does not answer is left out, the others are shown", async () => {
  const machine = answering({
    commands: {
      [show("/")]: { json: findmnt("/") },
      [show("/var/lib/binnacle")]: { error: "timeout" },
      [show("/var/log")]: { json: findmnt("/") },
    },
  });
  const list = await filesystemsSource().read(machine, signal);
  assert.deepEqual(
    list.map(({ purpose }) => purpose),
    ["install", "logs"],
  );
});

test("of file systems mounted over each other the one that is seen counts, and more free than there is is nonsense", () => {
  const both = { filesystems: [...findmnt("/", { size: 1, avail: 1 }).filesystems, ...findmnt("/").filesystems] };
  assert.equal(parseFindmnt(JSON.stringify(both)).sizeBytes, 1000);
  assert.throws(() => parseFindmnt(JSON.stringify(findmnt("/", { avail: 2000 }))), FactMissing);
  assert.throws(() => parseFindmnt(JSON.stringify(findmnt("/", { size: null, avail: "?" }))), FactMissing);
});

const port = (name: string, id: { type: string; value: string }, descr?: string) => ({
  name,
  via: "LLDP",
  chassis: [{ id: [{ type: "mac", value: "00:1c:73:00:00:01" }], name: [{ value: "sw1" }] }],
  port: [{ id: [id], ...(descr === undefined ? {} : { descr: [{ value: descr }] }) }],
});

test("LLDP: an interface name names the port, a MAC address gives way to the description", () => {
  const links = [
    port("eno1", { type: "ifname", value: "Gi1/0/3" }, "to mgmt01"),
    port("eno2", { type: "mac", value: "f4:8e:38:00:00:44" }, "25GE1/0/14"),
    port("eno3", { type: "mac", value: "f4:8e:38:00:00:45" }),
    { name: "eno4", chassis: [{ id: [{ type: "mac", value: "00:1c:73:00:00:02" }] }], port: [] },
  ];
  assert.deepEqual(parseLldp(JSON.stringify({ lldp: [{ interface: links }] })), [
    { link: "eno1", system: "sw1", port: "Gi1/0/3" },
    { link: "eno2", system: "sw1", port: "25GE1/0/14" },
    { link: "eno3", system: "sw1", port: "f4:8e:38:00:00:45" },
    { link: "eno4", system: "00:1c:73:00:00:02", port: "" },
  ]);
  assert.deepEqual(parseLldp('{"lldp":[{}]}'), []);
  assert.throws(() => parseLldp("[]"), FactMissing);
});

test("an lldpd that does not run is not running, not failed", async () => {
  const stderr =
    "2026-11-21T09:27:56 [WARN/control] unable to connect to socket /run/lldpd/lldpd.socket: No such file\n";
  const machine = answering({ commands: { "lldpcli -f json0 show neighbors": { code: 1, stderr } } });
  await assert.rejects(neighboursSource().read(machine, signal), new FactMissing("notRunning", "lldpd"));
});

test("a libvirt that does not run, and one that may not be asked, are told apart", async () => {
  const list = "virsh -c qemu:///system -r list --all --uuid --name";
  const failing = (second: string) =>
    virtualMachinesSource().read(
      answering({
        commands: { [list]: { code: 1, stderr: `error: failed to connect to the hypervisor\nerror: ${second}\n` } },
      }),
      signal,
    );
  await assert.rejects(
    failing("Failed to connect socket: No such file or directory"),
    new FactMissing("notRunning", "libvirt"),
  );
  await assert.rejects(failing("Failed to connect socket: Permission denied"), new FactMissing("denied", "libvirt"));
  await assert.rejects(
    virtualMachinesSource().read(answering({}), signal),
    (error) => whyOf(error).code === "notInstalled",
  );
});

test("a command's own words decide why it failed", () => {
  assert.deepEqual(commandFailed("smartctl", "smartctl: Permission denied\n").why, {
    code: "denied",
    detail: "smartctl: Permission denied",
  });
  assert.deepEqual(
    commandFailed("systemctl", "System has not been booted with systemd as init system (PID 1).\n").why,
    {
      code: "notRunning",
      detail: "systemd",
    },
  );
  assert.deepEqual(commandFailed("ip", "").why, { code: "failed", detail: "ip" });
});

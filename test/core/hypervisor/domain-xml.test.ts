import assert from "node:assert/strict";
import { test } from "node:test";
import { XMLParser } from "fast-xml-parser";
import type { MachineSpec } from "../../../core/hypervisor/driver.ts";
import { domainXml } from "../../../core/hypervisor/libvirt/domain-xml.ts";
import { nicOf, uuidOf } from "./conformance.ts";

const parser = new XMLParser({ ignoreAttributes: false, attributeNamePrefix: "@", parseTagValue: false });

function spec(more: Partial<MachineSpec>): MachineSpec {
  return { uuid: uuidOf(1), name: "web", cpuNum: 2, memorySize: 1024 ** 3, disks: [], nics: [], ...more };
}

type Parsed = Record<string, Record<string, string>>;

/** Its disks, without its drives. */
function disksIn({ devices: { disk } }: { devices: { disk: Parsed[] } }): Parsed[] {
  return disk.filter((each) => String(each["@device"]) === "disk");
}

test("a machine is a domain named by its uuid, with its disks and cards in their order", () => {
  const disks = ["a", "b"].map((name, nth) => ({
    volumeUuid: uuidOf(0x100 + nth),
    path: `/store/${name}.qcow2`,
    format: "qcow2" as const,
  }));
  const nics = [nicOf(1)];
  const { domain } = parser.parse(
    domainXml(spec({ disks, nics }), { hasKvm: true, bridges: new Map([[0, "br_eth0"]]) }),
  );
  assert.deepEqual(
    [domain.name, domain.uuid, domain.vcpu["#text"], domain.memory["#text"]],
    [uuidOf(1), "00000000-0001-4aaa-8aaa-aaaaaaaaaaaa", "2", "1048576"],
  );
  assert.deepEqual(
    disksIn(domain).map((disk: Record<string, Record<string, string>>) => [
      disk["source"]?.["@file"],
      disk["target"]?.["@dev"],
    ]),
    [
      ["/store/a.qcow2", "vda"],
      ["/store/b.qcow2", "vdb"],
    ],
  );
  assert.equal(domain.devices.interface.source["@bridge"], "br_eth0");
  // Nothing of its consoles is on the network.
  assert.deepEqual(domain.devices.graphics.listen, { "@type": "socket" });
  assert.deepEqual([domain.devices.graphics["@port"], domain.devices.graphics["@autoport"]], [undefined, undefined]);
  assert.deepEqual(
    [domain.devices.serial["@type"], domain.devices.serial.source],
    ["unix", { "@mode": "bind", "@path": `/var/lib/libvirt/qemu/serial-${uuidOf(1)}.sock` }],
  );
  assert.deepEqual([domain["@type"], domain.cpu["@mode"]], ["kvm", "host-model"]);
});

test("of a volume on an image libvirt is told the whole chain, so that it asks no file for it", () => {
  const path = "/store/volumes/a.qcow2";
  const image = { path: `/store/imagecache/${"a".repeat(64)}.raw`, format: "raw" as const };
  const storeOf = (more: object) => {
    const disks = [{ volumeUuid: uuidOf(2), path, format: "qcow2" as const, ...more }];
    const { domain } = parser.parse(domainXml(spec({ disks }), { hasKvm: false, bridges: new Map() }));
    return disksIn(domain)[0]?.["backingStore"];
  };
  assert.equal(storeOf({}), "");
  assert.deepEqual(storeOf({ backing: image }), {
    "@type": "file",
    format: { "@type": "raw" },
    // Nor is it given to QEMU's user, who could write to it then.
    source: { "@file": image.path, seclabel: { "@model": "dac", "@relabel": "no" } },
    backingStore: "",
  });
});

test("whatever a machine is called, it is a title and nothing else", () => {
  const plain = parser.parse(domainXml(spec({}), { hasKvm: false, bridges: new Map() }));
  for (const name of [
    "</title><devices><disk/></devices><title>",
    "]]><![CDATA[<os/>",
    "&amp;<!--\u0000\u001b[31m",
    "\" onload='x' &#x41; %s $(reboot) `id`",
    "\ud800half",
    "-->".repeat(50),
  ]) {
    const { title, ...rest } = parser.parse(domainXml(spec({ name }), { hasKvm: false, bridges: new Map() })).domain;
    const { title: _web, ...usual } = plain.domain;
    assert.deepEqual(rest, usual, name);
    assert.equal(typeof title, "string");
  }
});

test("a path with what XML obeys is a path", () => {
  const path = `/store/"><source file='/etc/shadow'/>&lt;,.qcow2`;
  const xml = domainXml(spec({ disks: [{ volumeUuid: uuidOf(2), path, format: "qcow2" }] }), {
    hasKvm: false,
    bridges: new Map(),
  });
  assert.equal(disksIn(parser.parse(xml).domain)[0]?.["source"]?.["@file"], path);
});

test("a machine has three drives, with its images in the first of them, and boots from what it is told in that order", () => {
  const disks = ["a", "b"].map((name, nth) => ({
    volumeUuid: uuidOf(0x100 + nth),
    path: `/store/${name}.qcow2`,
    format: "qcow2" as const,
  }));
  const isos = ["c", "d"].map((digit) => `/store/imagecache/${digit.repeat(64)}.iso`);
  const nics = [nicOf(1)];
  const parsed = (more: Partial<MachineSpec>) =>
    parser.parse(domainXml(spec({ disks, nics, ...more }), { hasKvm: false, bridges: new Map([[0, "br0"]]) })).domain;
  const orderOf = (device: Parsed) => device["boot"]?.["@order"];
  const ordersIn = (more: Partial<MachineSpec>) => {
    const { disk, interface: card } = parsed(more).devices;
    return [...disk, card].map(orderOf);
  };
  const drives = parsed({ isos }).devices.disk.slice(2);
  assert.deepEqual(
    drives.map(({ target, source }: Parsed) => [target?.["@dev"], target?.["@bus"], source?.["@file"]]),
    [
      ["sda", "sata", isos[0]],
      ["sdb", "sata", isos[1]],
      ["sdc", "sata", undefined],
    ],
  );
  for (const drive of drives) assert.ok("readonly" in drive);
  assert.deepEqual(drives[0].source.seclabel, { "@model": "dac", "@relabel": "no" });
  const none = undefined;
  assert.deepEqual(ordersIn({}), ["1", none, "2", "3", "4", none]);
  assert.deepEqual(ordersIn({ bootOrder: ["CdRom", "HardDisk"] }), ["4", none, "1", "2", "3", none]);
  assert.deepEqual(ordersIn({ bootOrder: ["Network", "HardDisk"] }), ["2", none, none, none, none, "1"]);
  assert.equal(parsed({}).os.boot, none, "libvirt takes no machine that says it in two ways");
});

test("what a machine may send and move stands in it, and nothing where there is no limit", () => {
  const disk = { volumeUuid: uuidOf(2), path: "/store/a.qcow2", format: "qcow2" as const };
  const devicesOf = (limits: object, more: object) => {
    const given = spec({ disks: [{ ...disk, ...limits }], nics: [nicOf(1, more)] });
    return parser.parse(domainXml(given, { hasKvm: false, bridges: new Map([[0, "br_eth0"]]) })).domain.devices;
  };
  const limited = devicesOf(
    { limits: { bytesPerSecond: 10_000_000, operationsPerSecond: 200 } },
    { sentBytesPerSecond: 1_250_000 },
  );
  assert.deepEqual(limited.disk[0].iotune, { total_bytes_sec: "10000000", total_iops_sec: "200" });
  assert.deepEqual(limited.interface.bandwidth, { outbound: { "@average": "1250" } });
  assert.deepEqual(limited.interface.target, { "@dev": "bnc525400000001" });
  const free = devicesOf({}, {});
  assert.deepEqual([free.disk[0].iotune, free.interface.bandwidth], [undefined, undefined]);
});

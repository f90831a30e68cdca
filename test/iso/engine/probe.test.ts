import assert from "node:assert/strict";
import { test } from "node:test";
import { fixtureMachine, type Recording } from "../../../core/node/fixture.ts";
import { probe, processorOf } from "../../../iso/engine/probe/probe.ts";
import { device, disk, empty, groups, hangs, healthySmart, looked, machineWith, signatures } from "./block-fixtures.ts";

const gb = 1e9;

function probed(recorded: Recording, log: string[] = []) {
  const signal = new AbortController().signal;
  const common = { medium: "/medium", work: "/run/engine/work", peek: ["peek"] };
  return probe({ machine: fixtureMachine(recorded), ...common, signal, log: (line) => log.push(line) });
}

async function disksOf(recorded: Recording) {
  return (await probed(recorded)).disks;
}

const cd = disk("sr0", 1 * gb, { type: "rom", tran: "sata", rm: true, fstype: "iso9660", label: "BINNACLE_0_1_0" });

test("one empty virtio disk is offered, and called empty", async () => {
  const machine = machineWith([cd, disk("vda", 64 * gb)], "/dev/sr0", { "wipefs --json --no-act /dev/vda": empty });
  assert.deepEqual(await disksOf(machine), [
    {
      name: "vda",
      path: "/dev/vda",
      sizeBytes: 64 * gb,
      sectorBytes: 512,
      model: null,
      serial: null,
      bus: "virtio",
      rotational: null,
      health: "unknown",
      healthWhy: "virtio",
      partitionTable: null,
      contents: [],
      empty: true,
      unusable: null,
    },
  ]);
});

test("the members of an NVMe RAID 1 name their array and the system on it, with lasting paths and their health", async () => {
  const array = device("md127", 499 * gb, { type: "raid1", fstype: "ext4", label: "root" });
  const nvme = (name: string, serial: string) =>
    disk(name, 500 * gb, { model: "Micron 7450 ", serial, tran: "nvme", pttype: "gpt" }, [
      device(`${name}p1`, 1 * gb, { fstype: "vfat" }),
      device(`${name}p2`, 499 * gb, { fstype: "linux_raid_member", label: "old:0" }, [array]),
    ]);
  const folder = "/dev/disk/by-id";
  const machine = machineWith(
    [nvme("nvme0n1", "A1"), nvme("nvme1n1", "A2")],
    null,
    {
      "wipefs --json --no-act /dev/nvme0n1": signatures("gpt", "PMBR"),
      "wipefs --json --no-act /dev/nvme1n1": signatures("gpt", "PMBR"),
      "smartctl --json -a /dev/nvme0n1": healthySmart,
      "smartctl --json -a /dev/nvme1n1": hangs,
      "peek /dev/md127 ext4": looked("Debian GNU/Linux 12 (bookworm)", 7 * gb),
    },
    {
      [`${folder}/nvme-eui.000000000000000100a075`]: "../../nvme0n1",
      [`${folder}/nvme-Micron_7450_A1`]: "../../nvme0n1",
      [`${folder}/nvme-Micron_7450_A1-part1`]: "../../nvme0n1p1",
    },
  );
  const [first, second] = await disksOf(machine);
  assert.equal(first?.path, "/dev/disk/by-id/nvme-Micron_7450_A1");
  assert.deepEqual([first?.model, first?.health, first?.bus], ["Micron 7450", "healthy", "nvme"]);
  assert.deepEqual([second?.health, second?.healthWhy], ["unknown", "smartctl: timeout"]);
  for (const found of [first, second]) {
    assert.equal(found?.empty, false);
    const member = found?.contents[1];
    assert.deepEqual(
      [member?.type, member?.memberOf, member?.system, member?.usedBytes],
      ["linux_raid_member", "md127", "Debian GNU/Linux 12 (bookworm)", 7 * gb],
    );
  }
});

test("a physical volume names its group, the system on its volumes and what all of them use", async () => {
  const volumes = [
    { ...device("vg0-root", 40 * gb, { type: "lvm", fstype: "ext4" }), path: "/dev/mapper/vg0-root" },
    { ...device("vg0-srv", 40 * gb, { type: "lvm", fstype: "xfs" }), path: "/dev/mapper/vg0-srv" },
  ];
  const machine = machineWith(
    [disk("sda", 100 * gb, { pttype: "dos" }, [device("sda1", 100 * gb, { fstype: "LVM2_member" }, volumes)])],
    null,
    {
      "pvs --reportformat json --options pv_name,vg_name": groups({ "/dev/sda1": "vg0" }),
      "peek /dev/mapper/vg0-root ext4": looked("Ubuntu 24.04 LTS", 5 * gb),
      "peek /dev/mapper/vg0-srv xfs": looked(null, 20 * gb),
    },
  );
  const [content] = (await disksOf(machine))[0]?.contents ?? [];
  assert.deepEqual([content?.memberOf, content?.system, content?.usedBytes], ["vg0", "Ubuntu 24.04 LTS", 25 * gb]);
});

test("a ZFS disk names its pool, an encrypted one says no more than that it is", async () => {
  const machine = machineWith(
    [
      disk("sda", 100 * gb, { pttype: "gpt" }, [device("sda1", 99 * gb, { fstype: "zfs_member", label: "tank" })]),
      disk("sdb", 100 * gb, { fstype: "crypto_LUKS" }),
    ],
    null,
    { "wipefs --json --no-act /dev/sdb": signatures("crypto_LUKS") },
  );
  const [zfs, luks] = await disksOf(machine);
  assert.deepEqual([zfs?.contents[0]?.type, zfs?.contents[0]?.memberOf], ["zfs_member", "tank"]);
  assert.deepEqual([luks?.contents[0]?.device, luks?.contents[0]?.type], ["sdb", "crypto_LUKS"]);
  assert.equal(luks?.empty, false);
});

test("NTFS is never mounted: its signature tells enough", async () => {
  const parts = [device("sda1", 90 * gb, { fstype: "ntfs", label: "Windows" })];
  const machine = machineWith([disk("sda", 100 * gb, { pttype: "gpt" }, parts)], null, {
    "peek /dev/sda1 ntfs": looked("mounted", 1),
  });
  assert.equal((await disksOf(machine))[0]?.contents[0]?.system, "Windows (NTFS)");
});

test("the paths of a multipath disk are one disk, with the model and bus of a path", async () => {
  const mapped = { ...device("mpatha", 500 * gb, { type: "mpath" }), path: "/dev/mapper/mpatha" };
  const path = (name: string) => disk(name, 500 * gb, { model: "MSA 2060", tran: "fc", rota: true }, [mapped]);
  const machine = machineWith([path("sda"), path("sdb")], null, { "wipefs --json --no-act /dev/mapper/mpatha": empty });
  const disks = await disksOf(machine);
  assert.deepEqual(
    disks.map(({ name, path: place, model, bus, empty: none }) => ({ name, place, model, bus, none })),
    [{ name: "mpatha", place: "/dev/mapper/mpatha", model: "MSA 2060", bus: "fc", none: true }],
  );
});

test("the USB stick that the machine was started from is no place for the system, even as the only disk", async () => {
  const parts = [device("sda1", 2 * gb, { fstype: "iso9660", mountpoints: ["/medium"] })];
  const machine = machineWith([disk("sda", 64 * gb, { tran: "usb", pttype: "gpt" }, parts)], "/dev/sda1");
  assert.deepEqual(
    (await disksOf(machine)).map(({ name, unusable }) => [name, unusable]),
    [["sda", "medium"]],
  );
});

test("disks that can't hold the system say why; the engine's own mounts of a former attempt are no use", async () => {
  const machine = machineWith(
    [
      disk("sda", 8 * gb),
      disk("sdb", 64 * gb, { ro: true }),
      disk("sdc", 64 * gb, { pttype: "gpt" }, [device("sdc1", 60 * gb, { mountpoints: ["/mnt"] })]),
      disk("sdd", 64 * gb, { rm: true, tran: "usb" }),
      disk("sde", 64 * gb, { pttype: "gpt" }, [device("sde1", 60 * gb, { mountpoints: ["/run/engine/work/root"] })]),
      disk("loop0", 64 * gb, { type: "loop" }),
      disk("zram0", 64 * gb),
    ],
    null,
  );
  assert.deepEqual(
    (await disksOf(machine)).map(({ name, unusable }) => [name, unusable]),
    [
      ["sda", "too-small"],
      ["sdb", "read-only"],
      ["sdc", "in-use"],
      ["sdd", "removable"],
      ["sde", null],
    ],
  );
});

test("a disk that hangs is not called empty, and costs the others nothing", async () => {
  const log: string[] = [];
  const machine = machineWith([disk("sda", 64 * gb), disk("sdb", 64 * gb)], null, {
    "wipefs --json --no-act /dev/sda": hangs,
    "smartctl --json -a /dev/sda": hangs,
    "wipefs --json --no-act /dev/sdb": empty,
    "smartctl --json -a /dev/sdb": healthySmart,
  });
  const { disks } = await probed(machine, log);
  assert.deepEqual(
    disks.map(({ name, empty: none, health }) => [name, none, health]),
    [
      ["sda", false, "unknown"],
      ["sdb", true, "healthy"],
    ],
  );
  assert.deepEqual(log, ["disk sda could not be read"]);
});

test("interfaces without hardware are left out; those with it show carrier, speed and addresses", async () => {
  const { links, cpus, memoryBytes, virtualization, firmware, vendor } = await probed(machineWith([], null));
  assert.deepEqual(links, [
    {
      name: "eno1",
      mac: "52:54:00:12:34:56",
      driver: "i40e",
      carrier: true,
      speedMbps: 10000,
      addresses: ["192.0.2.7/24"],
    },
  ]);
  assert.deepEqual(
    [cpus, memoryBytes, virtualization, firmware, vendor],
    [2, 16384000 * 1024, "on", "bios", "Dell Inc."],
  );
});

test("UEFI and Secure Boot are read from the firmware's variables", async () => {
  const machine = machineWith([], null);
  const variable = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
  const files = { ...machine.files, [variable]: "\u0006\u0000\u0000\u0000\u0001" };
  const found = await probed({ ...machine, files, dirs: { ...machine.dirs, "/sys/firmware/efi": ["efivars"] } });
  assert.deepEqual([found.firmware, found.secureBoot], ["uefi", true]);
});

test("virtualization is off when the firmware has locked it, absent when the processor has none", () => {
  const text = (vendor: string, flags: string) => `processor\t: 0\nvendor_id\t: ${vendor}\nflags\t\t: ${flags}\n`;
  const of = (vendor: string, flags: string, kvm: boolean) => processorOf(text(vendor, flags), kvm).virtualization;
  assert.equal(of("AuthenticAMD", "fpu svm", true), "on");
  assert.equal(of("GenuineIntel", "fpu vmx", false), "off");
  assert.equal(of("GenuineIntel", "fpu lm", false), "off");
  assert.equal(of("GenuineIntel", "fpu hypervisor", false), "absent");
});

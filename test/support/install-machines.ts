import type { Hardware, InstallDisk, InstallLink } from "../../core/model/installation/hardware.ts";

/* Machines that somebody installs on, as the engine describes them. */

const gib = 1024 ** 3;

const emptyDisk: InstallDisk = {
  name: "vda",
  path: "/dev/disk/by-id/virtio-0001",
  sizeBytes: 64 * gib,
  sectorBytes: 512,
  model: null,
  serial: "0001",
  bus: "virtio",
  rotational: false,
  health: "unknown",
  healthWhy: null,
  partitionTable: null,
  contents: [],
  empty: true,
  unusable: null,
};

const medium: InstallDisk = {
  ...emptyDisk,
  name: "sr0",
  path: "/dev/sr0",
  sizeBytes: 2 * gib,
  sectorBytes: 2048,
  model: "QEMU DVD-ROM",
  serial: "QM00003",
  bus: "sata",
  partitionTable: "gpt",
  empty: false,
  unusable: "medium",
};

const stick: InstallDisk = {
  ...medium,
  name: "sdg",
  path: "/dev/disk/by-id/usb-Ultra-0:0",
  sizeBytes: 15 * gib,
  sectorBytes: 512,
  model: "SanDisk Ultra",
  serial: "4C530001",
  bus: "usb",
};

function link(name: string, more: Partial<InstallLink> = {}): InstallLink {
  return { name, mac: null, driver: "e1000e", carrier: false, speedMbps: null, addresses: [], ...more };
}

function part(device: string, sizeBytes: number, type: string, more: Partial<InstallDisk["contents"][number]> = {}) {
  return { device, sizeBytes, type, label: null, memberOf: null, system: null, usedBytes: null, ...more };
}

const common = {
  secureBoot: false,
  clock: { now: Date.UTC(2026, 10, 21, 14, 3, 7), plausible: true },
  virtualization: "on",
} as const;

/** A virtual machine on a laptop: one empty disk, one interface. */
export const laptopVm: Hardware = {
  ...common,
  cpus: 4,
  memoryBytes: 8 * gib - 300_000_000,
  firmware: "bios",
  vendor: "QEMU",
  model: "Standard PC (Q35 + ICH9, 2009)",
  disks: [emptyDisk, medium],
  links: [link("enp1s0", { mac: "52:54:00:12:34:56", driver: "virtio_net", carrier: true })],
};

const serverDisk: InstallDisk = { ...emptyDisk, bus: "sas", health: "healthy", empty: false, partitionTable: "gpt" };

/** A rack server with six interfaces, and disks that all hold something but one. */
export const server: Hardware = {
  ...common,
  cpus: 64,
  memoryBytes: 512 * gib - 4_000_000_000,
  firmware: "uefi",
  secureBoot: true,
  vendor: "Dell Inc.",
  model: "PowerEdge R640",
  disks: [
    {
      ...serverDisk,
      name: "nvme0n1",
      path: "/dev/disk/by-id/nvme-eui.0025385",
      sizeBytes: 960_197_124_096,
      model: "SAMSUNG MZQLB960HAJR-00007",
      serial: "S437NC0R401235",
      bus: "nvme",
      empty: true,
      partitionTable: null,
    },
    {
      ...serverDisk,
      name: "sda",
      path: "/dev/disk/by-id/wwn-0x5000c500a1",
      sizeBytes: 1_200_243_695_616,
      model: "SEAGATE ST1200MM0099",
      serial: "WFK0A1B2",
      rotational: true,
      contents: [
        part("sda1", 1 * gib, "vfat", { label: "EFI", usedBytes: 30_000_000 }),
        part("sda2", 500 * gib, "linux_raid_member", { memberOf: "md127", system: "Debian GNU/Linux 12 (bookworm)" }),
        part("sda3", 600 * gib, "LVM2_member", { memberOf: "vg_data", usedBytes: 410 * gib }),
      ],
    },
    {
      ...serverDisk,
      name: "sdb",
      path: "/dev/disk/by-id/wwn-0x5000c500a2",
      sizeBytes: 1_200_243_695_616,
      model: "SEAGATE ST1200MM0099",
      serial: "WFK0C3D4",
      rotational: true,
      health: "failing",
      healthWhy: "24 reallocated sectors",
      contents: [
        part("sdb1", 450 * gib, "ntfs", { label: "Windows", usedBytes: 120 * gib, system: "Windows Server 2019" }),
        part("sdb2", 550 * gib, "ntfs", { label: "Data", usedBytes: 300 * gib }),
      ],
    },
    {
      ...serverDisk,
      name: "mpatha",
      path: "/dev/mapper/mpatha",
      sizeBytes: 4_398_046_511_104,
      model: "PURE FlashArray",
      serial: "624A9370A1",
      bus: "fc",
      contents: [part("mpatha", 4_398_046_511_104, "zfs_member", { memberOf: "tank" })],
    },
    { ...serverDisk, name: "sde", path: "/dev/sde", sizeBytes: 16 * gib, model: "Internal SD", unusable: "too-small" },
    stick,
  ],
  links: [
    link("eno1", {
      mac: "d0:94:66:00:00:01",
      driver: "ixgbe",
      carrier: true,
      speedMbps: 10_000,
      addresses: ["192.0.2.21/24"],
    }),
    link("eno2", { mac: "d0:94:66:00:00:02", driver: "ixgbe", carrier: true, speedMbps: 10_000 }),
    link("eno3", { mac: "d0:94:66:00:00:03", driver: "igb" }),
    link("eno4", { mac: "d0:94:66:00:00:04", driver: "igb" }),
    link("enp94s0f0", { mac: "b8:59:9f:00:00:01", driver: "mlx5_core", carrier: true, speedMbps: 25_000 }),
    link("enp94s0f1", { mac: "b8:59:9f:00:00:02", driver: "mlx5_core", carrier: null }),
  ],
};

/** An old machine that can't be installed on: too little of everything, and no disk that could hold the system. */
export const noDisk: Hardware = {
  ...common,
  cpus: 2,
  memoryBytes: 2 * gib - 100_000_000,
  virtualization: "off",
  firmware: "bios",
  clock: { now: Date.UTC(2002, 0, 1), plausible: false },
  vendor: null,
  model: null,
  disks: [
    { ...emptyDisk, name: "sda", sizeBytes: 8 * gib, bus: "sata", model: "SATADOM", unusable: "too-small" },
    { ...stick, name: "sdb" },
  ],
  links: [link("eth0", { mac: "00:1b:21:00:00:01" })],
};

export const installMachines = { "laptop-vm": laptopVm, server, "no-disk": noDisk } as const;
export type InstallMachine = keyof typeof installMachines;

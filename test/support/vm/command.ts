import * as path from "node:path";
import type { VmDisk, VmNic, VmOptions } from "./options.ts";

/** What is made for a machine before it starts. */
export type Prepared = {
  /** UEFI's code and this machine's variables. */
  readonly firmware?: { readonly code: string; readonly variables: string };
  readonly usbStick?: string;
  /** Sockets of the servers that stand before some disks, by the disk's id. */
  readonly diskServers: ReadonlyMap<string, string>;
};

export const diskId = (disk: VmDisk, index: number) => disk.id ?? `disk${index}`;
export const nicId = (nic: VmNic, index: number) => nic.id ?? `nic${index}`;
export const socketOf = (folder: string, name: "qmp" | "console" | "shell" | "vnc") =>
  path.join(folder, `${name}.sock`);

/** A program for QEMU to start for each connection: it answers one request on its standard input and output. */
const serveFile = path.join(import.meta.dirname, "serve-file");

/** Without hardware virtualization a plain CPU is several times faster than the largest one. */
const cpu = "qemu64,+ssse3,+sse4.1,+sse4.2,+popcnt,+cx16";

/** The arguments of qemu-system-x86_64. */
export function vmArguments(options: VmOptions, prepared: Prepared): string[] {
  const { folder, firmware = "bios", memoryMiB = 1024, cpus = 2, vga = "std", serial } = options;
  const uefi = firmware !== "bios";
  const lines = serial === "none" ? [] : (["console", "shell"] as const);
  return [
    ...["-machine", uefi ? `q35,smm=${firmware === "uefi-secure" ? "on" : "off"}` : "pc"],
    ...["-accel", "tcg,thread=multi", "-cpu", cpu, "-smp", String(cpus), "-m", String(memoryMiB)],
    ...["-nodefaults", "-display", "none", "-vga", vga],
    ...["-device", "virtio-rng-pci", "-device", "qemu-xhci,id=usb", "-device", "ich9-ahci,id=sata"],
    ...["-device", "virtio-scsi-pci,id=scsi"],
    ...firmwareArguments(options, prepared),
    ...kernelArguments(options),
    ...diskArguments(options, prepared),
    ...nicArguments(options),
    ...["-qmp", `unix:${socketOf(folder, "qmp")},server=on,wait=off`],
    ...lines.flatMap((name) => [
      ...["-chardev", `socket,id=${name},path=${socketOf(folder, name)},server=on,wait=off`],
      ...["-serial", `chardev:${name}`],
    ]),
    ...(options.vnc === undefined ? [] : ["-vnc", `unix:${socketOf(folder, "vnc")},password=on`]),
    ...(options.snapshot === undefined ? [] : ["-loadvm", options.snapshot]),
    ...(options.extra ?? []),
  ];
}

function firmwareArguments({ firmware }: VmOptions, prepared: Prepared): string[] {
  if (prepared.firmware === undefined) return [];
  const { code, variables } = prepared.firmware;
  const secure = ["-global", "driver=cfi.pflash01,property=secure,value=on"];
  return [
    ...(firmware === "uefi-secure" ? secure : []),
    ...["-drive", `if=pflash,unit=0,format=raw,readonly=on,file=${code}`],
    ...["-drive", `if=pflash,unit=1,format=qcow2,file=${variables}`],
  ];
}

function kernelArguments({ kernel }: VmOptions): string[] {
  if (kernel === undefined) return [];
  return [
    ...["-kernel", kernel.file],
    ...(kernel.initrd === undefined ? [] : ["-initrd", kernel.initrd]),
    ...(kernel.append === undefined ? [] : ["-append", kernel.append]),
  ];
}

const places = ["medium", "disks", "network"] as const;

/** What the firmware tries first has the lowest index; QEMU wants each index once. */
function bootOrder(
  { startFrom = "medium" }: VmOptions,
  kind: (typeof places)[number],
  index: number,
): { bootindex?: number } {
  if (startFrom === "firmware") return {};
  return { bootindex: index + (kind === startFrom ? 1 : 100 * (1 + places.indexOf(kind))) };
}

function diskArguments(options: VmOptions, { diskServers, usbStick }: Prepared): string[] {
  const { disks = [], cdrom } = options;
  const order = (kind: "medium" | "disks", index: number) => bootOrder(options, kind, index);
  const args: string[] = [];
  const device = (value: object) => args.push("-device", JSON.stringify(value));
  disks.forEach((disk, index) => {
    const { node, devices } = diskParts(disk, index, { server: diskServers.get(diskId(disk, index)) });
    args.push("-blockdev", JSON.stringify(node));
    for (const value of devices) device({ ...value, ...order("disks", index) });
  });
  if (cdrom !== undefined) {
    const file = { driver: "file", filename: cdrom };
    args.push("-blockdev", JSON.stringify({ "node-name": "cdrom-node", driver: "raw", "read-only": true, file }));
    device({ driver: "ide-cd", bus: "sata.5", drive: "cdrom-node", id: "cdrom", ...order("medium", 0) });
  }
  if (usbStick !== undefined) {
    const file = { driver: "file", filename: usbStick };
    args.push("-blockdev", JSON.stringify({ "node-name": "stick-node", driver: "qcow2", file }));
    const identity = { drive: "stick-node", id: "stick", serial: "STICK1", removable: true };
    device({ driver: "usb-storage", bus: "usb.0", ...identity, ...order("medium", 1) });
  }
  return args;
}

/** A disk as QEMU knows it: where its blocks are, and what the machine sees. */
export function diskParts(
  disk: VmDisk,
  index: number,
  { server }: { server?: string | undefined } = {},
): { node: object; devices: object[] } {
  const id = diskId(disk, index);
  return { node: blockNode(disk, id, server), devices: diskDevices(disk, index, { drive: `${id}-node`, id }) };
}

/**
 * Flushes reach the file but not the disk under it: only the machine's power is ever cut, not that of the computer
 * that it runs on.
 */
function blockNode(disk: VmDisk, id: string, server: string | undefined): object {
  const { format = "raw", file, badSectors = [], readOnly = false } = disk;
  const cache = { direct: false, "no-flush": server === undefined };
  const bottom =
    server === undefined
      ? { driver: "file", filename: file, cache }
      : { driver: "nbd", server: { type: "unix", path: server }, cache };
  const errors = badSectors.map((sector) => ({ event: "none", iotype: "read", sector, errno: 5 }));
  const middle = errors.length === 0 ? bottom : { driver: "blkdebug", image: bottom, "inject-error": errors };
  // A RAID that copies an empty disk to the other writes zeros: they take no room.
  const sparse = readOnly ? {} : { discard: "unmap", "detect-zeroes": "unmap" };
  return { "node-name": `${id}-node`, driver: format, "read-only": readOnly, file: middle, cache, ...sparse };
}

function diskDevices(disk: VmDisk, index: number, identity: object): object[] {
  const { bus = "virtio", serial, model } = disk;
  const named = { ...identity, ...(serial === undefined ? {} : { serial }) };
  switch (bus) {
    case "virtio":
      return [{ driver: "virtio-blk-pci", ...named }];
    case "sata":
      return [{ driver: "ide-hd", bus: `sata.${index}`, ...named, ...(model === undefined ? {} : { model }) }];
    case "nvme":
      return [{ driver: "nvme", serial: `NVME${index}`, ...named }];
    case "usb":
      return [{ driver: "usb-storage", bus: "usb.0", ...named }];
    case "scsi":
      return [{ driver: "scsi-hd", bus: "scsi.0", ...named, ...(model === undefined ? {} : { product: model }) }];
  }
}

function nicArguments(options: VmOptions): string[] {
  const { nics = [], startFrom } = options;
  if (nics.length === 0) return ["-nic", "none"];
  return nics.flatMap((nic, index) => {
    const { model = "virtio-net-pci", network, mac, forward = [], tftp, webFile } = nic;
    const id = nicId(nic, index);
    const order = startFrom === "network" ? bootOrder(options, "network", index) : {};
    const speed = nic.speedMbps === undefined ? {} : { speed: nic.speedMbps, duplex: "full" };
    const identity = { driver: model, id, netdev: `${id}-net`, ...(mac === undefined ? {} : { mac }) };
    const device = { ...identity, ...speed, ...order };
    const files = tftp === undefined ? "" : `,tftp=${tftp.folder},bootfile=${tftp.bootFile}`;
    const web = webFile === undefined ? "" : `,guestfwd=tcp:10.0.2.100:80-cmd:${serveFile} ${webFile}`;
    const ports = forward.map((port) => `,hostfwd=tcp:127.0.0.1:0-:${port}`).join("");
    const backend =
      network === undefined
        ? `hubport,id=${id}-net,hubid=${100 + index}`
        : network === "user"
          ? `user,id=${id}-net,restrict=on${ports}${files}${web}`
          : "cable" in network
            ? `hubport,id=${id}-net,hubid=${network.cable}`
            : `stream,id=${id}-net,server=off,addr.type=unix,addr.path=${network.socket}`;
    return ["-netdev", backend, "-device", JSON.stringify(device)];
  });
}

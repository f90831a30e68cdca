/** How a machine starts: an old BIOS, UEFI, or UEFI with Secure Boot switched on and Microsoft's and Debian's keys. */
export const firmwares = ["bios", "uefi", "uefi-secure"] as const;
export type Firmware = (typeof firmwares)[number];

export type VmDisk = {
  readonly file: string;
  readonly format?: "raw" | "qcow2";
  readonly bus?: "virtio" | "sata" | "nvme" | "usb" | "scsi";
  /** What {@link Vm.unplug} and {@link Vm.failDisk} call it; `disk0`, `disk1` and so on by themselves. */
  readonly id?: string;
  readonly serial?: string;
  /** As SATA and SCSI disks tell it. */
  readonly model?: string;
  readonly readOnly?: boolean;
  /**
   * `volatile`: what the machine has not flushed is lost at a power cut, all of it, as on a disk with a large write
   * cache. Else the disk keeps all that it was given. Raw files only.
   */
  readonly writeCache?: "volatile";
  /** The disk can be made to fail while the machine runs, see {@link Vm.failDisk}. Raw files only. */
  readonly mayFail?: boolean;
  /** Sectors of 512 bytes that can't be read. */
  readonly badSectors?: readonly number[];
};

export type VmNic = {
  readonly id?: string;
  readonly mac?: string;
  readonly model?: "virtio-net-pci" | "e1000e" | "rtl8139";
  /** What a virtio card tells as its speed; a bond by LACP uses none without one. */
  readonly speedMbps?: number;
  /**
   * A {@link Network}'s socket; or a cable of this machine, whose other end is the card with the same number, above 0
   * and below 100; or `user`: DHCP and an address, but no way out, only from 127.0.0.1 in to the ports in
   * `forward`, see {@link Vm.port}; or none: a cable that is not plugged in.
   */
  readonly network?: { readonly socket: string } | { readonly cable: number } | "user";
  readonly forward?: readonly number[];
  /** On `user`: a TFTP server at 10.0.2.2 with the files of a folder, of which DHCP names one to boot. */
  readonly tftp?: { readonly folder: string; readonly bootFile: string };
  /** On `user`: a web server, http://10.0.2.100, that answers whatever it is asked with the content of a file. */
  readonly webFile?: string;
};

export type StartFrom = "medium" | "disks" | "network" | "firmware";

export type VmOptions = {
  /** Of this machine alone: its sockets, its UEFI variables and its logs are kept there. */
  readonly folder: string;
  readonly firmware?: Firmware;
  readonly memoryMiB?: number;
  readonly cpus?: number;
  readonly disks?: readonly VmDisk[];
  /** An ISO image in a CD drive. */
  readonly cdrom?: string;
  /** An image that was written byte by byte to a larger USB stick. Changes to the stick don't reach the image. */
  readonly usbStick?: string;
  /** What the firmware tries first; `firmware`: whatever it has in its own variables. */
  readonly startFrom?: StartFrom;
  readonly kernel?: { readonly file: string; readonly initrd?: string; readonly append?: string };
  readonly nics?: readonly VmNic[];
  /** The first serial line; without it the machine has none at all. */
  readonly serial?: { readonly baud?: number } | "none";
  readonly vga?: "std" | "none";
  /** The screen is also shown by a VNC server at the socket `vnc.sock` of the folder. */
  readonly vnc?: { readonly password: string };
  /** Starts from what {@link Vm.save} has kept under this name, instead of from the firmware. */
  readonly snapshot?: string;
  /** More arguments for QEMU. */
  readonly extra?: readonly string[];
};

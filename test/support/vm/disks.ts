import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { binnacleBootFiles, binnacleRootFiles, debianFiles } from "./disk-files.ts";
import { mdMember, zfsMember } from "./signatures.ts";

/** What a disk holds when a machine gets it. */
export type DiskKind = keyof typeof contents;

export type MadeDisk = { readonly file: string; readonly format: "raw"; readonly sizeBytes: number };

const mebibyte = 2 ** 20;
const sectorBytes = 512;

/** Partition types of GPT, as sfdisk takes them. */
const types = {
  biosBoot: "21686148-6449-6E6F-744E-656564454649",
  esp: "C12A7328-F81F-11D2-BA4B-00A0C93EC93B",
  linux: "0FC63DAF-8483-4772-8E79-3D69D8477DE4",
  lvm: "E6D6D379-F507-44C2-A23C-238F2A3DF928",
  raid: "A19D880F-05FC-4D3B-A006-743F0F84911E",
  swap: "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F",
  windows: "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7",
  zfs: "6A898CC3-1DD2-11B2-99A6-080020736631",
} as const;

type Part = {
  readonly type: keyof typeof types;
  readonly sizeMiB: number;
  /** Puts the content there: from `start` bytes on, `size` bytes long. */
  fill?(disk: string, start: number, size: number): void;
};

/** Every kind as its partitions; `empty` and `small` have no partition table. */
const contents = {
  empty: [],
  small: [],
  lvm: [{ type: "lvm", sizeMiB: 256, fill: lvm }],
  "md-member": [{ type: "raid", sizeMiB: 256, fill: (disk, start, size) => put(disk, start, mdMember(size)) }],
  ntfs: [{ type: "windows", sizeMiB: 256, fill: ntfs }],
  luks: [{ type: "linux", sizeMiB: 64, fill: luks }],
  "zfs-label": [
    {
      type: "zfs",
      sizeMiB: 256,
      fill: (disk, start, size) => {
        for (const label of zfsMember(size, "tank")) put(disk, start + label.at, label.bytes);
      },
    },
  ],
  debian: [
    { type: "esp", sizeMiB: 100, fill: (disk, start, size) => vfat(disk, start, size, "EFI") },
    { type: "linux", sizeMiB: 1024, fill: ext4("debian", debianFiles) },
  ],
  binnacle: [
    { type: "biosBoot", sizeMiB: 1 },
    { type: "linux", sizeMiB: 512, fill: ext4("binnacle-boot", binnacleBootFiles) },
    { type: "swap", sizeMiB: 128, fill: swap },
    { type: "linux", sizeMiB: 2048, fill: ext4("binnacle-root", binnacleRootFiles) },
  ],
} as const satisfies Record<string, readonly Part[]>;

/**
 * A sparse disk in `folder` as someone left it; `debian`: another system with its name in os-release, `binnacle`: an
 * older installation of this one. RAID and ZFS are their on-disk labels alone, without data. Needs root (LVM is made on
 * a loop device) and fdisk, e2fsprogs, dosfstools, ntfs-3g, cryptsetup-bin, lvm2.
 */
export function makeDisk(folder: string, kind: DiskKind, given: { name?: string; sizeMiB?: number } = {}): MadeDisk {
  const { name = kind, sizeMiB = sizeOf(kind) } = given;
  const file = path.join(folder, `${name}.img`);
  fs.writeFileSync(file, "");
  fs.truncateSync(file, sizeMiB * mebibyte);
  const parts: readonly Part[] = contents[kind];
  if (parts.length > 0) {
    const lines = parts.map(({ type, sizeMiB: size }) => `size=${size}MiB, type=${types[type]}`);
    run("sfdisk", ["--quiet", "--no-reread", "--no-tell-kernel", file], `label: gpt\n${lines.join("\n")}\n`);
  }
  let start = mebibyte;
  for (const { sizeMiB: size, fill } of parts) {
    fill?.(file, start, size * mebibyte);
    start += size * mebibyte;
  }
  return { file, format: "raw", sizeBytes: sizeMiB * mebibyte };
}

const sizeOf = (kind: DiskKind) => (kind === "small" ? 1024 : 40 * 1024);

function put(disk: string, start: number, bytes: Uint8Array): void {
  const target = fs.openSync(disk, "r+");
  try {
    fs.writeSync(target, bytes, 0, bytes.length, start);
  } finally {
    fs.closeSync(target);
  }
}

/** For tools that know no offset: they write a file of the partition's size, which is put into its place. */
function byFile(disk: string, start: number, size: number, make: (file: string) => void): void {
  const file = `${disk}.part`;
  try {
    fs.writeFileSync(file, "");
    fs.truncateSync(file, size);
    make(file);
    const seek = ["bs=1M", `seek=${start / mebibyte}`, "conv=sparse,notrunc", "status=none"];
    run("dd", [`if=${file}`, `of=${disk}`, ...seek]);
  } finally {
    fs.rmSync(file, { force: true });
  }
}

function ntfs(disk: string, start: number, size: number): void {
  const geometry = ["-p", String(start / sectorBytes), "-S", "63", "-H", "255"];
  byFile(disk, start, size, (file) => run("mkntfs", ["-F", "-Q", "-q", "-L", "Windows", ...geometry, file]));
}

function luks(disk: string, start: number, size: number): void {
  // The cheapest key: nobody keeps a secret there.
  const cheap = ["--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000", "--batch-mode"];
  byFile(disk, start, size, (file) => run("cryptsetup", ["luksFormat", ...cheap, file, "-"], "a passphrase"));
}

function swap(disk: string, start: number, size: number): void {
  byFile(disk, start, size, (file) => run("mkswap", ["--quiet", file]));
}

function vfat(disk: string, start: number, size: number, label: string): void {
  const place = ["--offset", String(start / sectorBytes), disk, String(size / 1024)];
  run("mkfs.vfat", ["-F", "32", "-n", label, "-h", String(start / sectorBytes), ...place]);
}

/** The kernel here may have no device mapper: the volume exists on the disk, and was never switched on. */
function lvm(disk: string, start: number, size: number): void {
  const place = ["--offset", String(start), "--sizelimit", String(size)];
  const device = run("losetup", ["--find", "--show", ...place, disk]).trim();
  try {
    const only = ["--driverloaded", "n", "--devices", device];
    run("pvcreate", [...only, "--yes", device]);
    run("vgcreate", [...only, "oldvg", device]);
    const asleep = ["--activate", "n", "--zero", "n", "--wipesignatures", "n", "--yes"];
    run("lvcreate", [...only, ...asleep, "--name", "root", "--size", "100M", "oldvg"]);
  } finally {
    run("losetup", ["--detach", device]);
  }
}

function ext4(label: string, files: Readonly<Record<string, string>>) {
  return (disk: string, start: number, size: number): void => {
    const tree = fs.mkdtempSync(`${disk}.tree-`);
    try {
      for (const [name, text] of Object.entries(files)) {
        fs.mkdirSync(path.join(tree, path.dirname(name)), { recursive: true });
        fs.writeFileSync(path.join(tree, name), text);
      }
      const place = ["-E", `offset=${start},lazy_itable_init=1`, disk, `${size / 1024}k`];
      run("mke2fs", ["-q", "-F", "-t", "ext4", "-L", label, "-d", tree, ...place]);
    } finally {
      fs.rmSync(tree, { recursive: true, force: true, maxRetries: 5 });
    }
  };
}

function run(program: string, args: readonly string[], input = ""): string {
  const options = { input, encoding: "utf8", stdio: "pipe", timeout: 120_000 } as const;
  return execFileSync(program, [...args], options);
}

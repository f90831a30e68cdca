import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { installInto } from "../../../scripts/dev/install.ts";
import { startVm, type Vm } from "./vm.ts";

/** What a node needs to boot, to check passwords and to be looked at from inside. */
const guestPackages = [
  "dbus",
  "initramfs-tools",
  "iproute2",
  "kmod",
  "libpam-modules",
  "libpam-systemd",
  "linux-image-cloud-amd64",
  "openssh-client",
  "openssh-server",
  "passwd",
  "procps",
  "systemd",
  "systemd-sysv",
  "udev",
  "util-linux",
];
const suite = "trixie";
const cacheFolder = "/var/tmp/binnacle-test";

export const guestKernelArguments = "root=/dev/vda rw console=tty0 console=ttyS0,115200";

/** What a guest has besides: `packages` of Debian, and files, an absolute path with a text or a link's target. */
export type GuestExtras = {
  readonly packages?: readonly string[];
  readonly files?: Readonly<Record<string, string | { readonly text: string; readonly mode: number }>>;
  readonly links?: Readonly<Record<string, string>>;
  /** Its power will be cut: a file system with a journal. */
  readonly journal?: boolean;
};

export type GuestDisk = { disk: string; kernel: string; initrd: string };

/**
 * A disk with a minimal Debian 13 and the product as an image would have it, or `bare` of the product, in `folder`.
 * Debian's part is kept in /var/tmp, under a name made of the list of packages. Needs root, mmdebstrap and e2fsprogs.
 */
export function makeGuestDisk(
  folder: string,
  rootPassword: string,
  bare?: "bare",
  { packages = [], files = {}, links = {}, journal = false }: GuestExtras = {},
): GuestDisk {
  const tree = path.join(folder, "tree");
  fs.mkdirSync(tree);
  const archive = debianArchive([...guestPackages, ...packages]);
  run("tar", ["--extract", "--file", archive, "--directory", tree, "--numeric-owner"]);
  if (bare === undefined) installInto(tree, process.arch);
  configure(tree, rootPassword);
  for (const [name, file] of Object.entries(files)) {
    const { text, mode } = typeof file === "string" ? { text: file, mode: 0o644 } : file;
    writeInto(tree, name, text, mode);
  }
  for (const [name, target] of Object.entries(links)) {
    fs.mkdirSync(path.join(tree, path.dirname(name)), { recursive: true });
    fs.symlinkSync(target, path.join(tree, name));
  }
  const boot = path.join(tree, "boot");
  const bootFile = (start: string) => {
    const name = fs.readdirSync(boot).find((file) => file.startsWith(start));
    if (name === undefined) throw new Error(`The guest's /boot has no ${start}.`);
    fs.copyFileSync(path.join(boot, name), path.join(folder, start));
    return path.join(folder, start);
  };
  const disk = path.join(folder, "disk.img");
  const features = journal ? [] : ["-O", "^has_journal"];
  run("mke2fs", ["-q", "-t", "ext4", ...features, "-E", "lazy_itable_init=1", "-d", tree, disk, "1600M"]);
  const made = { disk, kernel: bootFile("vmlinuz"), initrd: bootFile("initrd.img") };
  fs.rmSync(tree, { recursive: true, force: true, maxRetries: 5 });
  return made;
}

/** A machine with that disk, whose kernel speaks on the screen and on the serial line, and no network at all. */
export function startGuest(folder: string, { disk, kernel, initrd }: GuestDisk): Promise<Vm> {
  return startVm({ folder, disks: [{ file: disk }], kernel: { file: kernel, initrd, append: guestKernelArguments } });
}

/** An unpacked Debian 13 with some packages, made when it is not in the cache. It is for reading only. */
export function debianTree(packages: readonly string[]): string {
  const archive = debianArchive(packages);
  const tree = archive.replace(/\.tar$/, "");
  if (fs.existsSync(tree)) return tree;
  const unpacking = fs.mkdtempSync(`${tree}.`);
  run("tar", ["--extract", "--file", archive, "--directory", unpacking, "--numeric-owner"]);
  fs.chmodSync(unpacking, 0o755);
  // Another test may have been quicker.
  if (fs.existsSync(tree)) fs.rmSync(unpacking, { recursive: true, force: true });
  else fs.renameSync(unpacking, tree);
  return tree;
}

/** Debian with some packages as an archive, built when it is not in the cache. */
function debianArchive(packages: readonly string[]): string {
  const key = createHash("sha256")
    .update(JSON.stringify([suite, packages]))
    .digest("hex")
    .slice(0, 16);
  const archive = path.join(cacheFolder, `${suite}-${key}.tar`);
  if (fs.existsSync(archive)) return archive;
  fs.mkdirSync(cacheFolder, { recursive: true, mode: 0o700 });
  const building = `${archive}.${process.pid}`;
  try {
    run("mmdebstrap", ["--variant=minbase", `--include=${packages.join(",")}`, "--format=tar", suite, building]);
    fs.renameSync(building, archive);
  } finally {
    fs.rmSync(building, { force: true });
  }
  return archive;
}

/** What the installer would have asked for, and a root shell on the second serial line for the test. */
function configure(tree: string, rootPassword: string): void {
  const write = (name: string, text: string) => writeInto(tree, name, text);
  write("etc/hostname", "node01\n");
  write("etc/binnacle/node.json", '{ "role": "management" }\n');
  write(
    "etc/systemd/system/test-shell.service",
    "[Unit]\nDefaultDependencies=no\nIgnoreOnIsolate=yes\n" +
      "[Service]\nExecStart=/bin/sh\nStandardInput=tty\nStandardOutput=tty\nStandardError=tty\nTTYPath=/dev/ttyS1\nRestart=always\n",
  );
  fs.mkdirSync(path.join(tree, "etc/systemd/system/sysinit.target.wants"), { recursive: true });
  fs.symlinkSync(
    "../test-shell.service",
    path.join(tree, "etc/systemd/system/sysinit.target.wants/test-shell.service"),
  );
  execFileSync("chpasswd", ["--root", tree, "--crypt-method", "SHA512"], { input: `root:${rootPassword}\n` });
}

function writeInto(tree: string, name: string, text: string, mode = 0o644): void {
  const file = path.join(tree, name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text, { mode });
  fs.chmodSync(file, mode);
}

function run(program: string, args: readonly string[]): void {
  execFileSync(program, [...args], { stdio: ["ignore", "ignore", "pipe"], timeout: 400_000, maxBuffer: 100_000_000 });
}

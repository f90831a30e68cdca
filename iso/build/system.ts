import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { installInto } from "../../scripts/dev/install.ts";
import { projectRoot } from "../../scripts/dev/source.ts";
import { idsIn, pinAccounts } from "./accounts.ts";
import { type AccountIds, withNew } from "./ids.ts";
import { parsePackages } from "./packages.ts";
import { IsoError, run } from "./run.ts";

/** A system's file tree, made from the archive of its base. */
export type System = {
  tree: string;
  kernel: string;
  initrd: string;
  squashfs: string;
  packages: Record<string, string>;
  ids: AccountIds;
};

export type SystemOptions = {
  base: string;
  work: string;
  cache: string;
  epoch: number;
  version: string;
  /** Of the users and groups; accounts that have none there get one when `takesNew`, and end the build otherwise. */
  ids: AccountIds;
  takesNew: boolean;
};

/**
 * The read-only system: base, product and configuration in one squashfs, with kernel and initial RAM disk beside it,
 * all in the folder `work`.
 */
export async function buildSystem(options: SystemOptions): Promise<System> {
  const { base, work, epoch, version } = options;
  const tree = path.join(work, "tree");
  fs.mkdirSync(tree, { recursive: true });
  await run("tar", [
    "--extract",
    "--file",
    base,
    "--directory",
    tree,
    "--numeric-owner",
    "--xattrs",
    "--xattrs-include=*",
  ]);
  process.env["SOURCE_DATE_EPOCH"] = String(epoch);
  installInto(tree, "x64");
  await chroot(tree, ["systemd-sysusers"]);
  const ids = options.takesNew ? withNew(options.ids, idsIn(tree)) : options.ids;
  await pinAccounts(tree, ids);
  describeSystem(tree, version, epoch);
  // Without /etc/machine-id systemd would take it for a first boot and ask for presets again.
  await chroot(tree, ["systemctl", "preset-all"]);
  keepAccounts(tree);
  forgetIdentity(tree);
  const packages = parsePackages(
    await chroot(tree, ["dpkg-query", "--show", "--showformat=$" + "{Package}\\t$" + "{Version}\\n"]),
  );
  const kernel = path.join(work, "vmlinuz");
  fs.copyFileSync(only(path.join(tree, "boot"), "vmlinuz-"), kernel);
  const squashfs = path.join(work, "system.squashfs");
  await buildSquashfs(tree, squashfs, epoch);
  // Last, for mkinitramfs leaves traces in the tree, and it runs only when the cache has none.
  const initrd = path.join(work, "initrd.img");
  await buildInitrd(tree, initrd, options);
  return { tree, kernel, initrd, squashfs, packages, ids };
}

/** Runs a program of the tree in it, with a /proc and a /dev. */
export function chroot(tree: string, command: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const script =
    'mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" && mount -t tmpfs tmpfs "$1/run" && tree=$1 && shift && exec chroot "$tree" "$@"';
  const inside = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", ...env };
  return run("unshare", ["--mount", "--propagation", "private", "sh", "-c", script, "sh", tree, ...command], {
    env: inside,
  });
}

function describeSystem(tree: string, version: string, epoch: number): void {
  const debian = fs.readFileSync(path.join(tree, "etc/debian_version"), "utf8").trim();
  write(
    tree,
    "usr/lib/os-release",
    [
      'NAME="Binnacle"',
      `VERSION="${version}"`,
      `VERSION_ID="${version}"`,
      "ID=binnacle",
      "ID_LIKE=debian",
      `PRETTY_NAME="Binnacle ${version}"`,
      `DEBIAN_VERSION_FULL="${debian}"`,
      "VERSION_CODENAME=trixie",
      "",
    ].join("\n"),
  );
  write(tree, "etc/hostname", "binnacle\n");
  write(tree, "etc/hosts", "127.0.0.1 localhost\n127.0.1.1 binnacle\n::1 localhost ip6-localhost ip6-loopback\n");
  write(tree, "etc/fstab", "");
  write(tree, "etc/issue", "\\n  \\l\n\n");
  write(tree, "etc/motd", "");
  write(tree, "etc/default/locale", "LANG=C.UTF-8\n");
  write(
    tree,
    "etc/initramfs-tools/conf.d/binnacle",
    "MODULES=list\nCOMPRESS=zstd\nCOMPRESSLEVEL=12\nRESUME=none\nFSTYPE=ext4\n",
  );
  fs.rmSync(path.join(tree, "etc/resolv.conf"), { force: true });
  // o2cb.init mounts it, and would make it where nothing can be written.
  fs.mkdirSync(path.join(tree, "dlm"));
  // It asks for a socket of hypervisors, and complains on the consoles where there is none.
  const generator = path.join(tree, "etc/systemd/system-generators/systemd-ssh-generator");
  fs.mkdirSync(path.dirname(generator), { recursive: true });
  fs.symlinkSync("/dev/null", generator);
  // Caches such as ld.so's are as new as the system: systemd-update-done(8).
  for (const name of ["etc/.updated", "var/.updated"]) write(tree, name, `TIMESTAMP_NSEC=${epoch}000000000\n`);
  fs.utimesSync(path.join(tree, "usr"), epoch, epoch);
}

/** The image's own accounts, where a node's lists in /etc don't hide them: merge-accounts reads them. */
function keepAccounts(tree: string): void {
  for (const name of ["passwd", "group", "shadow", "gshadow"]) {
    const text = fs.readFileSync(path.join(tree, "etc", name), "utf8");
    const secret = name.endsWith("shadow") ? text.split("\n").find((line) => !/^([^:]+:[!*]|$)/.test(line)) : undefined;
    if (secret !== undefined)
      throw new IsoError("ISO.PASSWORD", `${secret.split(":")[0]} of the image has a password, or none at all.`);
    write(tree, `usr/lib/binnacle/accounts/${name}`, text);
    if (name.endsWith("shadow")) fs.chmodSync(path.join(tree, "usr/lib/binnacle/accounts", name), 0o600);
  }
}

/** Takes away what packages made for this one tree, and what a machine makes for itself at its first boot. */
function forgetIdentity(tree: string): void {
  const gone = [
    "var/lib/dbus/machine-id",
    "var/lib/systemd/random-seed",
    "etc/iscsi/initiatorname.iscsi",
    "etc/nvme/hostid",
    "etc/nvme/hostnqn",
    "var/cache/ldconfig/aux-cache",
    "etc/.pwd.lock",
  ];
  for (const name of gone) fs.rmSync(path.join(tree, name), { force: true });
  for (const [folder, pattern] of [
    ["etc/ssh", /^ssh_host_/],
    ["etc", /-$/],
    ["etc/lvm/backup", /./],
    ["etc/lvm/archive", /./],
    ["var/cache/debconf", /-old$/],
    ["var/lib/dpkg", /-old$/],
    ["var/lib/apt/lists", /./],
    ["var/cache/apt", /./],
    ["tmp", /./],
    ["run", /./],
  ] as const)
    removeMatching(path.join(tree, folder), pattern);
  for (const log of filesBelow(path.join(tree, "var/log"))) fs.rmSync(log);
  write(tree, "etc/machine-id", "");
}

function removeMatching(folder: string, pattern: RegExp): void {
  if (!fs.existsSync(folder)) return;
  for (const name of fs.readdirSync(folder))
    if (pattern.test(name)) fs.rmSync(path.join(folder, name), { recursive: true, force: true });
}

/** Not readdir's own `recursive`: it goes through symbolic links, and those of a tree lead to the builder's files. */
function filesBelow(folder: string): string[] {
  return fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const place = path.join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(place) : [place];
  });
}

function write(tree: string, name: string, text: string): void {
  const place = path.join(tree, name);
  fs.mkdirSync(path.dirname(place), { recursive: true });
  fs.rmSync(place, { force: true });
  fs.writeFileSync(place, text, { mode: 0o644 });
  fs.chmodSync(place, 0o644);
}

/** The one file of a folder whose name starts so. */
function only(folder: string, start: string): string {
  const [name, ...more] = fs.readdirSync(folder).filter((file) => file.startsWith(start));
  if (name === undefined || more.length > 0)
    throw new IsoError(
      "ISO.TREE",
      `${folder} should hold one ${start}…; it holds ${more.length + (name === undefined ? 0 : 1)}.`,
    );
  return path.join(folder, name);
}

/** Folders of the overlay that mkinitramfs copies from. */
const initrdFolders = [
  "etc",
  "usr/share/initramfs-tools",
  "usr/lib/modprobe.d",
  "usr/lib/udev",
  "usr/lib/systemd/network",
];

/** Making one takes half a minute; it changes with the base and with our few files in it only. */
async function buildInitrd(tree: string, initrd: string, { base, cache, epoch }: SystemOptions): Promise<void> {
  const overlay = path.join(projectRoot, "iso/overlay");
  const hash = createHash("sha256").update(path.basename(base));
  for (const folder of initrdFolders.map((name) => path.join(overlay, name)).filter((name) => fs.existsSync(name)))
    for (const file of filesBelow(folder).sort())
      hash
        .update(`\0${path.relative(overlay, file)}\0${(fs.statSync(file).mode & 0o111) !== 0}\0`)
        .update(fs.readFileSync(file));
  hash.update(fs.readFileSync(path.join(tree, "etc/initramfs-tools/conf.d/binnacle")));
  const cached = path.join(cache, `initrd-${hash.digest("hex").slice(0, 16)}.img`);
  if (!fs.existsSync(cached)) {
    const version = path.basename(only(path.join(tree, "boot"), "vmlinuz-")).slice("vmlinuz-".length);
    await chroot(tree, ["mkinitramfs", "-o", "/boot/new-initrd.img", version], { SOURCE_DATE_EPOCH: String(epoch) });
    fs.copyFileSync(path.join(tree, "boot/new-initrd.img"), `${cached}.new`);
    fs.rmSync(path.join(tree, "boot/new-initrd.img"));
    fs.renameSync(`${cached}.new`, cached);
  }
  fs.copyFileSync(cached, initrd);
}

async function buildSquashfs(tree: string, squashfs: string, epoch: number): Promise<void> {
  const excluded = ["boot/*", "dev/*", "proc/*", "sys/*", "run/*", "tmp/*"];
  await run(
    "mksquashfs",
    [
      ...[tree, squashfs, "-noappend", "-no-progress", "-quiet", "-no-recovery"],
      ...["-comp", "zstd", "-Xcompression-level", "9", "-b", "256K"],
      ...["-wildcards", "-e", ...excluded],
    ],
    // Later times are set to this one, and the file system's own is this.
    { env: { SOURCE_DATE_EPOCH: String(epoch) } },
  );
}

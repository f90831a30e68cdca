import { $ } from "zx";

/**
 * A Debian package that tests or benchmarks need, and what for. Packages that start a network service don't belong
 * here; etcd-server is the exception, whose service listens on the loopback address only.
 */
export type TestPackage = {
  readonly name: string;
  readonly for: "test" | "bench" | "long" | "iso";
  readonly why: string;
};

export const testPackages: readonly TestPackage[] = [
  { name: "iproute2", for: "test", why: "ip -json: network links, read from this machine" },
  { name: "iputils-ping", for: "test", why: "ping: the network test, against the loopback address" },
  { name: "libpam-modules-bin", for: "test", why: "unix_chkpwd: checks a password through PAM" },
  { name: "passwd", for: "test", why: "chpasswd: changes a password, in a private mount namespace" },
  { name: "procps", for: "test", why: "ps: the process list is searched for planted passwords" },
  { name: "systemd", for: "test", why: "journalctl, busctl, timedatectl: log, services and clock of this machine" },
  { name: "util-linux", for: "test", why: "lsblk, findmnt: disks and file systems; unshare: private namespaces" },
  { name: "grub-common", for: "test", why: "grub-script-check, grub-editenv: the boot menu of an installed node" },
  { name: "nftables", for: "test", why: "nft: the firewall, in a network namespace" },
  { name: "openssh-client", for: "test", why: "ssh-keygen: the host keys of a node" },
  { name: "openssl", for: "test", why: "the certificates of a node" },
  { name: "dosfstools", for: "test", why: "mkfs.vfat: an installation onto a disk image" },
  { name: "fdisk", for: "test", why: "sfdisk: partition tables, as the installer makes them" },
  { name: "squashfs-tools", for: "test", why: "mksquashfs: a small system to install" },
  { name: "groff-base", for: "test", why: "groff: the manual pages of the commands" },
  { name: "qemu-utils", for: "test", why: "qemu-img: images that are examined" },
  { name: "strace", for: "test", why: "whether the store's writes are on the disk before they are acknowledged" },
  { name: "xorriso", for: "test", why: "puts an answer file into an image" },
  { name: "etcd-client", for: "long", why: "etcdctl: sets up users of etcd, and looks at its members" },
  { name: "etcd-server", for: "long", why: "three members on the loopback address: the store of several managers" },
  { name: "busybox-static", for: "long", why: "the programs of a small guest" },
  { name: "chromium", for: "long", why: "the pages of the console proxy, as a person sees them" },
  { name: "console-setup-linux", for: "long", why: "fonts: the screen of a guest is read by them" },
  { name: "cryptsetup-bin", for: "long", why: "a disk with LUKS on it" },
  { name: "dnsmasq-base", for: "long", why: "dnsmasq: the DHCP of machines' networks" },
  { name: "dosfstools", for: "long", why: "a disk with an EFI system partition on it" },
  { name: "fdisk", for: "long", why: "sfdisk: partition tables of guests' disks" },
  { name: "grub-common", for: "long", why: "grub-mkrescue: the disk of a small guest" },
  { name: "grub-pc-bin", for: "long", why: "what starts it from there" },
  { name: "libvirt-clients", for: "long", why: "virsh: virtual machines on hosts in namespaces" },
  { name: "libvirt-daemon", for: "long", why: "libvirtd, which the tests start by themselves, one for each host" },
  { name: "libvirt-daemon-driver-qemu", for: "long", why: "virtual machines with QEMU" },
  { name: "lvm2", for: "long", why: "a disk with LVM on it" },
  { name: "mtools", for: "long", why: "grub-mkrescue asks for it" },
  { name: "nbdkit", for: "long", why: "disks that lose what was not flushed, or fail" },
  { name: "nftables", for: "long", why: "nft: what keeps that DHCP on its host" },
  { name: "ntfs-3g", for: "long", why: "a disk with NTFS on it" },
  { name: "ovmf", for: "long", why: "the UEFI firmware of guests, with Secure Boot" },
  { name: "qemu-utils", for: "long", why: "qemu-img: disks and snapshots of guests" },
  { name: "tini", for: "long", why: "a first process for such a host, which reaps" },
  { name: "xorriso", for: "long", why: "grub-mkrescue makes the disk with it" },
  { name: "xz-utils", for: "long", why: "unpacks the UEFI firmware's font" },
  { name: "e2fsprogs", for: "long", why: "mke2fs: the disk of a guest" },
  { name: "mmdebstrap", for: "long", why: "the file tree of a guest: a minimal Debian 13" },
  { name: "qemu-system-x86", for: "long", why: "boots the guest, without hardware virtualization" },
  { name: "dosfstools", for: "iso", why: "mkfs.vfat: the EFI system partition of the image" },
  { name: "libcap2-bin", for: "iso", why: "getcap, setcap: capabilities of a file outlive a change of its owner" },
  { name: "mmdebstrap", for: "iso", why: "Debian's part of the image" },
  { name: "mtools", for: "iso", why: "mcopy: files in that partition, without mounting it" },
  { name: "squashfs-tools", for: "iso", why: "mksquashfs: the read-only system" },
  { name: "xorriso", for: "iso", why: "the ISO" },
  { name: "btop", for: "bench", why: "peer of the console's figures" },
  { name: "htop", for: "bench", why: "peer of the console's figures" },
];

const purposes = { test: "tests", long: "tests", bench: "benchmarks", iso: "image" } as const;

const aptTimeout = "600s";

/**
 * Installs the packages of a purpose that are absent: with apt, as root, without recommended packages. Returns those
 * that are still absent afterwards; never throws.
 */
export async function installPackages(purpose: TestPackage["for"]): Promise<TestPackage[]> {
  const wanted = testPackages.filter((entry) => entry.for === purpose);
  const absent = await absentOf(wanted);
  if (absent.length === 0 || process.getuid?.() !== 0) return absent;
  const names = absent.map((entry) => entry.name);
  process.stderr.write(`Installing ${names.join(", ")} for the ${purposes[purpose]}.\n`);
  const install = ["install", "--yes", "--quiet", "--no-install-recommends", ...names];
  // The lists of a new machine are empty or old; they are fetched only when they turn out to be.
  if (!(await apt(install)) && (await apt(["update", "--quiet"]))) await apt(install);
  return absentOf(wanted);
}

async function absentOf(wanted: readonly TestPackage[]): Promise<TestPackage[]> {
  const names = wanted.map((entry) => entry.name);
  const format = "$" + "{Package} $" + "{db:Status-Status}\\n";
  // Exit status 1 for a package that is unknown; the others are listed all the same.
  const answer = await $({ quiet: true, nothrow: true })`dpkg-query --show --showformat=${format} ${names}`;
  const installed = new Set(answer.lines().filter((line) => line.endsWith(" installed")));
  return wanted.filter((entry) => !installed.has(`${entry.name} installed`));
}

/** Another run of tests may be installing its packages: it is waited for. apt itself waits for some of its locks only. */
async function apt(args: readonly string[]): Promise<boolean> {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const run = await $({
    quiet: true,
    nothrow: true,
    env,
    stdio: "ignore",
    timeout: aptTimeout,
  })`flock /run/lock/binnacle-packages apt-get ${args}`;
  return run.exitCode === 0;
}

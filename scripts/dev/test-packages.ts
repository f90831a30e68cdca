import { $ } from "zx";

/** A Debian package that tests or benchmarks need, and what for. Packages that start a network service don't belong here. */
export type TestPackage = { readonly name: string; readonly for: "test" | "bench" | "long"; readonly why: string };

export const testPackages: readonly TestPackage[] = [
  { name: "iproute2", for: "test", why: "ip -json: network links, read from this machine" },
  { name: "iputils-ping", for: "test", why: "ping: the network test, against the loopback address" },
  { name: "libpam-modules-bin", for: "test", why: "unix_chkpwd: checks a password through PAM" },
  { name: "passwd", for: "test", why: "chpasswd: changes a password, in a private mount namespace" },
  { name: "procps", for: "test", why: "ps: the process list is searched for planted passwords" },
  { name: "systemd", for: "test", why: "journalctl, busctl, timedatectl: log, services and clock of this machine" },
  { name: "util-linux", for: "test", why: "lsblk, findmnt: disks and file systems; unshare: private namespaces" },
  { name: "e2fsprogs", for: "long", why: "mke2fs: the disk of a guest" },
  { name: "mmdebstrap", for: "long", why: "the file tree of a guest: a minimal Debian 13" },
  { name: "qemu-system-x86", for: "long", why: "boots the guest, without hardware virtualization" },
  { name: "btop", for: "bench", why: "peer of the console's figures" },
  { name: "htop", for: "bench", why: "peer of the console's figures" },
];

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
  process.stderr.write(`Installing ${names.join(", ")} for the ${purpose === "bench" ? "benchmarks" : "tests"}.\n`);
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

async function apt(args: readonly string[]): Promise<boolean> {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const run = await $({ quiet: true, nothrow: true, env, stdio: "ignore", timeout: aptTimeout })`apt-get ${args}`;
  return run.exitCode === 0;
}

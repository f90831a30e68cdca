import { spawnSync } from "node:child_process";

/** A Debian package that tests or benchmarks need, and what for. Packages that start a network service don't belong here. */
export type TestPackage = { readonly name: string; readonly for: "test" | "bench"; readonly why: string };

export const testPackages: readonly TestPackage[] = [
  { name: "iproute2", for: "test", why: "ip -json: network links, read from this machine" },
  { name: "iputils-ping", for: "test", why: "ping: the network test, against the loopback address" },
  { name: "libpam-modules-bin", for: "test", why: "unix_chkpwd: checks a password through PAM" },
  { name: "passwd", for: "test", why: "chpasswd: changes a password, in a private mount namespace" },
  { name: "procps", for: "test", why: "ps: the process list is searched for planted passwords" },
  { name: "systemd", for: "test", why: "journalctl, busctl, timedatectl: log, services and clock of this machine" },
  { name: "util-linux", for: "test", why: "lsblk, findmnt: disks and file systems; unshare: private namespaces" },
  { name: "btop", for: "bench", why: "peer of the console's figures" },
  { name: "htop", for: "bench", why: "peer of the console's figures" },
];

const aptTimeoutMs = 600_000;

/**
 * Installs the packages of a purpose that are absent: with apt, as root, without recommended packages. Returns those
 * that are still absent afterwards; never throws.
 */
export function installPackages(purpose: TestPackage["for"]): TestPackage[] {
  const wanted = testPackages.filter((entry) => entry.for === purpose);
  const absent = absentOf(wanted);
  if (absent.length === 0 || process.getuid?.() !== 0) return absent;
  const names = absent.map((entry) => entry.name);
  process.stdout.write(`Installing ${names.join(", ")} for the ${purpose === "test" ? "tests" : "benchmarks"}.\n`);
  const install = ["install", "--yes", "--quiet", "--no-install-recommends", ...names];
  // The lists of a new machine are empty or old; they are fetched only when they turn out to be.
  if (!apt(install) && apt(["update", "--quiet"])) apt(install);
  return absentOf(wanted);
}

function absentOf(wanted: readonly TestPackage[]): TestPackage[] {
  const names = wanted.map((entry) => entry.name);
  const format = "$" + "{Package} $" + "{db:Status-Status}\\n";
  const answer = spawnSync("dpkg-query", ["--show", `--showformat=${format}`, ...names], { encoding: "utf8" });
  const installed = new Set((answer.stdout ?? "").split("\n").filter((line) => line.endsWith(" installed")));
  return wanted.filter((entry) => !installed.has(`${entry.name} installed`));
}

function apt(args: readonly string[]): boolean {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  return spawnSync("apt-get", [...args], { env, timeout: aptTimeoutMs, stdio: "ignore" }).status === 0;
}

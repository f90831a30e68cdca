import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { buildFolder } from "../../../scripts/dev/build.ts";
import { temporaryFolder } from "../programs.ts";
import { undoAfter } from "../undo.ts";

/*
 * A real SSH server on loopback, with a user of its own, in a mount namespace: neither accounts nor /run of this machine
 * are touched. Debian's package would start a service, so only its files are taken.
 */

export type SshServer = {
  user: string;
  address: string;
  /** What a client needs to be let in: `-F FILE`. */
  options: readonly string[];
  /** The same with a key that the server does not know. */
  strangerOptions: readonly string[];
  /** The same without the server's host key. */
  unknowingOptions: readonly string[];
  home: string;
  output(): string;
};

const uid = 52_525;
const startMs = 30_000;

export async function sshServer(t: TestContext, login = "/bin/sh"): Promise<SshServer> {
  const { program, libraries } = serverProgram();
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  chmodSync(folder.path, 0o755);
  const place = (name: string) => join(folder.path, name);
  const address = `127.${randomInt(1, 250)}.${randomInt(1, 250)}.${randomInt(1, 250)}`;
  for (const name of ["host", "client", "stranger"])
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", place(name)]);
  mkdirSync(place("home"), { mode: 0o700 });
  mkdirSync(place("home/.ssh"), { mode: 0o700 });
  writeFileSync(place("home/.ssh/authorized_keys"), readFileSync(place("client.pub")), { mode: 0o600 });
  for (const name of ["home", "home/.ssh", "home/.ssh/authorized_keys"]) chownSync(place(name), uid, uid);
  writeFileSync(
    place("passwd"),
    `${readFileSync("/etc/passwd", "utf8")}keeper:x:${uid}:${uid}::${place("home")}:${login}\nsshd:x:52524:65534::/run/sshd:/bin/false\n`,
  );
  writeFileSync(place("shadow"), "root:*:1::::::\nkeeper:*:1::::::\nsshd:*:1::::::\n", { mode: 0o600 });
  writeFileSync(
    place("sshd_config"),
    [
      ...[`ListenAddress ${address}`, "Port 2222", `HostKey ${place("host")}`, "PidFile none", "UsePAM no"],
      ...["PasswordAuthentication no", "KbdInteractiveAuthentication no", "LogLevel VERBOSE", ""],
    ].join("\n"),
  );
  writeFileSync(place("known"), `[${address}]:2222 ${readFileSync(place("host.pub"), "utf8")}`);
  writeFileSync(place("none"), "");
  const options = (name: string, key: string, known: string) => {
    const lines = [`IdentityFile ${place(key)}`, "IdentitiesOnly yes", `UserKnownHostsFile ${place(known)}`];
    writeFileSync(place(name), [...lines, "GlobalKnownHostsFile /dev/null", "Port 2222", ""].join("\n"));
    return ["-F", place(name)];
  };
  const script = [
    `mount --bind ${place("passwd")} /etc/passwd`,
    `mount --bind ${place("shadow")} /etc/shadow`,
    "mount -t tmpfs tmpfs /run",
    "mkdir -m 0755 /run/sshd",
    `exec ${program} -D -e -f ${place("sshd_config")}`,
  ].join(" && ");
  const child = spawn("unshare", ["--mount", "--propagation", "private", "--", "sh", "-c", script], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", ...(libraries === "" ? {} : { LD_LIBRARY_PATH: libraries }) },
  });
  let output = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  undoAfter(t, () => ended(child));
  await listening(address, child, () => output);
  return {
    user: "keeper",
    address,
    options: options("config", "client", "known"),
    strangerOptions: options("config-stranger", "stranger", "known"),
    unknowingOptions: options("config-unknowing", "client", "none"),
    home: place("home"),
    output: () => output,
  };
}

function serverProgram(): { program: string; libraries: string } {
  if (existsSync("/usr/sbin/sshd")) return { program: "/usr/sbin/sshd", libraries: "" };
  const folder = join(buildFolder(), "sshd");
  if (!existsSync(join(folder, "usr/sbin/sshd"))) {
    const downloads = temporaryFolder();
    try {
      const apt = (...args: string[]) => execFileSync("apt-get", args, { cwd: downloads.path, stdio: "pipe" });
      try {
        apt("download", "openssh-server", "libwrap0");
      } catch {
        apt("update");
        apt("download", "openssh-server", "libwrap0");
      }
      for (const name of readdirSync(downloads.path)) execFileSync("dpkg", ["-x", join(downloads.path, name), folder]);
    } finally {
      downloads.dispose();
    }
  }
  const libraries = readdirSync(join(folder, "usr/lib"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name.includes("-linux-"))
    .map(({ name }) => join(folder, "usr/lib", name));
  return { program: join(folder, "usr/sbin/sshd"), libraries: libraries.join(":") };
}

async function listening(host: string, child: ChildProcess, output: () => string): Promise<void> {
  const deadline = performance.now() + startMs;
  for (;;) {
    const isUp = await new Promise<boolean>((resolve) => {
      const socket = connect({ host, port: 2222 });
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
      socket.once("connect", () => socket.destroy());
    });
    if (isUp) return;
    if (child.exitCode !== null || performance.now() > deadline) throw new Error(`sshd does not listen: ${output()}`);
    await pause(20);
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await gone;
}

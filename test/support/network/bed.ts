import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { Client } from "../../../core/api/client.ts";
import { rootConsole } from "../../../core/api/contract.ts";
import { childOf, line, until } from "../spaces.ts";
import { debianTree } from "../vm/debian.ts";
import { managementProfile } from "./management-profile.ts";

/*
 * A node with a real NetworkManager, D-Bus and our agent in namespaces of this machine: cards are pairs of virtual
 * links that end in a switch of their own. It starts in a second and can lose its power at any moment. What it has not:
 * bonds and VLANs, for which this machine's kernel may lack the modules, udev and systemd. What udev does at a boot with
 * the names of cards, the bed does.
 */

const packages = [
  "dbus",
  "ethtool",
  "iproute2",
  "iputils-arping",
  "iputils-ping",
  "ndisc6",
  "network-manager",
  "procps",
  "systemd",
  "tini",
  "util-linux",
];
const repository = path.resolve(import.meta.dirname, "../../..");
const nodeFolder = path.dirname(process.execPath);
const agentFolder = "/var/lib/binnacle/agent";
const rootSocket = "/run/binnacle/root.sock";
const linkFiles = "/etc/systemd/network";
const profiles = "/etc/NetworkManager/system-connections";

export type Outcome = { code: number; stdout: string; stderr: string };

export class NetworkBed {
  readonly #folder: string;
  readonly #cards: number;
  #switch: ChildProcess | undefined;
  #node: ChildProcess | undefined;
  #agent: ChildProcess | undefined;
  #switchPid = 0;
  #nodePid = 0;

  /** @param folder an empty folder of the test, which holds the node's disk */
  constructor(folder: string, cards = 3) {
    this.#folder = folder;
    this.#cards = cards;
  }

  /** Makes the node's disk, with `files` on it, and switches the node on. */
  async start(files: Readonly<Record<string, string>> = {}): Promise<void> {
    for (const name of ["upper", "work", "tree"]) fs.mkdirSync(path.join(this.#folder, name));
    const lower = debianTree(packages);
    const upper = path.join(this.#folder, "upper");
    execFileSync("mount", [
      "-t",
      "overlay",
      "overlay",
      "-o",
      `lowerdir=${lower},upperdir=${upper},workdir=${path.join(this.#folder, "work")}`,
      this.#tree,
    ]);
    this.write("/etc/NetworkManager/conf.d/10-bed.conf", "[main]\nno-auto-default=*\nignore-carrier=*\n");
    this.write("/etc/hostname", "node01\n");
    this.write("/etc/binnacle/node.json", '{ "role": "compute", "managementLink": "eth0" }\n');
    this.write("/etc/resolv.conf", "");
    // The agent's own folder is a disk of its own, small enough to be filled.
    fs.mkdirSync(path.join(this.#tree, agentFolder), { recursive: true });
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", path.join(this.#tree, agentFolder)]);
    this.write("/usr/local/bin/systemctl", restartShim, 0o755);
    this.write("/usr/local/bin/ethtool", cardShim, 0o755);
    for (const name of ["hostnamectl", "chronyc"]) this.write(`/usr/local/bin/${name}`, "#!/bin/sh\nexit 0\n", 0o755);
    for (const [name, text] of Object.entries(files)) this.write(name, text, name.startsWith(profiles) ? 0o600 : 0o644);
    this.#switch = spawn("unshare", ["--net", "--fork", "--kill-child", script, "switch", String(this.#cards)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await line(this.#switch, "ready");
    this.#switchPid = childOf(this.#switch);
    await this.powerOn();
  }

  /** As {@link start}, with eth0 in the management network: {@link managementProfile}. */
  startWithManagement(): Promise<void> {
    return this.start({ [`${profiles}/management.nmconnection`]: managementProfile("eth0") });
  }

  /** Boots the node from its disk; `/run` is empty. The agent is started by {@link startAgent}. */
  async powerOn(): Promise<void> {
    const spaces = ["--net", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child"];
    const args = [script, "node", this.#tree, repository, randomUUID(), String(this.#cards)];
    const node = spawn("unshare", [...spaces, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#node = node;
    await until("the node's first process", () => {
      this.#nodePid = childOf(node, "bed.sh");
      return this.#nodePid !== 0;
    });
    for (let card = 0; card < this.#cards; card++) {
      const args = ["link", "set", `eth${card}`, "netns", String(this.#nodePid), "name", this.#nameOf(card)];
      execFileSync("nsenter", ["--target", String(this.#switchPid), "--net", "ip", ...args]);
    }
    await line(node, "ready");
  }

  /** Everything that runs on the node ends at once. What it had written is on its disk. */
  async powerCut(): Promise<void> {
    const node = this.#node;
    if (node === undefined) return;
    this.#node = undefined;
    this.#agent = undefined;
    const gone = new Promise((resolve) => node.once("exit", resolve));
    process.kill(this.#nodePid, "SIGKILL");
    await gone;
    // The cards went with the node's namespace: new cables into the same switch.
    for (let card = 0; card < this.#cards; card++) {
      await until(`port${card} to go`, () => this.partner("ip", ["link", "show", `port${card}`]).code !== 0);
      const link = ["link", "add", `eth${card}`, "address", macOf(card), "type", "veth", "peer", "name", `port${card}`];
      this.partner("ip", link);
      this.partner("ip", ["link", "set", `port${card}`, "master", "sw0", "up"]);
    }
  }

  async stop(): Promise<void> {
    for (const one of [this.#node, this.#switch]) {
      if (one === undefined || one.exitCode !== null) continue;
      const gone = new Promise((resolve) => one.once("exit", resolve));
      one.kill("SIGKILL");
      await gone;
    }
    // The namespaces' last processes may take a moment to let go of it.
    execFileSync("umount", ["--lazy", path.join(this.#tree, agentFolder)]);
    execFileSync("umount", ["--lazy", this.#tree]);
  }

  async startAgent(): Promise<Client> {
    const socket = path.join("/proc", String(this.#nodePid), "root", rootSocket);
    fs.rmSync(socket, { force: true });
    fs.mkdirSync(path.join("/proc", String(this.#nodePid), "root", agentFolder), { recursive: true });
    const args = [
      "--socket",
      "/run/binnacle/agent.sock",
      "--root-socket",
      rootSocket,
      "--home",
      agentFolder,
      "--log",
      "/var/log/agent.log",
    ];
    this.#agent = spawn(
      "nsenter",
      this.#inNode(path.join(nodeFolder, "node"), [`${repository}/core/agent.ts`, ...args]),
      {
        stdio: ["ignore", "ignore", "pipe"],
        env: { PATH: "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" },
      },
    );
    await until("the agent's socket", () => fs.existsSync(socket), 60_000);
    return new Client({ socketPath: socket, console: rootConsole, timeoutMs: 20_000 });
  }

  /** Ends the agent as a crash does, between two instructions. */
  async killAgent(): Promise<void> {
    const agent = this.#agent;
    if (agent === undefined) return;
    this.#agent = undefined;
    const gone = new Promise((resolve) => agent.once("exit", resolve));
    this.run("pkill", ["-KILL", "-f", "core/agent.ts"]);
    await gone;
  }

  /** The socket that consoles ask, seen from this machine. */
  get agentSocket(): string {
    return path.join("/proc", String(this.#nodePid), "root/run/binnacle/agent.sock");
  }

  get agentRuns(): boolean {
    return this.#agent !== undefined;
  }

  /** Starts NetworkManager, unless it runs; one that was stopped in its tracks goes on. */
  startManager(): void {
    const start = `${managerLock} 'pgrep -r S,R,D -x NetworkManager || exec NetworkManager'`;
    this.run("sh", ["-c", `pkill -CONT -x NetworkManager; ${start}`]);
  }

  /** Leaves the agent no room for what it keeps. */
  fillDisk(): void {
    this.run("sh", ["-c", `cat /dev/zero >${agentFolder}/filler`]);
  }

  freeDisk(): void {
    this.run("rm", ["-f", `${agentFolder}/filler`]);
  }

  /** Runs a command on the node. */
  run(command: string, args: readonly string[]): Outcome {
    return outcome("nsenter", this.#inNode(command, args));
  }

  /** The command line that runs a command on the node. */
  commandLine(command: string, args: readonly string[]): string[] {
    return ["nsenter", ...this.#inNode(command, args)];
  }

  /** Runs a command at the other end of the cables. */
  partner(command: string, args: readonly string[]): Outcome {
    return outcome("nsenter", ["--target", String(this.#switchPid), "--net", command, ...args]);
  }

  /** Plugs a cable in or out. */
  setCable(card: number, isIn: boolean): void {
    this.partner("ip", ["link", "set", `port${card}`, isIn ? "up" : "down"]);
  }

  /** The addresses of a link of the node, as `10.0.0.5/24`. */
  addresses(link: string): string[] {
    const { stdout } = this.run("ip", ["-4", "-o", "addr", "show", "dev", link]);
    return [...stdout.matchAll(/inet (\S+)/g)].map((found) => found[1] ?? "");
  }

  /** Whether the node answers at an address, seen from outside. */
  answers(address: string): boolean {
    return this.partner("ping", ["-n", "-c", "3", "-i", "0.2", "-W", "1", address]).code === 0;
  }

  read(file: string): string {
    return fs.readFileSync(path.join(this.#tree, file), "utf8");
  }

  list(folder: string): string[] {
    return fs.existsSync(path.join(this.#tree, folder)) ? fs.readdirSync(path.join(this.#tree, folder)).sort() : [];
  }

  write(file: string, text: string, mode = 0o644): void {
    const target = path.join(this.#tree, file);
    fs.mkdirSync(path.dirname(target), { recursive: true });
    fs.writeFileSync(target, text, { mode });
    fs.chmodSync(target, mode);
  }

  /** The name that a card gets at a boot, as udev reads it from link files. */
  #nameOf(card: number): string {
    const texts = this.list(linkFiles).map((name) => this.read(`${linkFiles}/${name}`));
    const own = texts.find((text) => text.includes(`PermanentMACAddress=${macOf(card)}\n`));
    return /^Name=(\S+)$/m.exec(own ?? "")?.[1] ?? `eth${card}`;
  }

  get #tree(): string {
    return path.join(this.#folder, "tree");
  }

  #inNode(command: string, args: readonly string[]): string[] {
    const spaces = ["--net", "--mount", "--pid", "--uts", "--ipc", "--root", "--wd"];
    return ["--target", String(this.#nodePid), ...spaces, command, ...args];
  }
}

function macOf(card: number): string {
  return `02:00:00:00:00:0${card}`;
}

const script = path.join(import.meta.dirname, "bed.sh");

/** There is no systemd here: what the agent asks it for, and what it does by itself, one after the other as it does. */
const managerLock = "flock --close /run/manager.lock sh -c";
const restartShim = `#!/bin/sh
[ "$*" = "restart NetworkManager.service" ] || exit 1
exec ${managerLock} '
pkill -KILL -x NetworkManager
# It does not start while another one is still dying.
while pgrep -x NetworkManager >/dev/null; do sleep 0.05; done
exec NetworkManager'
`;

/** A virtual link has no permanent address: that of a card is the one that it is made with, unless a test says no. */
const cardShim = `#!/bin/sh
[ "$1" = -P ] || exec /usr/sbin/ethtool "$@"
[ -e "/run/unpinned/$2" ] && echo "Permanent address: not set" || echo "Permanent address: $(cat "/sys/class/net/$2/address")"
`;

function outcome(command: string, args: readonly string[]): Outcome {
  try {
    const stdout = execFileSync(command, [...args], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
      timeout: 60_000,
    });
    return { code: 0, stdout, stderr: "" };
  } catch (error) {
    const { status, stdout, stderr } = error as { status?: number; stdout?: string; stderr?: string };
    return { code: status ?? 1, stdout: stdout ?? "", stderr: stderr ?? "" };
  }
}

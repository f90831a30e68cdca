import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as path from "node:path";
import { ensureBuilt } from "../../../scripts/dev/build.ts";
import { installInto } from "../../../scripts/dev/install.ts";
import { root } from "../programs.ts";
import { childOf, line, until } from "../spaces.ts";

/*
 * The nodes of a cloud in namespaces of this machine, plugged into one switch: the product laid out as the image has it,
 * each node with its own /etc, /var, /run, root's password and identity, its programs with the arguments of their units.
 * Systemd is not there; what it would start, the test starts.
 */

const script = path.join(import.meta.dirname, "namespaces.sh");
const environment = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LANG: "C.UTF-8", TZ: "UTC" };

export type Output = { code: number | null; stdout: string; stderr: string };

type NodeOptions = { name: string; role: string; address: string; password: string; shared?: string };

export class NodesBed {
  readonly #folder: string;
  readonly #nodes: BedNode[] = [];
  #switch: ChildProcess | undefined;
  #switchPid = 0;

  /** @param folder an empty folder of the test */
  constructor(folder: string) {
    this.#folder = folder;
  }

  async start(): Promise<void> {
    await ensureBuilt();
    const tree = path.join(this.#folder, "tree");
    fs.mkdirSync(tree);
    const { umask } = process;
    const before = umask(0o022);
    installInto(tree, process.arch === "arm64" ? "arm64" : "x64");
    for (const part of ["etc", "var", "usr"]) fs.mkdirSync(path.join(tree, part), { recursive: true });
    umask(before);
    this.#switch = spawn("unshare", ["--net", "--fork", "--kill-child", script, "switch"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await line(this.#switch, "ready");
    this.#switchPid = childOf(this.#switch);
  }

  /**
   * A node with its identity made. Nothing of ours runs on it yet. `shared`: a folder that it has at /srv/shared; then libvirt
   * runs on it, too.
   */
  async node(options: NodeOptions): Promise<BedNode> {
    const folder = path.join(this.#folder, options.name);
    fs.mkdirSync(folder);
    const spaces = [
      "--net",
      "--mount",
      "--propagation",
      "private",
      "--pid",
      "--uts",
      "--ipc",
      "--fork",
      "--kill-child",
    ];
    const args = [script, "node", path.join(this.#folder, "tree"), folder, options.name, options.role];
    if (options.shared !== undefined) args.push(options.shared);
    const child = spawn("unshare", [...spaces, ...args], { stdio: ["pipe", "pipe", "pipe"], env: environment });
    const isReady = line(child, "ready");
    isReady.catch(() => undefined);
    child.stdin.end(`${options.password}\n`);
    let pid = 0;
    await until("the node's first process", () => {
      pid = childOf(child, script);
      return pid !== 0;
    });
    const node = new BedNode(child, pid);
    this.#nodes.push(node);
    const port = `port${this.#nodes.length}`;
    this.#atSwitch("ip", "link", "add", port, "type", "veth", "peer", "name", "card", "netns", String(pid));
    this.#atSwitch("ip", "link", "set", port, "master", "sw0", "up");
    if (options.shared !== undefined) {
      // A second card without addresses, for machines.
      const second = `guests${this.#nodes.length}`;
      this.#atSwitch("ip", "link", "add", second, "type", "veth", "peer", "name", "eth1", "netns", String(pid));
      this.#atSwitch("ip", "link", "set", second, "master", "sw1", "up");
    }
    await isReady;
    node.must("ip", "addr", "add", options.address, "dev", "card");
    node.must("ip", "link", "set", "card", "up");
    return node;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.powerOff()));
    const held = this.#switch;
    if (held === undefined || held.exitCode !== null) return;
    const gone = once(held, "exit");
    held.kill("SIGKILL");
    await gone;
  }

  #atSwitch(...command: string[]): void {
    execFileSync("nsenter", ["--target", String(this.#switchPid), "--net", ...command], { stdio: "pipe" });
  }
}

export class BedNode {
  readonly #holder: ChildProcess;
  readonly #pid: number;

  constructor(holder: ChildProcess, pid: number) {
    this.#holder = holder;
    this.#pid = pid;
  }

  /** Runs a command on the node as root; `HOME` is /root. */
  async run(command: readonly string[], input = ""): Promise<Output> {
    const child = this.#spawn(command, ["pipe", "pipe", "pipe"]);
    const output: Output = { code: null, stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const)
      child[name]?.setEncoding("utf8").on("data", (text: string) => {
        output[name] += text;
      });
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(input);
    [output.code] = await once(child, "close");
    return output;
  }

  /** The command line that runs a command on the node. */
  commandLine(...command: string[]): [string, ...string[]] {
    return ["nsenter", ...this.#inside(command)];
  }

  /** What starts a program of this machine in the node's network. */
  get network(): string[] {
    return ["nsenter", "--target", String(this.#pid), "--net"];
  }

  must(...command: string[]): string {
    return execFileSync("nsenter", this.#inside(command), { encoding: "utf8", stdio: "pipe", env: environment });
  }

  /**
   * Starts what a unit of the image starts, with more arguments behind, and waits until it listens on its socket.
   *
   * @returns its log so far, its process as it is numbered here, and what ends it as a crash does
   */
  async startUnit(unit: string, socket: string, more: readonly string[] = []) {
    const text = fs.readFileSync(path.join(root, "iso/overlay/usr/lib/systemd/system", unit), "utf8");
    const words = (/^ExecStart=(.+)$/m.exec(text)?.[1] ?? "").split(" ");
    const child = this.#spawn([...words, ...more], ["ignore", "pipe", "pipe"]);
    let log = "";
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding("utf8").on("data", (chunk: string) => {
        log += chunk;
      });
    await until(
      `${unit} to listen: ${log}`,
      () => {
        if (child.exitCode !== null) throw new Error(`${unit} ended with ${child.exitCode}: ${log}`);
        return fs.existsSync(this.inside(socket));
      },
      60_000,
    );
    return {
      log: () => log,
      pid: childOf(child),
      kill: async () => {
        const gone = once(child, "exit");
        this.must("sh", "-c", `kill -KILL $(fuser ${socket} 2>/dev/null)`);
        await gone;
      },
    };
  }

  /** Where a file of the node is seen from outside. */
  inside(file: string): string {
    return path.join("/proc", String(this.#pid), "root", file);
  }

  /** Of a machine on it. */
  serialSocket(uuid: string): string {
    return this.inside(`/var/lib/libvirt/qemu/serial-${uuid}.sock`);
  }

  async powerOff(): Promise<void> {
    if (this.#holder.exitCode !== null || this.#holder.signalCode !== null) return;
    const gone = once(this.#holder, "exit");
    process.kill(this.#pid, "SIGKILL");
    await gone;
  }

  #spawn(command: readonly string[], stdio: ("ignore" | "pipe")[]): ChildProcess {
    return spawn("nsenter", this.#inside(command), { stdio, env: { ...environment, HOME: "/root" } });
  }

  #inside(command: readonly string[]): string[] {
    const spaces = ["--net", "--mount", "--pid", "--uts", "--ipc", "--wd=/"];
    return ["--target", String(this.#pid), ...spaces, ...command];
  }
}

import { type ChildProcess, spawn } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { runCommand } from "../../../core/node/command.ts";
import type { Machine } from "../../../core/node/machine.ts";
import { machineInside } from "../hypervisor/inside.ts";
import { childOf } from "../spaces.ts";

/* A host with a libvirt of its own, in namespaces: what runs there is QEMU itself, without hardware virtualization. */

const readyMs = 120_000;

export class LibvirtHost {
  readonly folder: string;
  readonly name: string;
  readonly #uuid = randomUUID();
  #init: ChildProcess | undefined;
  #output = "";

  /** @param folder its own, which exists */
  constructor(folder: string, name: string) {
    this.folder = folder;
    this.name = name;
  }

  get uri(): string {
    return `qemu:///system?socket=${this.#socket}`;
  }

  /** Where a file of its libvirt is on this machine. */
  seen(path: string): string {
    return path.replace(/^\/var\/(lib|log)\/libvirt(?=\/)/, (_all, name: string) => join(this.folder, name));
  }

  /** Its first process, as it is numbered here. */
  get pid(): number {
    return this.#init === undefined ? 0 : childOf(this.#init);
  }

  /** The machine that it is, for an agent that runs in this process. */
  get machine(): Machine {
    return machineInside(() => this.pid);
  }

  serialSocket(uuid: string): string {
    return join(this.folder, `lib/qemu/serial-${uuid}.sock`);
  }

  get #socket(): string {
    return join(this.folder, "run/libvirt-sock");
  }

  /** Switches it on. @throws Error when libvirt does not answer */
  async start(): Promise<void> {
    mkdirSync(this.folder, { recursive: true });
    rmSync(this.#socket, { force: true });
    const namespaces = ["--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--net", "--uts"];
    const script = join(import.meta.dirname, "host.sh");
    const host = ["tini", "-s", "--", script, this.folder, this.name, this.#uuid];
    const init = spawn("unshare", [...namespaces, ...host], { stdio: ["ignore", "pipe", "pipe"] });
    this.#init = init;
    for (const stream of [init.stdout, init.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => {
        this.#output = `${this.#output}${text}`.slice(-10_000);
      });
    const until = performance.now() + readyMs;
    while (performance.now() < until && init.exitCode === null) {
      if (existsSync(this.#socket) && (await this.virsh("version").catch(() => undefined)) !== undefined) return;
      await pause(50);
    }
    throw new Error(`libvirt does not answer: ${this.#output}`);
  }

  /** Where machines that move have their sockets, out here and there. */
  get migrationFolder(): { here: string; there: string } {
    return { here: join(this.folder, "migration"), there: "/run/binnacle-migration" };
  }

  /** SHA-256 of the disk by which cloud-init in a machine is told of it, as its XML names it; undefined without one. */
  async seedOf(uuid: string): Promise<string | undefined> {
    const xml = await this.virsh("dumpxml", uuid);
    const [, path] = /<source file='([^']+)'[^>]*>(?:(?!<\/disk>)[\s\S])*<serial>cidata<\/serial>/.exec(xml) ?? [];
    return path === undefined
      ? undefined
      : createHash("sha256")
          .update(readFileSync(this.seen(path)))
          .digest("hex");
  }

  /** Machines whose disk for that is there. */
  seedsThere(): string[] {
    const folder = this.seen("/var/lib/libvirt/binnacle-seeds");
    const names = existsSync(folder) ? readdirSync(folder) : [];
    return names.map((name) => name.replace(/\.iso$/, "")).sort();
  }

  /** Kills libvirt's daemon, which is started again; machines go on. */
  killDaemon(): void {
    this.signal("libvirtd", "SIGKILL");
  }

  /** Sends a signal to all processes there of a name, of which the kernel keeps 15 letters. */
  signal(name: string, signal: NodeJS.Signals): void {
    for (const pid of descendantsOf(this.#init?.pid ?? 0))
      if (readFileSync(`/proc/${pid}/comm`, "utf8").trim() === name) process.kill(pid, signal);
  }

  /** Pulls its plug: all that runs there is gone at once. */
  async cutPower(): Promise<void> {
    const init = this.#init;
    if (init === undefined || init.exitCode !== null || init.signalCode !== null) return;
    const gone = once(init, "exit");
    init.kill("SIGKILL");
    await gone;
    this.#init = undefined;
  }

  /** @throws Error with what virsh says */
  async virsh(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await runCommand("virsh", ["-c", this.uri, "-q", ...args], { timeoutMs: 60_000 });
    if (code !== 0) throw new Error(stderr);
    return stdout;
  }
}

function descendantsOf(pid: number): number[] {
  const file = `/proc/${pid}/task/${pid}/children`;
  const children = existsSync(file) ? readFileSync(file, "utf8").trim().split(" ").filter(Boolean).map(Number) : [];
  return children.flatMap((child) => [child, ...descendantsOf(child)]);
}

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as path from "node:path";
import { runCommand } from "../../../core/node/command.ts";
import type { Machine } from "../../../core/node/machine.ts";
import { childOf, line } from "../spaces.ts";
import { machineInside } from "./inside.ts";

/*
 * Hosts in namespaces with a real network each, plugged into one wire: a bridge in a namespace of its own, on which stands
 * what a data centre has besides, such as its router and its own DHCP server.
 */

/** How a client of DHCP that was given something tells of it. */
const tell = `#!/bin/sh
[ "$1" = bound ] || exit 0
ip address flush dev "$interface"
ip address add "$ip/$mask" dev "$interface"
[ -z "$router" ] || ip route add default via "$router"
set | grep -E "^(ip|mask|router|dns|domain|hostname|serverid|mtu)="
`;

/** What a client was given, by the names of udhcpc(8). */
export type Lease = Readonly<Record<string, string>>;

/** A computer: namespaces of network, mounts, processes and name, and a first process that reaps. */
export class Computer {
  readonly folder: string;
  readonly #name: string;
  #init: ChildProcess | undefined;
  #pid = 0;

  /** @param folder its own, which it makes */
  constructor(folder: string, name: string) {
    this.folder = folder;
    this.#name = name;
  }

  get pid(): number {
    return this.#pid;
  }

  get machine(): Machine {
    return machineInside(() => this.#pid);
  }

  async start(): Promise<void> {
    fs.mkdirSync(this.folder, { recursive: true });
    fs.writeFileSync(path.join(this.folder, "tell"), tell, { mode: 0o755 });
    const spaces = ["--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--net", "--uts"];
    const ready =
      'hostname "$0"; mount -t proc proc /proc; mount -t tmpfs tmpfs /run; ip link set lo up; echo ready; exec sleep inf';
    const init = spawn("unshare", [...spaces, "tini", "-s", "--", "sh", "-ec", ready, this.#name], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#init = init;
    await line(init, "ready");
    this.#pid = childOf(init);
  }

  async cutPower(): Promise<void> {
    const init = this.#init;
    if (init === undefined || init.exitCode !== null || init.signalCode !== null) return;
    const gone = once(init, "exit");
    init.kill("SIGKILL");
    await gone;
  }

  /** What a command prints there. @throws Error with what it complains of */
  async run(...command: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.try(...command);
    if (code !== 0) throw new Error(`${command.join(" ")}: ${stderr}`);
    return stdout;
  }

  try(...command: string[]) {
    const args = ["-t", String(this.#pid), "-m", "-n", "-p", "-u", "--", ...command];
    return runCommand("nsenter", args, { timeoutMs: 60_000 });
  }

  /** A bridge with nothing on it. */
  async bridge(name: string): Promise<void> {
    await this.run("ip", "link", "add", name, "type", "bridge");
    await this.run("ip", "link", "set", name, "up");
  }

  /** A cable from a port of a bridge here to an interface of another computer. */
  async cable(port: string, bridge: string, to: Pick<Computer, "pid">, name: string): Promise<void> {
    // Where the other's process has the number that it has here.
    const plug = ["link", "add", port, "type", "veth", "peer", "name", name, "netns", String(to.pid)];
    const { code, stderr } = await runCommand("nsenter", ["-t", String(this.#pid), "-n", "--", "ip", ...plug], {
      timeoutMs: 60_000,
    });
    if (code !== 0) throw new Error(stderr);
    await this.run("ip", "link", "set", port, "master", bridge, "up");
  }

  /** Something with a network card of its own on a bridge here: a guest when `port` is named as libvirt names them. */
  async guest(port: string, bridge: string, mac: string): Promise<Guest> {
    const space = `guest-${port}`;
    await this.run("ip", "netns", "add", space);
    await this.run("ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", space);
    await this.run("ip", "-n", space, "link", "set", "eth0", "address", mac, "up");
    // As libvirt has it.
    await this.run("ip", "link", "set", port, "address", `fe${mac.slice(2)}`, "master", bridge, "up");
    return new Guest(this, space, port);
  }
}

export class Guest {
  readonly #computer: Computer;
  readonly #space: string;
  readonly #port: string;

  constructor(computer: Computer, space: string, port: string) {
    this.#computer = computer;
    this.#space = space;
    this.#port = port;
  }

  try(...command: string[]) {
    return this.#computer.try("ip", "netns", "exec", this.#space, ...command);
  }

  /** Asks for an address as often as told; undefined when nobody has answered. */
  async lease({ tries = 20 } = {}): Promise<Lease | undefined> {
    const ask = ["-i", "eth0", "-f", "-q", "-n", "-t", String(tries), "-T", "1", "-O", "mtu"];
    const script = path.join(this.#computer.folder, "tell");
    const { code, stdout } = await this.try("busybox", "udhcpc", ...ask, "-s", script);
    if (code !== 0) return undefined;
    const pairs = stdout.split("\n").flatMap((text) => {
      const [, name, value] = /^(\w+)='?(.*?)'?$/.exec(text) ?? [];
      return name === undefined || value === undefined ? [] : [[name, value] as const];
    });
    return Object.fromEntries(pairs);
  }

  async reaches(ip: string): Promise<boolean> {
    return (await this.try("ping", "-c", "1", "-W", "5", ip)).code === 0;
  }

  async unplug(): Promise<void> {
    await this.#computer.try("ip", "link", "delete", this.#port);
    await this.#computer.try("ip", "netns", "delete", this.#space);
  }
}

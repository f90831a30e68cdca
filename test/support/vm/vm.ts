import { type ChildProcess, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as z from "zod";
import { diskParts, nicId, socketOf, vmArguments } from "./command.ts";
import { Line } from "./line.ts";
import type { VmDisk, VmOptions } from "./options.ts";
import { failFile, prepareVm } from "./prepare.ts";
import { Qmp } from "./qmp.ts";
import { Screen } from "./screen.ts";
import { Shell } from "./shell.ts";
import { untilThere } from "./sockets.ts";

export type { VmOptions } from "./options.ts";

/** A computer with a screen, a keyboard and two serial lines. Its first serial line is for a console. */
export type Vm = {
  readonly screen: Screen;
  readonly serial: Line;
  /** A root shell on the second serial line, when the guest puts one there. */
  readonly shell: Shell;
  readonly qmp: Qmp;
  /** Writes what is on the screen to a PNG file. */
  screenshot(file: string): Promise<void>;
  /** The port of 127.0.0.1 that leads to a forwarded port of the guest. */
  port(guestPort: number): Promise<number>;
  /** Keeps the whole machine under a name; all its disks that can be written have to be qcow2. */
  save(name: string): Promise<void>;
  load(name: string): Promise<void>;
  reset(): Promise<void>;
  powerButton(): Promise<void>;
  /** Takes the power away. What the disks have not been given is lost, see {@link VmDisk.writeCache}. */
  powerCut(): Promise<void>;
  /** Puts a disk in: virtio (BIOS only), SCSI and USB, and no disk that may fail or lose writes. */
  plug(disk: VmDisk & { id: string }): Promise<void>;
  /** Pulls a disk out; SATA disks can't be. */
  unplug(disk: string): Promise<void>;
  failDisk(disk: string, fails: boolean): void;
  /** Plugs a network cable in or out. */
  setLink(nic: string, up: boolean): Promise<void>;
  /** Ends the machine; its disks have all that it wrote. */
  stop(): Promise<void>;
};

const hmpAnswer = z.string();

export async function startVm(options: VmOptions): Promise<Vm> {
  const { folder, serial } = options;
  const lines = serial === "none" ? [] : (["console", "shell"] as const);
  const names = ["qmp", ...lines, ...(options.vnc === undefined ? [] : (["vnc"] as const))] as const;
  for (const name of names) fs.rmSync(socketOf(folder, name), { force: true });
  const { servers, ...prepared } = await prepareVm(options);
  // However the test ends, the machine goes with it.
  const qemu = ["--pdeathsig", "KILL", "qemu-system-x86_64", ...vmArguments(options, prepared)];
  const child = spawn("setpriv", qemu, { stdio: ["ignore", "ignore", "pipe"] });
  const processes = [child, ...servers];
  const ended = Promise.all(processes.map(endOf));
  const kill = async () => {
    for (const one of processes) one.kill("SIGKILL");
    await ended;
  };
  try {
    await untilThere(
      "QEMU",
      child,
      names.map((name) => socketOf(folder, name)),
    );
    const qmp = await Qmp.open(socketOf(folder, "qmp"));
    if (options.vnc !== undefined) await qmp.run("set_password", { protocol: "vnc", password: options.vnc.password });
    const baud = serial === "none" ? undefined : serial?.baud;
    const [console, shell] = [
      serial === "none" ? undefined : await Line.open(socketOf(folder, "console"), baud),
      serial === "none" ? undefined : await Line.open(socketOf(folder, "shell")),
    ];
    return machine(options, { child, qmp, console, shell, kill });
  } catch (error) {
    await kill();
    throw error;
  }
}

type Parts = {
  child: ChildProcess;
  qmp: Qmp;
  console: Line | undefined;
  shell: Line | undefined;
  kill(): Promise<void>;
};

function machine(options: VmOptions, { child, qmp, console, shell, kill }: Parts): Vm {
  const there = <T>(part: T | undefined): T => {
    if (part === undefined) throw new Error("This machine has no serial line.");
    return part;
  };
  const shellOf = shell === undefined ? undefined : new Shell(shell);
  const monitor = async (line: string) =>
    hmpAnswer.parse(await qmp.run("human-monitor-command", { "command-line": line })).trim();
  const snapshot = async (line: string) => {
    const complaint = await monitor(line);
    if (complaint !== "") throw new Error(`${line}: ${complaint}`);
  };
  const close = async () => {
    await kill();
    for (const part of [console, shell, qmp]) part?.close();
  };
  return {
    screen: new Screen(qmp, options.folder),
    get serial() {
      return there(console);
    },
    get shell() {
      return there(shellOf);
    },
    qmp,
    async screenshot(file) {
      await qmp.run("screendump", { filename: file, format: "png" });
    },
    async port(guestPort) {
      const rows = (await monitor("info usernet")).split("\n").map((row) => row.trim().split(/\s+/));
      const row = rows.find(([kind, , , , , port]) => kind === "TCP[HOST_FORWARD]" && port === String(guestPort));
      if (row === undefined) throw new Error(`Port ${guestPort} is not forwarded.`);
      return Number(row[3]);
    },
    save: (name) => snapshot(`savevm ${name}`),
    load: (name) => snapshot(`loadvm ${name}`),
    async reset() {
      await qmp.run("system_reset");
    },
    async powerButton() {
      await qmp.run("system_powerdown");
    },
    powerCut: close,
    async plug(disk) {
      const { node, devices } = diskParts(disk, 0);
      await qmp.run("blockdev-add", { ...node });
      for (const device of devices) await qmp.run("device_add", { ...device });
    },
    async unplug(disk) {
      await qmp.run("device_del", { id: disk });
      await qmp.event("DEVICE_DELETED", 60_000);
    },
    failDisk(disk, fails) {
      const file = failFile(options.folder, disk);
      if (fails) fs.writeFileSync(file, "");
      else fs.rmSync(file, { force: true });
    },
    async setLink(nic, up) {
      if (options.nics?.some((one, index) => nicId(one, index) === nic) !== true)
        throw new Error(`This machine has no network card ${nic}.`);
      await qmp.run("set_link", { name: nic, up });
    },
    async stop() {
      const gone = endOf(child);
      // It closes the line instead of answering, or has ended already.
      qmp.run("quit").catch(() => undefined);
      await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, 10_000).unref())]);
      await close();
    },
  };
}

function endOf(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once("exit", () => resolve()));
}

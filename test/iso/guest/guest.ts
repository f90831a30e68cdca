import { type ChildProcess, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import type { GuestDisk } from "./disk.ts";
import { Line } from "./line.ts";
import { Qmp } from "./qmp.ts";
import { Shell } from "./shell.ts";

/**
 * A machine with a screen, a keyboard, two serial lines and no network at all. Its first serial line is a console of
 * the kernel, as the screen is; on the second there is a root shell for the test.
 */
export type Guest = {
  readonly serial: Line;
  readonly shell: Shell;
  readonly qmp: Qmp;
  /** Writes what is on the screen to a PNG file. */
  screenshot(file: string): Promise<void>;
  stop(): Promise<void>;
};

export async function startGuest(folder: string, { disk, kernel, initrd }: GuestDisk): Promise<Guest> {
  const socket = (name: string) => path.join(folder, `${name}.sock`);
  const serial = (name: string) => [
    ...["-chardev", `socket,id=${name},path=${socket(name)},server=on,wait=off`],
    ...["-serial", `chardev:${name}`],
  ];
  const child = spawn(
    // However the test ends, the machine goes with it.
    "setpriv",
    [
      ...["--pdeathsig", "KILL", "qemu-system-x86_64"],
      // Without hardware virtualization a plain CPU is several times faster than the largest one.
      ...[
        "-accel",
        "tcg,thread=multi",
        "-cpu",
        "qemu64,+ssse3,+sse4.1,+sse4.2,+popcnt,+cx16",
        "-smp",
        "2",
        "-m",
        "1024",
      ],
      ...["-nodefaults", "-nic", "none", "-vga", "std", "-display", "none"],
      ...["-drive", `file=${disk},format=raw,if=virtio,cache=unsafe`],
      ...["-kernel", kernel, "-initrd", initrd, "-append", "root=/dev/vda rw console=tty0 console=ttyS0,115200"],
      ...["-device", "virtio-rng-pci"],
      ...["-qmp", `unix:${socket("qmp")},server=on,wait=off`],
      ...serial("console"),
      ...serial("shell"),
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  await socketsThere(child, ["qmp", "console", "shell"].map(socket), () => errors);
  const [qmp, serialLine, shellLine] = [
    await Qmp.open(socket("qmp")),
    await Line.open(socket("console")),
    await Line.open(socket("shell")),
  ];
  return {
    serial: serialLine,
    shell: new Shell(shellLine),
    qmp,
    screenshot: async (file) => {
      await qmp.run("screendump", { filename: file, format: "png" });
    },
    async stop() {
      serialLine.close();
      shellLine.close();
      qmp.close();
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** QEMU makes its sockets in its own time. */
async function socketsThere(child: ChildProcess, sockets: readonly string[], errors: () => string): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!sockets.every((name) => fs.existsSync(name))) {
    if (child.exitCode !== null) throw new Error(`QEMU ended with ${child.exitCode}: ${errors()}`);
    if (Date.now() > deadline) throw new Error(`QEMU made no sockets: ${errors()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

import { closeSync, constants, openSync, writeSync } from "node:fs";
import { ReadStream } from "node:tty";
import { type Machine, readOrNothing } from "../machine.ts";

/** Names of serial consoles, as the generator binnacle-consoles takes them. */
const serial = /^(tty[A-Z]+\d+|ttymxc\d+|ttysclp\d+|hvc\d+|hvsi\d+|xvc\d+)$/;

/** Devices of the consoles that the kernel writes to: the screen as tty1, and serial lines. */
export function consoleDevices(consoles: string): string[] {
  const names = consoles.split("\n").flatMap((line) => line.split(/\s/)[0] ?? []);
  const screen = names.some((name) => /^tty\d*$/.test(name)) ? ["/dev/tty1"] : [];
  return [...screen, ...names.filter((name) => serial.test(name)).map((name) => `/dev/${name}`)];
}

const { O_NOCTTY, O_NONBLOCK, O_RDWR, O_WRONLY } = constants;

/** Every console of the machine at once. A line that takes nothing loses what it is told; nobody waits for it. */
export class Consoles {
  readonly #devices: readonly string[];

  constructor(devices: readonly string[]) {
    this.#devices = devices;
  }

  static async of(machine: Machine): Promise<Consoles> {
    return new Consoles(consoleDevices((await readOrNothing(machine, "/proc/consoles")) ?? ""));
  }

  write(text: string): void {
    for (const device of this.#devices) {
      withDevice(device, O_WRONLY, (fd) => writeSync(fd, text.replaceAll("\n", "\r\n")));
    }
  }

  /** Whether somebody pressed a key on one of the consoles within `withinMs`. */
  async keyWithin(withinMs: number): Promise<boolean> {
    const streams = this.#devices.flatMap((device) => listening(device) ?? []);
    if (streams.length === 0) return false;
    try {
      return await new Promise<boolean>((resolve) => {
        const timer = setTimeout(() => resolve(false), withinMs);
        for (const stream of streams) {
          stream.once("data", () => {
            clearTimeout(timer);
            resolve(true);
          });
          // A line that is unplugged ends; the others are still there.
          stream.on("error", () => undefined);
        }
      });
    } finally {
      for (const stream of streams) end(stream);
    }
  }
}

function withDevice(device: string, flags: number, use: (fd: number) => void): void {
  try {
    const fd = openSync(device, flags | O_NOCTTY | O_NONBLOCK);
    try {
      use(fd);
    } finally {
      closeSync(fd);
    }
  } catch {
    // A console that is not there or takes nothing must not hold up the node; the journal has every line.
  }
}

/** Raw, for a key is not to need Enter. */
function listening(device: string): ReadStream | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(device, O_RDWR | O_NOCTTY | O_NONBLOCK);
    const stream = new ReadStream(fd);
    stream.setRawMode(true);
    return stream;
  } catch {
    if (fd !== undefined) closeQuietly(fd);
    return undefined;
  }
}

function end(stream: ReadStream): void {
  try {
    stream.setRawMode(false);
  } catch {
    // It is gone.
  }
  stream.destroy();
}

function closeQuietly(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // Closed already by the stream that could not be made.
  }
}

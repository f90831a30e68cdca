import { once } from "node:events";
import { mkdir, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { dirname } from "node:path";
import type { Duplex } from "node:stream";
import { XMLParser } from "fast-xml-parser";
import * as z from "zod/mini";
import type { ConsoleKind } from "../../model/cloud/console.ts";
import type { HostCommand } from "../driver.ts";
import { calledOff, consoleFailed, noConsole } from "../refusals.ts";
import { SerialLine } from "./serial-line.ts";
import type { Virsh } from "./virsh.ts";

/*
 * Where the consoles of machines are: sockets in the file system, which root and QEMU's own user can open. Nothing of them
 * is on TCP. libvirt's name for the screen's socket is asked for; that of the serial line is ours, for libvirt has none.
 */

/** What a serial line prints goes into this file, too, whoever is connected: libvirt's virtlogd keeps it below 8 MiB. */
const logOf = (uuid: string) => `/var/log/libvirt/qemu/${uuid}-serial0.log`;
/** Older pieces of it, as virtlogd names them. */
const olderLogs = [".0", ".1", ".2"];
const socketOf = (uuid: string) => `/var/lib/libvirt/qemu/serial-${uuid}.sock`;

/** The serial line of a machine, for its XML. The guest never waits for somebody to read. */
export function serialLine(uuid: string) {
  return {
    "@type": "unix",
    source: { "@mode": "bind", "@path": socketOf(uuid) },
    log: { "@file": logOf(uuid), "@append": "on" },
    target: { "@port": 0 },
  };
}

const openMs = 10_000;

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: "@",
  parseTagValue: false,
  isArray: (name) => ["graphics", "serial", "listen"].includes(name),
});
const listening = z.object({ "@type": z.string(), "@socket": z.optional(z.string()) });
const domain = z.object({
  domain: z.object({
    devices: z.object({
      graphics: z.optional(
        z.array(
          z.object({
            "@type": z.string(),
            "@socket": z.optional(z.string()),
            listen: z.optional(z.array(listening)),
          }),
        ),
      ),
      serial: z.optional(
        z.array(z.object({ "@type": z.string(), source: z.optional(z.object({ "@path": z.optional(z.string()) })) })),
      ),
    }),
  }),
});

export class Consoles {
  readonly #virsh: Pick<Virsh, "xml">;
  readonly #seen: (path: string) => string;
  /** Lines that somebody looks at, by the machine: QEMU lets one in, and this host shares it. */
  readonly #lines = new Map<string, SerialLine>();

  constructor(virsh: Pick<Virsh, "xml">, seen: (path: string) => string = (path) => path) {
    this.#virsh = virsh;
    this.#seen = seen;
  }

  /** @throws HYPERVISOR.CONSOLE_NONE, HYPERVISOR.CONSOLE_FAILED, HYPERVISOR.ABORTED */
  async open(uuid: string, kind: ConsoleKind, signal: AbortSignal): Promise<Duplex> {
    const place = placeIn(await this.#virsh.xml(uuid, signal), kind);
    if (place === undefined) throw noConsole(uuid, "its socket is not told by libvirt");
    const path = this.#seen(place);
    if (kind === "vnc") return await connected(uuid, path, signal);
    const known = this.#lines.get(uuid);
    if (known?.isOver === false) return known.view();
    const socket = await connected(uuid, path, signal);
    // Two may have asked at once: QEMU keeps the second one waiting until the first has left.
    const faster = this.#lines.get(uuid);
    if (faster?.isOver === false) {
      socket.destroy();
      return faster.view();
    }
    const line = new SerialLine(socket, this.#seen(logOf(uuid)));
    this.#lines.set(uuid, line);
    socket.once("close", () => {
      if (this.#lines.get(uuid) === line) this.#lines.delete(uuid);
    });
    return line.view();
  }

  /** Before a machine is started: libvirt makes no folder for what its line prints. */
  async prepare(uuid: string): Promise<void> {
    await mkdir(dirname(this.#seen(logOf(uuid))), { recursive: true });
  }

  /** Carries out what moves a machine: where it comes to is prepared, and where it has been forgets it. */
  async moving(command: HostCommand, carryOut: () => Promise<void>): Promise<void> {
    if (command.do === "expectMachine") await this.prepare(command.machine.uuid);
    await carryOut();
    if (command.do === "migrateMachine" || command.do === "dropMachine") await this.forget(command.uuid);
  }

  /** What a machine that is gone has printed is nobody's any more. */
  async forget(uuid: string): Promise<void> {
    for (const more of ["", ...olderLogs]) await rm(`${this.#seen(logOf(uuid))}${more}`, { force: true });
  }
}

function placeIn(xml: string, kind: ConsoleKind): string | undefined {
  const found = domain.safeParse(parser.parse(xml));
  if (!found.success) return undefined;
  const { graphics = [], serial = [] } = found.data.domain.devices;
  if (kind === "serial") return serial.find((each) => each["@type"] === "unix")?.source?.["@path"];
  const screen = graphics.find((each) => each["@type"] === "vnc");
  return screen?.["@socket"] ?? screen?.listen?.find((each) => each["@type"] === "socket")?.["@socket"];
}

async function connected(uuid: string, path: string, signal: AbortSignal): Promise<Socket> {
  const socket = connect({ path });
  try {
    await once(socket, "connect", { signal: AbortSignal.any([signal, AbortSignal.timeout(openMs)]) });
  } catch (error) {
    socket.destroy();
    throw signal.aborted ? calledOff() : consoleFailed(uuid, error);
  }
  return socket;
}

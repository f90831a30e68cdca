import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import * as z from "zod";
import type { InstallerVnc } from "../../core/model/installation/protocol.ts";
import { runText } from "../../core/node/facts/source.ts";
import { type Machine, readOrNothing, sleep } from "../../core/node/machine.ts";

/** Written by the VNC server's unit, anew with another password at each start, and gone when it ends. */
export const vncFile = "/run/binnacle-vnc/vnc.json";

const pauseMs = 2000;
const addressesTimeoutMs = 5000;
const longestFile = 4096;

/** Both go to screens as they are: nothing but visible ASCII. */
const served = z.object({
  port: z.int().min(1).max(65535),
  password: z.string().regex(/^[\x21-\x7e]{1,64}$/),
});
type Served = z.infer<typeof served>;

/** `ip -json address`; an empty object is a link that went away meanwhile. */
const links = z.array(
  z.object({
    addr_info: z
      .array(
        z.object({
          family: z.string().optional(),
          local: z.string().optional(),
          scope: z.string().optional(),
          deprecated: z.boolean().optional(),
          tentative: z.boolean().optional(),
          dadfailed: z.boolean().optional(),
        }),
      )
      .default([]),
  }),
);

export type VncWatch = {
  machine: Machine;
  signal: AbortSignal;
  /** Told whenever it is another than before; null, as it is at first: no VNC. */
  onChange(vnc: InstallerVnc | null): void;
  /** `vncFile` unless told. */
  file?: string;
};

/**
 * Tells where the installer is shown over VNC as that comes, changes and goes, until `signal` aborts; ends at once on a
 * machine that was not started with `binnacle.vnc`. What is wrong with the file counts as no VNC and is told nobody:
 * a message about its text could hold the password.
 */
export async function watchVnc({ machine, signal, onChange, file = vncFile }: VncWatch): Promise<void> {
  if (!asksForVnc((await readOrNothing(machine, "/proc/cmdline")) ?? "")) return;
  let told: InstallerVnc | null = null;
  while (!signal.aborted) {
    const found = await readVnc(file);
    // An `ip` that fails once takes no address off the screens.
    const before: string[] = told?.addresses ?? [];
    const vnc = found === null ? null : { addresses: await addressesNow(machine, signal, before), ...found };
    if (signal.aborted) return;
    if (!isDeepStrictEqual(vnc, told)) {
      told = vnc;
      onChange(vnc);
    }
    await sleep(machine, pauseMs, signal);
  }
}

/** Whether the kernel's command line has the word. */
export function asksForVnc(commandLine: string): boolean {
  return commandLine.split(/\s+/).includes("binnacle.vnc");
}

/**
 * Port and password; null when the file is absent or not as it should be. It lies in the folder of a user without
 * rights: a link, a pipe or something endless in its place must neither be followed nor hold the engine.
 */
export async function readVnc(file: string): Promise<Served | null> {
  try {
    await using handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    if (!(await handle.stat()).isFile()) return null;
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(longestFile), 0, longestFile, 0);
    return served.parse(JSON.parse(buffer.toString("utf8", 0, bytesRead)));
  } catch {
    return null;
  }
}

/** The addresses in the output of `ip -json address` that others can reach now, IPv4 first. */
export function globalAddresses(text: string): string[] {
  const usable = links
    .parse(JSON.parse(text))
    .flatMap((link) => link.addr_info)
    .filter(
      ({ scope, deprecated, tentative, dadfailed }) => scope === "global" && !deprecated && !tentative && !dadfailed,
    );
  const of = (wanted: string) =>
    usable.flatMap(({ family, local }) => (family === wanted && local !== undefined ? [local] : []));
  return [...new Set([...of("inet"), ...of("inet6")])];
}

async function addressesNow(machine: Machine, signal: AbortSignal, before: string[]): Promise<string[]> {
  try {
    const limits = { timeoutMs: addressesTimeoutMs, signal };
    return globalAddresses(await runText(machine, "ip", ["-json", "address"], limits));
  } catch {
    return before;
  }
}

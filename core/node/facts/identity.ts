import { version } from "../../version.ts";
import { type Machine, readIfThere, readOrNothing } from "../machine.ts";
import { readRoleStatus } from "../role/status.ts";
import { readNodeFile } from "./node-file.ts";
import type { Source } from "./source.ts";

type Hardware = { vendor: string | null; model: string | null; serial: string | null; virtualization: string | null };

/** Host name, role, operating system, and what the firmware says of the machine. */
export function identitySource(): Source<"identity"> {
  let hardware: Hardware | undefined;
  return {
    name: "identity",
    // The role's installation goes on beside the agent; the rest seldom changes, and is cheap to read.
    everyMs: 5000,
    idleEveryMs: 300_000,
    budgetMs: 5000,
    async read(machine, signal) {
      hardware ??= await readHardware(machine, signal);
      const { role } = await readNodeFile(machine);
      const roleStatus = await readRoleStatus(machine, role, version);
      return {
        hostname: (await machine.readFile("/proc/sys/kernel/hostname")).trim(),
        role,
        os: await readOs(machine),
        kernel: (await machine.readFile("/proc/sys/kernel/osrelease")).trim(),
        ...hardware,
        ...(roleStatus === undefined ? {} : { roleStatus }),
      };
    },
  };
}

/** `PRETTY_NAME` of os-release(5), whose values are quoted like a shell's. */
export function parseOsRelease(text: string): string | undefined {
  const value = /^PRETTY_NAME=(.*)$/m.exec(text)?.[1]?.trim();
  if (value === undefined) return undefined;
  const bare = /^(["'])(.*)\1$/.exec(value)?.[2] ?? value;
  return bare.replace(/\\(["'$`\\])/g, "$1");
}

/** A value from the firmware's tables, null when it is one of the words that makers leave in unfilled fields. */
export function firmwareText(value: string | undefined): string | null {
  if (value === undefined || value === "") return null;
  return /^(to be filled|default string|not specified|none|n\/?a|unknown|system (product|manufacturer|serial)|0+$|[.x\s-]+$)/i.test(
    value,
  )
    ? null
    : value;
}

/** The hypervisor below, from what systemd-detect-virt(1) prints; null on bare metal. */
export function parseVirtualization(stdout: string): string | null {
  const name = stdout.trim();
  return name === "" || name === "none" ? null : name;
}

async function readOs(machine: Machine): Promise<string> {
  const text =
    (await readIfThere(machine, "/etc/os-release")) ?? (await readIfThere(machine, "/usr/lib/os-release")) ?? "";
  return parseOsRelease(text) ?? "Linux";
}

async function readHardware(machine: Machine, signal: AbortSignal): Promise<Hardware> {
  const dmi = async (name: string) => firmwareText(await readOrNothing(machine, `/sys/class/dmi/id/${name}`));
  // Only root may read the serial number; boards without DMI have a device tree.
  const treeModel = firmwareText((await readOrNothing(machine, "/proc/device-tree/model"))?.replaceAll("\0", ""));
  return {
    vendor: await dmi("sys_vendor"),
    model: (await dmi("product_name")) ?? treeModel,
    serial: await dmi("product_serial"),
    virtualization: await readVirtualization(machine, signal),
  };
}

async function readVirtualization(machine: Machine, signal: AbortSignal): Promise<string | null> {
  try {
    const { stdout } = await machine.run("systemd-detect-virt", ["--vm"], { timeoutMs: 3000, signal });
    return parseVirtualization(stdout);
  } catch {
    return null;
  }
}

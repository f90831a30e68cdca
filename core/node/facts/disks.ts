import * as z from "zod";
import type { Disk } from "../../model/facts.ts";
import type { Machine } from "../machine.ts";
import { parseSmart, type Smart, unknownSmart } from "./smart.ts";
import { parseJson, runText, type Source, whyOf } from "./source.ts";

type BlockDevice = Pick<Disk, "name" | "model" | "serial" | "sizeBytes" | "transport" | "rotational">;

const columns = "NAME,TYPE,SIZE,MODEL,SERIAL,TRAN,ROTA";
const lsblk = z.object({
  blockdevices: z.array(
    z.object({
      name: z.string(),
      type: z.string(),
      size: z.coerce.number(),
      model: z.string().nullable(),
      serial: z.string().nullable(),
      tran: z.string().nullable(),
      rota: z.boolean().nullable(),
    }),
  ),
});

/** Disks that are no disks: in memory, over the network, in files, removable media, parts of an eMMC chip. */
const notADisk = /^(loop|ram|zram|sr|fd|nbd|mtdblock)\d|^mmcblk\d+(boot\d|rpmb)/;

/** So many drives are asked at once: a controller with forty of them is not flooded. */
const atOnce = 4;
const smartTimeoutMs = 15_000;

/** The disks and their health. Sleeping disks are left asleep and keep what they said before. */
export function disksSource(): Source<"disks"> {
  const before = new Map<string, Smart>();
  return {
    name: "disks",
    everyMs: 600_000,
    idleEveryMs: 1_800_000,
    budgetMs: 120_000,
    async read(machine, signal) {
      const args = ["--json", "--bytes", "--nodeps", "--output", columns];
      const devices = parseLsblk(await runText(machine, "lsblk", args, { timeoutMs: 10_000, signal }));
      const disks: Disk[] = [];
      for (let first = 0; first < devices.length; first += atOnce) {
        const some = devices.slice(first, first + atOnce);
        disks.push(...(await Promise.all(some.map((device) => readDisk(machine, device, before, signal)))));
      }
      return disks;
    },
  };
}

/** Source: lsblk(8) of util-linux 2.38 and 2.41. */
export function parseLsblk(text: string): BlockDevice[] {
  return parseJson(lsblk, text, "lsblk")
    .blockdevices.filter(({ type, name, size }) => type === "disk" && size > 0 && !notADisk.test(name))
    .map((device) => {
      const transport = device.tran ?? (device.name.startsWith("vd") ? "virtio" : null);
      return {
        name: device.name,
        model: trimmed(device.model),
        serial: trimmed(device.serial),
        sizeBytes: device.size,
        transport,
        // The kernel says that virtio disks rotate when it has no idea.
        rotational: transport === "virtio" ? null : device.rota,
      };
    });
}

async function readDisk(
  machine: Machine,
  device: BlockDevice,
  before: Map<string, Smart>,
  signal: AbortSignal,
): Promise<Disk> {
  const key = `${device.name} ${device.serial ?? ""}`;
  const smart = await readSmart(machine, device, signal);
  if (smart !== undefined) before.set(key, smart);
  return { ...device, ...(smart ?? before.get(key) ?? { ...unknownSmart, healthWhy: "asleep" }) };
}

/** Undefined: the disk sleeps. */
async function readSmart(machine: Machine, device: BlockDevice, signal: AbortSignal): Promise<Smart | undefined> {
  // A virtual disk has no health of its own; that of the host's disks counts.
  if (device.transport === "virtio") return { ...unknownSmart, healthWhy: "virtio" };
  const path = `/dev/${device.name}`;
  try {
    const args = ["--json", "-a", "-n", "standby", path];
    const { stdout } = await machine.run("smartctl", args, { timeoutMs: smartTimeoutMs, signal });
    return parseSmart(stdout, path);
  } catch (error) {
    const { code, detail } = whyOf(error);
    return { ...unknownSmart, healthWhy: code === "timeout" ? "smartctl: timeout" : detail };
  }
}

function trimmed(text: string | null): string | null {
  const bare = text?.trim() ?? "";
  return bare === "" ? null : bare;
}

import * as z from "zod";
import type { InstallDisk, InstallLink } from "../../../core/model/installation/hardware.ts";
import { parseLinks } from "../../../core/node/facts/links.ts";
import { parseSmart } from "../../../core/node/facts/smart.ts";
import { parseJson, runText, whyOf } from "../../../core/node/facts/source.ts";
import { linkOrNothing, type Machine, readOrNothing } from "../../../core/node/machine.ts";
import { type BlockNode, walk } from "./block-devices.ts";
import type { Look } from "./disks.ts";

/*
 * One reader for each tool, each with a time limit of its own. One that fails costs its own answer only.
 */

const smartTimeoutMs = 15_000;
const signatureTimeoutMs = 10_000;
const lookTimeoutMs = 20_000;

const findmnt = z.object({ filesystems: z.array(z.object({ source: z.string() })) });

/** The device that the medium's file system lies on; null when it lies on none. */
export async function mediumDevice(machine: Machine, medium: string, signal: AbortSignal): Promise<string | null> {
  const args = ["--json", "--output", "SOURCE", "--mountpoint", medium];
  try {
    const text = await runText(machine, "findmnt", args, { timeoutMs: 5000, signal });
    const source = parseJson(findmnt, text, "findmnt").filesystems[0]?.source;
    return source?.startsWith("/dev/") ? source : null;
  } catch {
    return null;
  }
}

const wipefs = z.object({ signatures: z.array(z.object({ type: z.string() })).default([]) });

/** What signatures a disk itself has; undefined when it can't be read in time. */
export async function signaturesOn(machine: Machine, path: string, signal: AbortSignal): Promise<string[] | undefined> {
  try {
    const args = ["--json", "--no-act", path];
    const text = await runText(machine, "wipefs", args, { timeoutMs: signatureTimeoutMs, signal });
    // A disk without any prints nothing at all.
    return text.trim() === "" ? [] : parseJson(wipefs, text, "wipefs").signatures.map(({ type }) => type);
  } catch {
    return undefined;
  }
}

/** SMART health. A virtual disk has none of its own. */
export async function healthOf(
  machine: Machine,
  { bus, path }: Pick<BlockNode, "bus" | "path">,
  signal: AbortSignal,
): Promise<Pick<InstallDisk, "health" | "healthWhy">> {
  if (bus === "virtio") return { health: "unknown", healthWhy: "virtio" };
  try {
    const { stdout } = await machine.run("smartctl", ["--json", "-a", path], { timeoutMs: smartTimeoutMs, signal });
    const found = parseSmart(stdout, path);
    return { health: found?.health ?? "unknown", healthWhy: found === undefined ? "asleep" : found.healthWhy };
  } catch (error) {
    const { code, detail } = whyOf(error);
    return { health: "unknown", healthWhy: code === "timeout" ? "smartctl: timeout" : detail };
  }
}

const pvs = z.object({
  report: z.array(z.object({ pv: z.array(z.object({ pv_name: z.string(), vg_name: z.string() })).default([]) })),
});

/** Volume group of each physical volume. */
export async function volumeGroups(machine: Machine, signal: AbortSignal): Promise<Map<string, string>> {
  try {
    const args = ["--reportformat", "json", "--options", "pv_name,vg_name"];
    const text = await runText(machine, "pvs", args, { timeoutMs: 15_000, signal });
    const rows = parseJson(pvs, text, "pvs").report.flatMap(({ pv }) => pv);
    return new Map(rows.filter(({ vg_name }) => vg_name !== "").map(({ pv_name, vg_name }) => [pv_name, vg_name]));
  } catch {
    return new Map();
  }
}

const look = z.object({ system: z.string().nullable(), usedBytes: z.number().nullable() });

/** File systems that are looked into, and how they are mounted without writing a single byte. */
export const mountOptions: Readonly<Record<string, string>> = {
  ext2: "ro,noload",
  ext3: "ro,noload",
  ext4: "ro,noload",
  xfs: "ro,norecovery,nouuid",
  btrfs: "ro,rescue=nologreplay",
  vfat: "ro",
  exfat: "ro",
};

/** Looks into a file system by the command `peek`, which mounts it in a mount namespace of its own. */
export async function lookInto(
  machine: Machine,
  peek: readonly string[],
  node: Pick<BlockNode, "path" | "content">,
  signal: AbortSignal,
): Promise<Look | undefined> {
  // Its signature says enough, and Windows leaves it in a state in which nobody should mount it.
  if (node.content === "ntfs") return { system: "Windows (NTFS)", usedBytes: null };
  if (node.content === "BitLocker") return { system: "Windows (BitLocker)", usedBytes: null };
  const [command, ...args] = peek;
  if (command === undefined || node.content === null || mountOptions[node.content] === undefined) return undefined;
  try {
    const all = [...args, node.path, node.content];
    return parseJson(look, await runText(machine, command, all, { timeoutMs: lookTimeoutMs, signal }), "peek");
  } catch {
    return undefined;
  }
}

/** The best name below /dev/disk/by-id of each device, by kernel name: a model and serial number, not a bare number. */
export async function lastingPaths(machine: Machine, tree: readonly BlockNode[]): Promise<Map<string, string>> {
  const folder = "/dev/disk/by-id";
  const names = (await machine.readDir(folder).catch(() => [])).filter((name) => !/-part\d+$/.test(name));
  const targets = await Promise.all(names.map((name) => linkOrNothing(machine, `${folder}/${name}`)));
  const best = new Map<string, string>();
  for (const [nth, name] of names.entries()) {
    const kernelName = targets[nth]?.split("/").at(-1);
    if (kernelName === undefined) continue;
    const before = best.get(kernelName);
    if (before === undefined || rank(name) < rank(before)) best.set(kernelName, name);
  }
  const mapped = tree.flatMap(walk).map(({ name, path }): [string, string] => {
    // The device mapper's kernel name is dm-N; its stable one is the name itself.
    const kernelName = path.split("/").at(-1) ?? name;
    const id = best.get(kernelName);
    return [name, id === undefined || path.startsWith("/dev/mapper/") ? path : `${folder}/${id}`];
  });
  return new Map(mapped);
}

function rank(name: string): number {
  const bare = /^(wwn-|nvme-eui\.|nvme-nvme\.|lvm-|dm-uuid-|scsi-\d[0-9a-f]+$)/.test(name);
  return (bare ? 1000 : 0) + name.length;
}

/** Interfaces with hardware behind them. */
export async function linksOf(machine: Machine, signal: AbortSignal): Promise<InstallLink[]> {
  const text = await runText(machine, "ip", ["-j", "-d", "-s", "addr", "show"], { timeoutMs: 5000, signal });
  const found = parseLinks(text).filter(({ link_type: type }) => type === "ether");
  const links = await Promise.all(
    found.map(async (ip): Promise<InstallLink[]> => {
      const folder = `/sys/class/net/${ip.ifname}`;
      const place = await linkOrNothing(machine, folder);
      if (ip.linkinfo?.info_kind !== undefined || place?.includes("/virtual/")) return [];
      const driver = await linkOrNothing(machine, `${folder}/device/driver`);
      const carrier = ip.flags.includes("UP") ? ip.flags.includes("LOWER_UP") : null;
      const speed = Number(carrier === true ? await readOrNothing(machine, `${folder}/speed`) : undefined);
      return [
        {
          name: ip.ifname,
          mac: ip.address ?? null,
          driver: driver?.split("/").at(-1) ?? null,
          carrier,
          speedMbps: Number.isInteger(speed) && speed > 0 && speed < 0xffff_ffff ? speed : null,
          addresses: ip.addr_info.flatMap(({ local, prefixlen, scope }) =>
            local === undefined || scope === "link" ? [] : [`${local}/${prefixlen}`],
          ),
        },
      ];
    }),
  );
  return links.flat().toSorted((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
}

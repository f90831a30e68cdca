import type { Disk } from "../../model/facts.ts";
import { readIfThere } from "../machine.ts";
import { defineCheck, type Outcome } from "./check.ts";
import { list, percent } from "./format.ts";

const wearLimit = 0.9;

type DiskCode = "DISK.OK" | "DISK.FAILING" | "DISK.WORN";

/** Health of each disk as SMART tells it. */
export const disksCheck = defineCheck({
  id: "disks",
  area: "hardware",
  name: "DISK",
  codes: ["DISK.OK", "DISK.FAILING", "DISK.WORN"],
  async run(context) {
    const disks = context.fact("disks");
    const found = disks.flatMap(judge);
    // A virtual disk has no health of its own.
    const dark = disks.filter((disk) => disk.health === "unknown" && disk.transport !== "virtio");
    if (dark.length > 0) {
      const { shown, more } = list(dark.map((disk) => `${disk.name}: ${disk.healthWhy ?? "?"}`));
      const detail = more > 0 ? `${shown}, …` : shown;
      const tool = dark.every((disk) => disk.healthWhy === "smartctl");
      found.push({
        outcome: "unable",
        why: tool ? { code: "notInstalled", detail: "smartctl" } : { code: "failed", detail },
      });
    }
    const healthy = disks.filter((disk) => disk.health === "healthy");
    if (found.length === 0 && healthy.length > 0)
      found.push({ outcome: "passed", code: "DISK.OK", values: { count: String(healthy.length) } });
    return found;
  },
});

function judge(disk: Disk): Outcome<DiskCode>[] {
  const { name, model, serial } = disk;
  const where = { disk: name, model: model ?? "-", serial: serial ?? "-" };
  if (disk.health === "failing") {
    const values = { ...where, why: disk.healthWhy ?? "-" };
    return [{ outcome: "failed", code: "DISK.FAILING", subject: name, values }];
  }
  if (disk.wear !== null && disk.wear >= wearLimit) {
    const values = { ...where, wear: percent(disk.wear), limit: percent(wearLimit) };
    return [{ outcome: "warning", code: "DISK.WORN", subject: name, values }];
  }
  return [];
}

/** Arrays of Linux's own RAID. */
export const raidCheck = defineCheck({
  id: "raid",
  area: "hardware",
  name: "RAID",
  codes: ["RAID.OK", "RAID.DEGRADED", "RAID.REBUILDING", "RAID.INACTIVE"],
  async run(context) {
    const arrays = parseMdstat((await readIfThere(context.machine, "/proc/mdstat")) ?? "");
    if (arrays.length === 0) return [];
    const disks = context.facts.disks.state === "missing" ? [] : context.facts.disks.value;
    const found: Outcome<"RAID.OK" | "RAID.DEGRADED" | "RAID.REBUILDING" | "RAID.INACTIVE">[] = [];
    for (const array of arrays) {
      const failed = array.failed.map((part) => withSerial(part, disks));
      const values = {
        array: array.name,
        level: array.level,
        working: String(array.working),
        total: String(array.total),
        failed: failed.length === 0 ? "-" : list(failed, 2),
        progress: array.progress ?? "-",
      };
      const subject = array.name;
      if (!array.active) found.push({ outcome: "failed", code: "RAID.INACTIVE", subject, values });
      else if (array.progress !== undefined)
        found.push({ outcome: "warning", code: "RAID.REBUILDING", subject, values });
      else if (array.working < array.total) found.push({ outcome: "failed", code: "RAID.DEGRADED", subject, values });
    }
    if (found.length === 0)
      found.push({ outcome: "passed", code: "RAID.OK", values: { count: String(arrays.length) } });
    return found;
  },
});

export type MdArray = {
  name: string;
  active: boolean;
  level: string;
  /** Members that work, of those that belong. Both 0 for levels without redundancy. */
  working: number;
  total: number;
  failed: string[];
  /** Share and time left of a rebuild: `12.6%, 127.5min`. */
  progress: string | undefined;
};

/** Source: drivers/md/md.c, md_seq_show. */
export function parseMdstat(text: string): MdArray[] {
  const arrays: MdArray[] = [];
  for (const block of text.split(/\n(?=\S)/)) {
    const head = /^(md\S*) : (active|inactive)(?: \((?:auto-)?read-only\))?(?: (raid\d+|linear|multipath))? ?(.*)/.exec(
      block,
    );
    if (head === null) continue;
    const [, name = "", state, level = "-", members = ""] = head;
    const counts = /\[(\d+)\/(\d+)\] \[[U_]+\]/.exec(block);
    const rebuild = /(?:recovery|resync|reshape)\s*=\s*([\d.]+%).*?finish=(\S+)/.exec(block);
    const waiting = /(?:recovery|resync|reshape)=(DELAYED|PENDING)/.exec(block)?.[1];
    arrays.push({
      name,
      active: state === "active",
      level,
      total: Number(counts?.[1] ?? 0),
      working: Number(counts?.[2] ?? 0),
      failed: [...members.matchAll(/(\S+)\[\d+\]\(F\)/g)].map((match) => match[1] ?? ""),
      progress: rebuild === null ? waiting?.toLowerCase() : `${rebuild[1]}, ${rebuild[2]}`,
    });
  }
  return arrays;
}

/** `sdb1` as `sdb1 (serial Z1X…)`: the number on the sticker of the drive to be pulled. */
function withSerial(part: string, disks: readonly Disk[]): string {
  const disk = disks.find(({ name }) => part.startsWith(name) && /^(p?\d+)?$/.test(part.slice(name.length)));
  const serial = disk?.serial ?? null;
  return serial === null ? part : `${part} (${serial})`;
}

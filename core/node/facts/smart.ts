import * as z from "zod";
import type { Disk } from "../../model/facts.ts";
import { parseJson } from "./source.ts";

export type Smart = Pick<
  Disk,
  "health" | "healthWhy" | "temperatureC" | "wear" | "reallocatedSectors" | "powerOnHours"
>;

/**
 * A drive that has moved this many sectors to its reserve is on its way out. Single ones appear on drives that then
 * run for years.
 */
export const reallocatedLimit = 10;

const ataAttribute = z.object({
  id: z.number(),
  name: z.string(),
  value: z.number(),
  when_failed: z.string().default(""),
  raw: z.object({ value: z.number() }),
});

const report = z.object({
  smartctl: z.object({
    exit_status: z.number().default(0),
    messages: z.array(z.object({ string: z.string() })).default([]),
  }),
  smart_status: z.object({ passed: z.boolean() }).optional(),
  temperature: z.object({ current: z.number() }).optional(),
  power_on_time: z.object({ hours: z.number() }).optional(),
  rotation_rate: z.number().optional(),
  ata_smart_attributes: z.object({ table: z.array(ataAttribute) }).optional(),
  nvme_smart_health_information_log: z
    .object({
      critical_warning: z.number(),
      percentage_used: z.number(),
      media_errors: z.number().default(0),
    })
    .optional(),
  scsi_grown_defect_list: z.number().optional(),
  scsi_percentage_used_endurance_indicator: z.number().optional(),
});
type Report = z.infer<typeof report>;

export const unknownSmart: Omit<Smart, "healthWhy"> = {
  health: "unknown",
  temperatureC: null,
  wear: null,
  reallocatedSectors: null,
  powerOnHours: null,
};

/**
 * What `smartctl --json -a` says of a drive; undefined when the drive sleeps and was left asleep. The exit code's bits
 * tell of the drive, not of the tool: they are not looked at. Source: smartctl(8), smartmontools 7.3.
 */
export function parseSmart(text: string, device: string): Smart | undefined {
  const found = parseJson(report, text, "smartctl");
  const said = found.smartctl.messages.map(({ string }) => string);
  if (said.some((line) => /STANDBY|SLEEP/.test(line))) return undefined;
  if (found.smart_status === undefined) {
    const why = said[0]?.replace(`${device}: `, "").replace(`Smartctl open device: ${device} failed: `, "");
    return { ...unknownSmart, ...measuresOf(found), healthWhy: why ?? "no SMART" };
  }
  const faults = faultsOf(found);
  return {
    ...measuresOf(found),
    health: faults.length > 0 ? "failing" : "healthy",
    healthWhy: faults.length > 0 ? faults.join(", ") : null,
  };
}

function measuresOf(found: Report): Omit<Smart, "health" | "healthWhy"> {
  const { temperature, power_on_time: on } = found;
  return {
    temperatureC: temperature === undefined || temperature.current === 0 ? null : temperature.current,
    wear: wearOf(found),
    reallocatedSectors: raw(found, 5) ?? found.scsi_grown_defect_list ?? null,
    powerOnHours: on?.hours ?? null,
  };
}

/** Source of the NVMe warning's bits: NVM Express base specification 2.0, figure 207. */
const nvmeWarnings = [
  "spare space used up",
  "temperature out of range",
  "reliability degraded",
  "read only",
  "backup of volatile memory failed",
  "persistent memory read only",
];

function faultsOf(found: Report): string[] {
  const faults: string[] = [];
  if (found.smart_status?.passed === false) faults.push("SMART status failed");
  const table = found.ata_smart_attributes?.table ?? [];
  for (const attribute of table) if (attribute.when_failed === "now") faults.push(attribute.name);
  const counts: [number | undefined, number, string][] = [
    [raw(found, 5) ?? found.scsi_grown_defect_list, reallocatedLimit, "reallocated sectors"],
    [raw(found, 197), 1, "pending sectors"],
    [raw(found, 198), 1, "uncorrectable sectors"],
  ];
  for (const [count, limit, what] of counts) {
    if (count !== undefined && count >= limit) faults.push(`${count} ${what}`);
  }
  const warning = found.nvme_smart_health_information_log?.critical_warning ?? 0;
  nvmeWarnings.forEach((what, bit) => {
    if ((warning & (1 << bit)) !== 0) faults.push(what);
  });
  return faults;
}

/** The makers' names of what is left of an SSD's endurance, from 100 (new) down. */
const remainingLife = /^(Media_Wearout_Indicator|Wear_Leveling_Count|SSD_Life_Left|Percent_Lifetime_Remain)$/;

function wearOf(found: Report): number | null {
  const used =
    found.nvme_smart_health_information_log?.percentage_used ?? found.scsi_percentage_used_endurance_indicator;
  if (used !== undefined) return used / 100;
  if (found.rotation_rate !== undefined && found.rotation_rate > 0) return null;
  const left = found.ata_smart_attributes?.table.find(({ name }) => remainingLife.test(name));
  return left === undefined || left.value > 100 ? null : (100 - left.value) / 100;
}

function raw(found: Report, id: number): number | undefined {
  return found.ata_smart_attributes?.table.find((attribute) => attribute.id === id)?.raw.value;
}

import type { Disk } from "../../core/model/facts.ts";
import { valueOf } from "../../core/model/reading.ts";
import type { Translate } from "../i18n/catalogue.ts";
import type { Style } from "../terminal/canvas.ts";
import { displayWidth } from "../terminal/width.ts";
import { formatBytes, formatDuration, formatPercent, formatTemperature, unknown } from "../widgets/format.ts";
import type { Column } from "../widgets/table.ts";
import { healthWhy } from "./disk-words.ts";
import { drawFilesystems } from "./filesystems.ts";
import type { Detail } from "./item-details.ts";
import { itemsScreen } from "./items.ts";
import type { Control, Screen } from "./screen.ts";

const order: Record<Disk["health"], number> = { failing: 0, unknown: 1, healthy: 2 };
const healthStyle: Record<Disk["health"], Style> = { healthy: "good", failing: "bad", unknown: "dim" };

/** Above the file systems, below the disks: failing ones first, then those that nobody can vouch for. */
export function disksScreen(control: Control): Screen {
  const t = () => control.view().t;
  const disks = () => valueOf(control.view().state.facts.disks) ?? [];
  return itemsScreen<Disk>(control, {
    title: "disks.title",
    help: "help.disks",
    reading: (state) => state.facts.disks,
    items: () => [...disks()].sort((a, b) => order[a.health] - order[b.health] || wearOf(b) - wearOf(a)),
    id: (disk) => disk.name,
    columns: () => columnsOf(t(), disks()),
    empty: "disks.none",
    heading: (disk) => [`/dev/${disk.name}`, [formatBytes(disk.sizeBytes), kindOf(t(), disk)].join("  ").trimEnd()],
    details: (disk) => detailsOf(t(), disk),
    leastDetails: 7,
    above: drawFilesystems,
  });
}

/** A disk that is nearly worn out comes before its fellows; small differences change no order. */
function wearOf({ wear }: Disk): number {
  return wear !== null && wear >= 0.8 ? wear : 0;
}

function wearStyle({ wear }: Disk): Style {
  return wear === null || wear < 0.8 ? "text" : wear < 0.95 ? "warn" : "bad";
}

/** `SSD nvme`, `HDD sata`. */
function kindOf(t: Translate, { rotational, transport }: Disk): string {
  const kind = rotational === null ? "" : t(rotational ? "disks.hdd" : "disks.ssd");
  return [kind, transport ?? ""].filter((part) => part !== "").join(" ");
}

/** Health, and its reason: a dash alone would say nothing. */
function healthWords(t: Translate, disk: Disk): string {
  return [t(`health.${disk.health}`), healthWhy(t, disk)].filter((part) => part !== "").join("  ");
}

function columnsOf(t: Translate, disks: readonly Disk[]): readonly Column<Disk>[] {
  const widest = (value: (disk: Disk) => string) => Math.max(0, ...disks.map((disk) => displayWidth(value(disk))));
  return [
    {
      title: t("disks.column.name"),
      min: Math.min(
        widest((disk) => disk.name),
        12,
      ),
      value: (disk) => disk.name,
    },
    {
      title: t("disks.column.health"),
      min: 10,
      width: Math.min(
        widest((disk) => healthWords(t, disk)),
        24,
      ),
      grow: true,
      value: (disk) => healthWords(t, disk),
      style: (disk) => healthStyle[disk.health],
    },
    { title: t("disks.column.size"), min: 6, align: "right", value: (disk) => formatBytes(disk.sizeBytes) },
    {
      title: t("disks.column.temperature"),
      min: 4,
      align: "right",
      value: (disk) => (disk.temperatureC === null ? "" : formatTemperature(disk.temperatureC)),
      priority: 2,
    },
    {
      title: t("disks.column.wear"),
      min: 5,
      align: "right",
      value: (disk) => (disk.wear === null ? "" : formatPercent(disk.wear)),
      style: wearStyle,
      priority: 2,
    },
    {
      title: t("disks.column.type"),
      min: widest((disk) => kindOf(t, disk)),
      value: (disk) => kindOf(t, disk),
      priority: 3,
    },
    {
      title: t("disks.column.model"),
      min: 12,
      width: widest((disk) => disk.model ?? ""),
      value: (disk) => disk.model ?? "",
      priority: 4,
    },
    {
      title: t("disks.column.serial"),
      min: 12,
      width: widest((disk) => disk.serial ?? ""),
      value: (disk) => disk.serial ?? "",
      priority: 5,
    },
    {
      title: t("disks.column.reallocated"),
      min: 6,
      align: "right",
      value: (disk) => (disk.reallocatedSectors === null ? "" : String(disk.reallocatedSectors)),
      style: (disk) => ((disk.reallocatedSectors ?? 0) > 0 ? "warn" : "text"),
      priority: 6,
    },
    {
      title: t("disks.column.hours"),
      min: 6,
      align: "right",
      value: (disk) => (disk.powerOnHours === null ? "" : String(disk.powerOnHours)),
      priority: 7,
    },
  ];
}

function detailsOf(t: Translate, disk: Disk): Detail[] {
  const { health, temperatureC, wear, reallocatedSectors, powerOnHours, rotational } = disk;
  // Where there is no health there are no measurements either, for the same reason.
  const why = health === "unknown" ? healthWhy(t, disk) : "";
  const known = (label: string, value: string | null, style: Style = "text"): Detail =>
    value === null
      ? { label, value: `${unknown}  ${why === "" ? t("disks.notTold") : why}`, style: "dim" }
      : { label, value, style };
  const told = (label: string, value: string | null): Detail =>
    value === null ? { label, value: `${unknown}  ${t("disks.notTold")}`, style: "dim" } : { label, value };
  return [
    { label: t("disks.health"), value: healthDetail(t, disk), style: healthStyle[health] },
    told(t("disks.model"), disk.model),
    told(t("disks.serial"), disk.serial),
    known(t("disks.temperature"), temperatureC === null ? null : formatTemperature(temperatureC)),
    // A disk that turns has no endurance to be used up.
    ...(rotational === true
      ? []
      : [
          known(
            t("disks.wear"),
            wear === null ? null : t("disks.wearUsed", { share: formatPercent(wear) }),
            wearStyle(disk),
          ),
        ]),
    known(
      t("disks.reallocated"),
      reallocatedSectors === null ? null : t("disks.sectors", { count: reallocatedSectors }),
      (reallocatedSectors ?? 0) > 0 ? "warn" : "text",
    ),
    known(
      t("disks.hours"),
      powerOnHours === null
        ? null
        : t("disks.hoursAnd", { hours: powerOnHours, duration: formatDuration(powerOnHours * 3600) }),
    ),
    told(t("disks.type"), kindOf(t, disk) === "" ? null : kindOf(t, disk)),
    { label: t("disks.size"), value: formatBytes(disk.sizeBytes) },
  ];
}

function healthDetail(t: Translate, disk: Disk): string {
  const words = disk.health === "unknown" ? `${unknown}  ${t("disks.unknown")}` : t(`health.${disk.health}`);
  const why = healthWhy(t, disk);
  return why === "" ? words : `${words}: ${why}`;
}

import type { DraftProblem, DraftSection } from "./draft.ts";

/** Every problem that a draft may have; a console has a sentence of its own for each. */
export const draftProblemCodes = [
  "LOCALE.KEYBOARD",
  "LOCALE.TIMEZONE",
  "HARDWARE.CPUS",
  "HARDWARE.MEMORY",
  "HARDWARE.VIRTUALIZATION_OFF",
  "HARDWARE.VIRTUALIZATION_ABSENT",
  "HARDWARE.CLOCK",
  "DISK.NONE",
  "DISK.UNKNOWN",
  "DISK.UNUSABLE",
  "DISK.TOO_SMALL",
  "DISK.FAILING",
  "DISK.ERASE",
  "DISK.MIRROR_SAME",
  "DISK.MIRROR_SECTORS",
  "DISK.MIRROR_SIZES",
  "PARTITION.SIZE",
  "PARTITION.TOO_SMALL",
  "PARTITION.TWO_RESTS",
  "PARTITION.TOO_MUCH",
  "HOSTNAME.WRONG",
  "NET.NO_LINK",
  "NET.LINK_UNKNOWN",
  "NET.LINK_TWICE",
  "NET.LINKS_WITHOUT_BOND",
  "NET.NO_CARRIER",
  "NET.BOND_NO_LEG",
  "NET.BOND_ONE_LEG",
  "NET.BOND_NAME",
  "NET.BOND_NAME_TAKEN",
  "NET.BOND_SPEEDS",
  "NET.VLAN_RANGE",
  "NET.VLAN_NAME",
  "NET.ADDRESS",
  "NET.ADDRESS_KIND",
  "NET.ADDRESS_OF_NETWORK",
  "NET.PREFIX",
  "NET.GATEWAY",
  "NET.GATEWAY_KIND",
  "NET.GATEWAY_OUTSIDE",
  "NET.GATEWAY_IS_ADDRESS",
  "NET.NO_ADDRESS",
  "NET.NAME_SERVER",
  "NET.NAME_SERVERS_MANY",
  "NET.NO_NAME_SERVER",
  "NET.TIME_SERVER",
  "PASSWORD.MISSING",
  "PASSWORD.HASH",
] as const;
export type DraftProblemCode = (typeof draftProblemCodes)[number];

type Sentences = { description: string; remedy: string; values?: DraftProblem["values"] };

/** A problem that keeps the installation from starting; `field` is its path in the draft. */
export function error(code: DraftProblemCode, field: string, sentences: Sentences): DraftProblem {
  const { description, remedy, values = {} } = sentences;
  return { code, section: sectionOf(field), field, severity: "error", description, remedy, values };
}

/** A problem that a technician should know of, and may leave as it is. */
export function warning(code: DraftProblemCode, field: string, sentences: Sentences): DraftProblem {
  return { ...error(code, field, sentences), severity: "warning" };
}

function sectionOf(field: string): DraftSection {
  const [first] = field.split(".");
  switch (first) {
    case "locale":
    case "disk":
    case "network":
    case "passwords":
      return first;
    default:
      return "role";
  }
}

const mib = 1024 ** 2;
export const sizes = { mib, gib: 1024 * mib } as const;

/** A size as disks are sold, in powers of ten: `480.1 GB`. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  const step = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  const figure = bytes / 1000 ** step;
  return `${figure.toFixed(1).replace(/\.0$/, "")} ${units[step]}`;
}

/** A size as partitions are made, in powers of two: `20 GiB`, `500 MiB`. */
export function formatBinary(bytes: number): string {
  const [unit, figure] = bytes >= sizes.gib ? ["GiB", bytes / sizes.gib] : ["MiB", bytes / mib];
  return `${figure.toFixed(1).replace(/\.0$/, "")} ${unit}`;
}

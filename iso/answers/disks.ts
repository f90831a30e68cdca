import { describeContents, whyUnusable } from "../../core/model/installation/disk-problems.ts";
import type { InstallDisk } from "../../core/model/installation/hardware.ts";
import { formatBytes } from "../../core/model/installation/problem.ts";
import type { DiskRule } from "./format.ts";
import { shown } from "./words.ts";

/** The disk that a rule stands for, or why there is none. */
export type Match = { disk: InstallDisk } | { description: string; remedy: string };

/**
 * Finds the one disk that a rule stands for among those that can hold the system and are not `taken` by another rule.
 * `first-empty` takes the first in the kernel's order; any other rule must match a single disk.
 */
export function matchDisk(rule: DiskRule, disks: readonly InstallDisk[], taken: string | null): Match {
  const free = disks.filter((disk) => disk.name !== taken);
  const usable = free.filter((disk) => disk.unusable === null);
  if (rule === "first-empty") {
    const disk = usable.find((candidate) => candidate.empty);
    if (disk !== undefined) return { disk };
    return {
      description: "No disk that can hold the system is empty.",
      remedy: "Add a disk, or name one by serial, model, size or name, with erase: true if its data may go.",
    };
  }
  const [disk, ...others] = usable.filter((candidate) => matches(rule, candidate));
  if (disk !== undefined && others.length === 0) return { disk };
  if (disk !== undefined) {
    const names = [disk, ...others].map(({ name }) => name);
    return {
      description: `The rule matches ${names.length} disks: ${names.join(", ")}. It must match one.`,
      remedy: "Make the rule narrower, by the serial number for instance.",
    };
  }
  const refused = free.filter((candidate) => matches(rule, candidate));
  const reasons = refused.map((candidate) => `${candidate.name} can't hold the system: ${whyUnusable(candidate)}`);
  return {
    description:
      reasons.length === 0 ? "The rule matches no disk." : `The rule matches no disk but ${reasons.join("; ")}.`,
    remedy: "Change the rule, or add the disk that it stands for.",
  };
}

function matches(rule: Exclude<DiskRule, string>, disk: InstallDisk): boolean {
  const { name, model, serial, size } = rule;
  return (
    (name === undefined || name.replace(/^\/dev\//, "") === disk.name) &&
    (model === undefined || matchesGlob(model, disk.model ?? "")) &&
    (serial === undefined || matchesGlob(serial, disk.serial ?? "")) &&
    (size?.min === undefined || disk.sizeBytes >= size.min) &&
    (size?.max === undefined || disk.sizeBytes <= size.max)
  );
}

/**
 * Whether a text has the form of a pattern: `*` for any characters, `?` for one; neither capitals nor spaces at the ends
 * count. Walks both once and goes back to the last `*` only, so that no pattern takes long.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  const wanted = pattern.trim().toLowerCase();
  const given = text.trim().toLowerCase();
  let [w, g, star, resume] = [0, 0, -1, 0];
  while (g < given.length) {
    if (wanted[w] === "*") [star, resume] = [w++, g];
    else if (wanted[w] === "?" || wanted[w] === given[g]) [w, g] = [w + 1, g + 1];
    else if (star >= 0) [w, g] = [star + 1, ++resume];
    else return false;
  }
  return /^\**$/.test(wanted.slice(w));
}

/** The disks as a person chooses from them, a line each. */
export function listDisks(disks: readonly InstallDisk[]): string[] {
  if (disks.length === 0) return ["This machine shows no disk."];
  const rows = disks.map((disk) => [
    disk.name,
    formatBytes(disk.sizeBytes),
    disk.model ?? "no model",
    disk.serial ?? "no serial number",
    disk.unusable === null ? (disk.empty ? "empty" : describeContents(disk)) : `unusable: ${whyUnusable(disk)}`,
  ]);
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows.map((row) =>
    row.map((cell, column) => (column < 4 ? cell.padEnd(widths[column] ?? 0) : cell)).join("  "),
  );
}

/** A rule in words: `first-empty`, or `model "SAMSUNG*", 475.2 GB to 484.8 GB`. */
export function formatRule(rule: DiskRule): string {
  if (rule === "first-empty") return "the first empty one";
  const words = (["name", "model", "serial"] as const).flatMap((key) => {
    const pattern = rule[key];
    return pattern === undefined ? [] : [`${key} ${shown(pattern)}`];
  });
  return [...words, ...(rule.size === undefined ? [] : [formatBounds(rule.size)])].join(", ");
}

function formatBounds({ min, max }: { min?: number | undefined; max?: number | undefined }): string {
  if (min !== undefined && max !== undefined) return `${formatBytes(min)} to ${formatBytes(max)}`;
  return min === undefined ? `at most ${formatBytes(max ?? 0)}` : `at least ${formatBytes(min)}`;
}

import type { Random } from "../random.ts";
import type { Result } from "./campaign.ts";
import type { Fault } from "./faults.ts";

/** As many of each fault as is said, in random order. */
export function shuffledFaults(counts: Readonly<Partial<Record<Fault, number>>>, random: Random): Fault[] {
  const all = Object.entries(counts).flatMap(([fault, count]) => Array.from({ length: count }, () => fault as Fault));
  for (let last = all.length - 1; last > 0; last -= 1) {
    const other = random.below(last + 1);
    const [a, b] = [all[last], all[other]];
    if (a !== undefined && b !== undefined) [all[last], all[other]] = [b, a];
  }
  return all;
}

/**
 * How a campaign went: for each operation and fault how many changes were kept, taken back, and refused before they
 * began, as `3/4/1`; then the reasons.
 */
export function campaignTable(results: readonly Result[]): string {
  const [faults, operations] = [distinct(results, "fault"), distinct(results, "operation")];
  const head = ["kept/taken back/refused", ...faults, "all"];
  const rows = operations.map((operation) => {
    const own = results.filter((each) => each.operation === operation);
    return [operation, ...faults.map((fault) => cell(own.filter((each) => each.fault === fault))), cell(own)];
  });
  const sums = ["all", ...faults.map((fault) => cell(results.filter((each) => each.fault === fault))), cell(results)];
  const reasons = [...Map.groupBy(results, ({ fault, outcome }) => `${fault} → ${outcome}`)]
    .map(([reason, all]) => `${String(all.length).padStart(4)}  ${reason}`)
    .sort((a, b) => (a.slice(6) < b.slice(6) ? -1 : 1));
  const beds = distinct(results, "bed").map((bed) => `${results.filter((each) => each.bed === bed).length} on ${bed}`);
  return [`${results.length} changes: ${beds.join(", ")}`, ...aligned([head, ...rows, sums]), ...reasons].join("\n");
}

function cell(results: readonly Result[]): string {
  if (results.length === 0) return ".";
  const count = (start: string) => results.filter(({ outcome }) => outcome.startsWith(start)).length;
  return `${count("kept")}/${count("taken back")}/${count("refused")}`;
}

function distinct<K extends "bed" | "fault" | "operation">(results: readonly Result[], key: K): Result[K][] {
  return [...new Set(results.map((each) => each[key]))].sort();
}

function aligned(rows: readonly string[][]): string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows.map((row) =>
    row
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

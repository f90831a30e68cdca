import type { NetworkConfiguration } from "../../core/model/network/configuration.ts";

/** A bond as the table shows it. */
export type Bond = {
  name: string;
  legs: readonly string[];
  /** By the kernel's names, `mode` as its number among them. */
  options: Readonly<Record<string, string>>;
};

/** The bonds that are configured. `modes` in the kernel's order: a mode's index is its number. */
export function configuredBonds({ links }: NetworkConfiguration, modes: readonly string[]): Bond[] {
  return links.flatMap((link) => {
    if (link.kind !== "bond") return [];
    const { mode, options, legs } = link.bond;
    return [{ name: link.name, legs, options: { ...options, mode: String(modes.indexOf(mode)) } }];
  });
}

const headings = ["Bond Name", "SLAVE(s)", "BONDING_OPTS"] as const;
/** Columns of the table, wider where their content is. */
const widths = [9, 13, 43] as const;

/**
 * The table of the bonds, in the form that programs which read it know: the bar behind the last heading stands one
 * column to the left of those below it, and the frame is two longer than the rows.
 * Source: the network specification, "The commands".
 */
export function bondTable(bonds: readonly Bond[]): string[] {
  const rows = bonds.flatMap(bondRows);
  const [first, second, third] = widths.map((least, i) => Math.max(least, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (row: readonly string[], last: number) =>
    `| ${row[0]?.padEnd(first ?? 0)} | ${row[1]?.padEnd(second ?? 0)} | ${row[2]?.padEnd(last)} |`;
  const full = rows.map((row) => line(row, third ?? 0));
  const frame = "-".repeat(line(headings, third ?? 0).length + 2);
  return [frame, line(headings, (third ?? 0) - 1), frame, ...full, ...(full.length === 0 ? [] : [frame])];
}

/** The first leg on the bond's own line, the others below it. */
function bondRows({ name, legs, options }: Bond): [string, string, string][] {
  const text = Object.entries(options)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([option, value]) => `${option}=${value}`)
    .join(" ");
  const [leg = "", ...more] = legs;
  return [[name, leg, text], ...more.map((each): [string, string, string] => ["", each, ""])];
}

import { formatSize } from "../../core/model/cloud/size.ts";
import { wrap } from "../help-lines.ts";
import { printable } from "../network/say.ts";
import { cutColumns } from "./columns.ts";
import { isMomentField, isSizeField } from "./fields.ts";
import { momentText } from "./moments.ts";
import { columnsOf, padded, startOf } from "./places.ts";

/* Answers as tables for people. */

export type TableRow = Readonly<Record<string, unknown>>;
export type TableOptions = {
  noteOf?: ((row: TableRow) => string | undefined) | undefined;
  cut?: ReadonlyMap<string, number> | undefined;
};
export type TableText = {
  text: string;
  /** Columns that found no room. */
  leftOut: readonly string[];
};

const gap = 2;
/** A column that is cut keeps so many places at least. */
const leastCut = 8;
const uuidWidth = 32;
const longestCell = 400;
const longestValue = 8_000;

/**
 * Rows under their column's names, not wider than `width`: long texts are cut, and where that is not enough columns are
 * left out from the end. Numbers, times, identifiers and addresses are never cut. `noteOf`: what is said below a row;
 * `cut`: columns whose values may be cut though each is one word, with the places that they keep at least.
 */
export function tableText(
  columns: readonly string[],
  rows: readonly TableRow[],
  width: number,
  { noteOf, cut: cuttable = cutColumns }: TableOptions = {},
): TableText {
  const all = columns.map((name) => columnOf(name, rows, cuttable));
  const shown = fitting(all, width);
  shrink(shown, width);
  const line = (cells: readonly string[]) => `${cells.join(" ".repeat(gap)).trimEnd()}\n`;
  const body = rows.map((row, i) => {
    const note = noteOf?.(row);
    const below = note === undefined ? [] : wrap(printable(note), width - gap, columnsOf);
    return (
      line(shown.map((column) => cut(column, column.cells[i] ?? ""))) + below.map((each) => `  ${each}\n`).join("")
    );
  });
  return {
    text: [
      line(shown.map(({ name, width: own }) => padded(name, own))),
      line(shown.map(({ width: own }) => "-".repeat(own))),
      ...body,
    ].join(""),
    leftOut: columns.slice(shown.length),
  };
}

/** One resource: a line for each field; a long value goes on in the lines below. */
export function recordText(record: TableRow, width: number): string {
  const fields = Object.entries(record).map(([name, value]) => ({
    field: printable(name),
    text: cellText(name, value, longestValue),
  }));
  const head = Math.max(...["field", ...fields.map(({ field }) => field)].map(columnsOf));
  const room = Math.max(width - head - gap, leastCut);
  const rows = fields.flatMap(({ field, text }) =>
    wrap(text, room, columnsOf).map((part, i) => ({ field: i === 0 ? field : "", part })),
  );
  const all = [
    { field: "field", part: "value" },
    { field: "-".repeat(head), part: "-".repeat(Math.min(uuidWidth, room)) },
    ...rows,
  ];
  return all
    .map(({ field, part }) => `${padded(field, head + gap)}${part}`.trimEnd())
    .map((row) => `${row}\n`)
    .join("");
}

type Column = {
  name: string;
  cells: readonly string[];
  width: number;
  least: number;
  /** Values between commas, of which none is cut. */
  isList: boolean;
};

function columnOf(name: string, rows: readonly TableRow[], cuttable: ReadonlyMap<string, number>): Column {
  const cells = rows.map((row) => cellText(name, row[name], longestCell));
  const width = Math.max(columnsOf(name), ...cells.map(columnsOf));
  const head = columnsOf(name);
  if (isMomentField(name)) return { name, cells, width, least: width, isList: false };
  const isList = !cuttable.has(name) && cells.every((cell) => cell === "" || listPattern.test(cell));
  // Half of an identifier or of an address is of no use, nor half of a word.
  const firsts = cells.map((cell) => (cell.includes(",") ? cell.indexOf(",") + ",~".length : columnsOf(cell)));
  const least = isList ? Math.max(head, ...firsts) : Math.min(width, Math.max(cuttable.get(name) ?? leastCut, head));
  return { name, cells, width, least, isList };
}

const listPattern = /^[\w.:/-]{1,48}(,[\w.:/-]{1,48})*$/;

function fitting(all: readonly Column[], width: number): Column[] {
  const shown = [...all];
  while (shown.length > 1 && sum(shown.map(({ least }) => least + gap)) - gap > width) shown.pop();
  return shown;
}

/** The widest gives first. */
function shrink(columns: readonly Column[], width: number): void {
  for (let excess = sum(columns.map((column) => column.width + gap)) - gap - width; excess > 0; excess--) {
    const [widest] = columns.filter((each) => each.width > each.least).sort((a, b) => b.width - a.width);
    if (widest === undefined) return;
    widest.width -= 1;
  }
}

function cut({ width, isList }: Column, cell: string): string {
  if (!isList || columnsOf(cell) <= width) return padded(cell, width);
  const start = startOf(cell, width - 1);
  return padded(`${start.slice(0, start.lastIndexOf(",") + 1)}~`, width);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}

/** A value in one line, without anything that a terminal obeys. */
function cellText(name: string, value: unknown, longest: number): string {
  if (value === null || value === undefined) return "-";
  if (typeof value === "number" && isSizeField(name)) return sizeText(value);
  if (typeof value === "number" && isMomentField(name)) return momentText(value);
  const text = Array.isArray(value) && value.every((each) => typeof each !== "object") ? value.join(",") : plain(value);
  return printable(text.slice(0, longest).replaceAll(/\s+/g, " "));
}

function plain(value: unknown): string {
  return typeof value === "object" ? (failureText(value) ?? JSON.stringify(value)) : String(value);
}

/** An error as the call would have answered it: `CODE: description: details`; undefined for other objects. */
export function failureText(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null) return;
  const told = new Map<string, unknown>(Object.entries(value));
  const [code, description, details] = [told.get("code"), told.get("description"), told.get("details")];
  if (typeof code !== "string" || typeof description !== "string" || typeof details !== "string") return;
  const where = told.get("where");
  return `${code}: ${description}: ${details}${typeof where === "string" ? ` (${where})` : ""}`;
}

/** Exact where that is short, otherwise rounded: 8G, 7.8G. */
function sizeText(bytes: number): string {
  const exact = formatSize(bytes);
  if (exact.length <= 5 || !Number.isFinite(bytes) || bytes < 1024) return exact;
  const power = Math.min(Math.floor(Math.log2(bytes) / 10), 5);
  return `${(bytes / 1024 ** power).toFixed(1)}${"BKMGTP"[power] ?? ""}`;
}

import { eastAsianWidth } from "get-east-asian-width";
import { formatSize } from "../../core/model/cloud/size.ts";
import { printable } from "../network/say.ts";
import { isMomentField, isSizeField } from "./fields.ts";

/* Answers as tables for people. */

export type TableRow = Readonly<Record<string, unknown>>;
export type TableText = {
  text: string;
  /** Columns that found no room. */
  leftOut: readonly string[];
};

const gap = 2;
/** A column that is cut keeps so many places at least. */
const leastCut = 8;
const longestCell = 400;

/** Rows under their column's names, not wider than `width`. Columns are left out from the end, long texts cut. */
export function tableText(columns: readonly string[], rows: readonly TableRow[], width: number): TableText {
  const all = columns.map((name) => columnOf(name, rows));
  const shown = fitting(all, width);
  shrink(shown, width);
  const lines = [
    shown.map(({ name, width: own }) => padded(name, own)),
    shown.map(({ width: own }) => "-".repeat(own)),
    ...rows.map((_, i) => shown.map(({ cells, width: own }) => padded(cells[i] ?? "", own))),
  ];
  return {
    text: lines.map((line) => `${line.join(" ".repeat(gap)).trimEnd()}\n`).join(""),
    leftOut: columns.slice(shown.length),
  };
}

/** One resource: a line for each field. */
export function recordText(record: TableRow, width: number): string {
  const rows = Object.entries(record).map(([field, value]) => ({ field, value: cellText(field, value) }));
  return tableText(["field", "value"], rows, width).text;
}

type Column = { name: string; cells: readonly string[]; width: number; least: number };

function columnOf(name: string, rows: readonly TableRow[]): Column {
  const cells = rows.map((row) => cellText(name, row[name]));
  const width = Math.max(columnsOf(name), ...cells.map(columnsOf));
  // Half of an identifier, of an address or of a moment is of no use, nor half of a word.
  const isWhole = cells.every((cell) => /^([\w.:/-]{0,40}|[\d-]{10} [\d:]{8})$/.test(cell)) && name !== "name";
  return { name, cells, width, least: isWhole ? width : Math.min(width, Math.max(leastCut, columnsOf(name))) };
}

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

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}

/** A value in one line, without anything that a terminal obeys. */
function cellText(name: string, value: unknown): string {
  if (value === null || value === undefined) return "-";
  if (typeof value === "number" && isSizeField(name)) return sizeText(value);
  if (typeof value === "number" && isMomentField(name)) return momentText(value);
  const text = Array.isArray(value) && value.every((each) => typeof each !== "object") ? value.join(",") : plain(value);
  return printable(text.slice(0, longestCell).replaceAll(/\s+/g, " "));
}

function plain(value: unknown): string {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** Exact where that is short, otherwise rounded: 8G, 7.8G. */
function sizeText(bytes: number): string {
  const exact = formatSize(bytes);
  if (exact.length <= 5 || !Number.isFinite(bytes) || bytes < 1024) return exact;
  const power = Math.min(Math.floor(Math.log2(bytes) / 10), 5);
  return `${(bytes / 1024 ** power).toFixed(1)}${"BKMGTP"[power] ?? ""}`;
}

/** Local time, which TZ chooses. */
function momentText(ms: number): string {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return String(ms);
  const two = (n: number) => String(n).padStart(2, "0");
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join("-");
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** Places that a text takes on a terminal. */
export function columnsOf(text: string): number {
  return sum([...text].map(placesOf));
}

function placesOf(character: string): number {
  return /^[\p{M}\u200d]$/u.test(character) ? 0 : eastAsianWidth(character.codePointAt(0) ?? 0);
}

/** The text in exactly so many places; one that is longer is cut, with a ~ that says so. */
function padded(text: string, width: number): string {
  const own = columnsOf(text);
  if (own <= width) return text + " ".repeat(width - own);
  let [cut, places] = ["", 0];
  for (const character of text) {
    const more = placesOf(character);
    if (places + more > width - 1) break;
    [cut, places] = [cut + character, places + more];
  }
  return `${cut}~${" ".repeat(width - 1 - places)}`;
}

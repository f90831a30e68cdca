import type { Canvas, Style } from "../terminal/canvas.ts";
import { displayWidth, wrap } from "../terminal/width.ts";
import type { TextLine } from "../widgets/text.ts";

/** One thing that is known of an item. */
export type Detail = { label: string; value: string; style?: Style };

type Cell = { x: number; label: string; labelWidth: number; text: string; style: Style };

/** Cells between two details that stand side by side. */
const gap = 3;
const longestLabel = 16;

/**
 * Draws details side by side as far as they fit, in their order; one that is too long for its place takes lines of its
 * own. What the room is too small for is counted in its last line.
 */
export function drawDetails(canvas: Canvas, details: readonly Detail[], more: (count: number) => string): void {
  const rows = layDetails(details, canvas.width);
  const shown = rows.length <= canvas.height ? rows.length : Math.max(canvas.height - 1, 0);
  rows.slice(0, shown).forEach((cells, y) => {
    for (const { x, label, labelWidth, text, style } of cells) {
      canvas.text(x, y, label, "dim", labelWidth);
      canvas.text(x + labelWidth + 2, y, text, style);
    }
  });
  if (shown < rows.length) canvas.text(0, shown, more(rows.length - shown), "dim");
}

/** The same details, one below the other, for a text that scrolls. */
export function detailLines(details: readonly Detail[]): TextLine[] {
  const leadWidth = labelWidthOf(details) + 2;
  return details.map(({ label, value, style }) => ({
    lead: label,
    leadWidth,
    text: value,
    style: style ?? "text",
  }));
}

/** Rows of cells for a width. */
export function layDetails(details: readonly Detail[], width: number): Cell[][] {
  const columns = width >= 110 ? 3 : width >= 70 ? 2 : 1;
  const cellWidth = Math.floor((width - gap * (columns - 1)) / columns);
  const labelWidth = labelWidthOf(details);
  const rows: Cell[][] = [];
  let row: Cell[] | undefined;
  for (const { label, value, style = "text" } of details) {
    const room = cellWidth - labelWidth - 2;
    if (displayWidth(value) <= room) {
      if (row === undefined || row.length === columns) {
        row = [];
        rows.push(row);
      }
      row.push({ x: row.length * (cellWidth + gap), label, labelWidth, text: value, style });
      continue;
    }
    row = undefined;
    wrap(value, width - labelWidth - 2).forEach((text, line) => {
      rows.push([{ x: 0, label: line === 0 ? label : "", labelWidth, text, style }]);
    });
  }
  return rows;
}

function labelWidthOf(details: readonly Detail[]): number {
  return Math.min(Math.max(0, ...details.map(({ label }) => displayWidth(label))), longestLabel);
}

import type { Translate } from "../i18n/catalogue.ts";
import type { Canvas } from "../terminal/canvas.ts";
import { drawBar } from "./bar.ts";
import { formatPercent } from "./format.ts";
import { drawColumn } from "./graph.ts";

/** Cells of a core that has a bar of its own: number, bar, per cent, and the gap to the next. */
const leastCell = 22;
const cellGap = 2;

/** How many lines `drawCores` makes good use of, at most `most`. */
export function coresHeight(count: number, width: number, most: number): number {
  const across = Math.max(Math.floor((width + cellGap) / (leastCell + cellGap)), 1);
  return Math.min(Math.ceil(count / across), most);
}

/**
 * How busy each core is, as shares of 0 to 1; null for one that can't be read. Few cores get a bar with a figure each;
 * where that takes too much room, a core is one column, in rows that begin with the number of their first core.
 */
export function drawCores(canvas: Canvas, cores: readonly (number | null)[], t: Translate): void {
  const across = Math.max(Math.floor((canvas.width + cellGap) / (leastCell + cellGap)), 1);
  const rows = Math.ceil(cores.length / across);
  if (canvas.width >= leastCell && rows <= canvas.height) drawBars(canvas, cores, across, rows);
  else drawColumns(canvas, cores, t);
}

function drawBars(canvas: Canvas, cores: readonly (number | null)[], across: number, rows: number): void {
  const cell = Math.floor((canvas.width + cellGap) / across) - cellGap;
  const number = String(cores.length - 1).length;
  const figure = "100 %".length;
  cores.forEach((share, core) => {
    // Down each column first: neighbours in number are neighbours on the screen.
    const x = Math.floor(core / rows) * (cell + cellGap);
    const y = core % rows;
    canvas.textRight(x + number, y, String(core), "dim");
    drawBar(canvas.part(x + number + 1, y, cell - number - 1 - figure - 1, 1), share);
    canvas.textRight(x + cell, y, formatPercent(share));
  });
}

function drawColumns(canvas: Canvas, cores: readonly (number | null)[], t: Translate): void {
  const number = String(Math.max(cores.length - 1, 0)).length;
  const left = number + 1;
  // Eights, with a gap behind each, so that a core can be counted out by eye.
  const eights = Math.floor((canvas.width - left + 1) / 9);
  const across = eights >= 1 ? eights * 8 : Math.max(canvas.width - left, 1);
  const rows = Math.ceil(cores.length / across);
  if (canvas.height < 1 || rows === 0) return;
  const fits = rows <= canvas.height;
  const height = fits ? Math.min(Math.floor(canvas.height / rows), 4) : 1;
  const shownRows = fits ? rows : canvas.height - 1;
  for (let row = 0; row < shownRows; row++) {
    const first = row * across;
    canvas.textRight(number, (row + 1) * height - 1, String(first), "dim");
    const line = canvas.part(left, row * height, canvas.width - left, height);
    cores.slice(first, first + across).forEach((share, i) => {
      const x = i + Math.floor(i / 8);
      if (share === null || Number.isNaN(share)) line.text(x, height - 1, "-", "dim");
      else drawColumn(line, x, share);
    });
  }
  if (!fits)
    canvas.text(left, canvas.height - 1, t("widget.more", { count: cores.length - shownRows * across }), "dim");
}

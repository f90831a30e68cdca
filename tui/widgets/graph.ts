import type { Canvas, Style } from "../terminal/canvas.ts";

/**
 * Shares of 0 to 1 over time, oldest first, as a filled graph over the whole canvas: one column for each value, the
 * newest at the right edge. What is measured shows at least the lowest mark, also a zero; a gap (`null`, not a number)
 * leaves its column empty.
 */
export function drawGraph(canvas: Canvas, values: readonly (number | null)[], style: Style = "graph"): void {
  const from = Math.max(values.length - canvas.width, 0);
  const left = canvas.width - (values.length - from);
  for (let i = from; i < values.length; i++) drawColumn(canvas, left + i - from, values[i] ?? null, style);
}

/** One column of a graph, from the bottom of the canvas upwards. */
export function drawColumn(canvas: Canvas, x: number, value: number | null, style: Style = "graph"): void {
  const { levels } = canvas.glyphs;
  const steps = levels.length - 1;
  if (value === null || Number.isNaN(value) || steps < 1) return;
  const share = Math.min(Math.max(value, 0), 1);
  const total = Math.max(Math.round(share * canvas.height * steps), 1);
  const fullRows = Math.min(Math.floor(total / steps), canvas.height);
  const top = canvas.height - 1 - fullRows;
  // `fill`, not `text`: looking for graphemes in each cell of a graph would cost a millisecond a frame.
  canvas.fill({ x, y: top + 1, width: 1, height: fullRows }, levels[steps] ?? " ", style);
  if (total % steps > 0) canvas.fill({ x, y: top, width: 1, height: 1 }, levels[total % steps] ?? " ", style);
}

import type { Canvas, Style } from "../terminal/canvas.ts";

/**
 * A gauge in the first line of the canvas, as wide as it is: `[######....]`. A share that is not known leaves it
 * without any fill: `[          ]`. Only what is full looks full, and only nothing looks empty.
 */
export function drawBar(canvas: Canvas, share: number | null, style: Style = "graph"): void {
  const room = canvas.width - 2;
  if (room < 1 || canvas.height < 1) return;
  canvas.text(0, 0, "[", "dim");
  canvas.text(canvas.width - 1, 0, "]", "dim");
  if (share === null || Number.isNaN(share)) return;
  const filled = filledCells(share, room);
  const full = canvas.glyphs.levels.at(-1) ?? "#";
  canvas.fill({ x: 1, y: 0, width: filled, height: 1 }, full, style);
  canvas.fill({ x: 1 + filled, y: 0, width: room - filled, height: 1 }, ".", "dim");
}

/** Cells of `room` that stand for a share: all of them only at 1, none only at 0. */
export function filledCells(share: number, room: number): number {
  if (share >= 1) return room;
  if (share <= 0) return 0;
  return Math.min(Math.max(Math.round(share * room), Math.min(1, room)), Math.max(room - 1, 0));
}

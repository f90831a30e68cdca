import type { Canvas, Style } from "../terminal/canvas.ts";
import { displayWidth } from "../terminal/width.ts";
import { filledCells } from "./bar.ts";
import { formatDuration, formatPercent } from "./format.ts";

export type Progress = {
  /** 0 to 1; null when nobody can say how much there is to do. */
  share: number | null;
  startedAt: number;
  /** When it ended; absent or null while it goes on. */
  endedAt?: number | null;
};

/** Cells of the mark that moves while the share is not known. */
const markWidth = 3;

/**
 * How far some work is, in the first line of the canvas: `[######....]  41 %  1 m 5 s`. Without a share a mark goes to
 * and fro, one cell a second, placed by `now` alone (milliseconds, like `startedAt`).
 */
export function drawProgress(canvas: Canvas, progress: Progress, now: number, style: Style = "graph"): void {
  if (canvas.height < 1) return;
  const end = progress.endedAt ?? null;
  const elapsed = formatDuration(Math.max((end ?? now) - progress.startedAt, 0) / 1000);
  const known =
    progress.share !== null && Number.isFinite(progress.share) ? Math.min(Math.max(progress.share, 0), 1) : null;
  // Widths that don't follow the figures, so that the bar stands still.
  const texts = `  ${known === null ? "" : `${formatPercent(known).padStart(5)}  `}`;
  const elapsedWidth = Math.max(displayWidth(elapsed), 9);
  const barWidth = Math.min(Math.max(canvas.width - texts.length - elapsedWidth, 0), 60);
  let x = 0;
  if (barWidth >= 6) {
    drawTrack(canvas.part(0, 0, barWidth, 1), known, end === null ? now - progress.startedAt : null, style);
    x = barWidth;
  }
  canvas.text(x, 0, `${texts}${elapsed}`.slice(x === 0 ? 2 : 0));
}

function drawTrack(canvas: Canvas, share: number | null, elapsedMs: number | null, style: Style): void {
  const room = canvas.width - 2;
  const full = canvas.glyphs.levels.at(-1) ?? "#";
  canvas.text(0, 0, "[", "dim");
  canvas.text(canvas.width - 1, 0, "]", "dim");
  canvas.fill({ x: 1, y: 0, width: room, height: 1 }, ".", "dim");
  if (share !== null) canvas.fill({ x: 1, y: 0, width: filledCells(share, room), height: 1 }, full, style);
  else if (elapsedMs !== null) {
    const width = Math.min(markWidth, room);
    canvas.fill({ x: 1 + bounce(elapsedMs, room - width), y: 0, width, height: 1 }, full, style);
  }
}

/** 0, 1, … `last`, … 1, 0, 1 …: one step a second. */
function bounce(elapsedMs: number, last: number): number {
  if (last <= 0) return 0;
  const step = Math.max(Math.floor(elapsedMs / 1000), 0) % (2 * last);
  return step <= last ? step : 2 * last - step;
}

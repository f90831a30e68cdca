import type { Translate } from "../i18n/catalogue.ts";
import type { Canvas } from "../terminal/canvas.ts";

/**
 * The first line to show of `total` lines in a room of `height`, so that the lines `from` to `to` are in view; it moves
 * away from `top` no further than it must, because each line that moves is sent again. Where not all of `from` to `to`
 * fits, `to` is what counts.
 */
export function keepVisible(top: number, from: number, to: number, height: number, total: number): number {
  const upper = Math.min(top, from);
  const lower = Math.max(upper, to - height + 1);
  return Math.max(Math.min(lower, total - height), 0);
}

/** The marks at the foot of what scrolls: `^ 3 more  v 12 more`. Returns the column behind them. */
export function drawMarks(canvas: Canvas, y: number, above: number, below: number, t: Translate, x = 0): number {
  let column = x;
  for (const [glyph, count] of [
    [canvas.glyphs.up, above],
    [canvas.glyphs.down, below],
  ] as const) {
    if (count <= 0) continue;
    if (column > x) column += 2;
    column = canvas.text(column, y, `${glyph} ${t("widget.more", { count })}`, "dim");
  }
  return column;
}

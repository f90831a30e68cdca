import type { Translate } from "../i18n/catalogue.ts";
import type { Canvas } from "../terminal/canvas.ts";
import type { Filter } from "./filter.ts";
import type { Window } from "./rows.ts";
import { drawMarks } from "./scroll.ts";

/** The last line of a list or table: how much is out of sight, and the filter. */
export function drawFoot(canvas: Canvas, filter: Filter, window: Window<unknown>, t: Translate): void {
  if (!window.foot) return;
  const y = canvas.height - 1;
  const end = drawMarks(canvas, y, window.above, window.below, t);
  if (filter.active) filter.draw(canvas, end === 0 ? 0 : end + 3, y, t, "widget.filter", t("widget.clearFilter"));
}

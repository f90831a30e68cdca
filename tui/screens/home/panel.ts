import type { Reading } from "../../../core/model/reading.ts";
import type { Canvas, Style } from "../../terminal/canvas.ts";
import { displayWidth } from "../../terminal/width.ts";
import { formatAge } from "../../widgets/format.ts";
import type { View } from "../screen.ts";
import { reasonOf } from "../words.ts";

/* What the panels of the home screen are drawn with. */

/** Width of the first column of a panel: the label of a line. */
const labelWidth = 9;

/**
 * Draws a panel whose figures come from one reading: the heading, and then, from the line `top`, either the figures,
 * marked when they are old, or a dash with the reason.
 */
export function panel<T>(
  canvas: Canvas,
  view: View,
  title: string,
  reading: Reading<T> | undefined,
  draw: (body: Canvas, value: T, headingEnd: number) => void,
  top = 1,
): void {
  let end = canvas.text(0, 0, title, "heading");
  const body = canvas.part(0, top);
  if (reading === undefined || reading.state === "missing") {
    const reason = reading === undefined ? view.t("missing.pending") : reasonOf(view.t, reading.why);
    body.text(0, 0, `-  ${reason}`, "dim");
    return;
  }
  if (reading.state === "stale") {
    const age = view.t("panel.stale", { age: formatAge(view.now - reading.at) });
    end = canvas.text(end + 2, 0, age, "warn");
  }
  draw(body, reading.value, end);
}

/** One figure of a line, or a dash with the reason when its fact is not there. */
export function line(canvas: Canvas, y: number, label: string, parts: readonly (readonly [string, Style])[]): void {
  canvas.text(0, y, label, "text", labelWidth);
  let x = labelWidth;
  for (const [text, style] of parts) x = canvas.text(x, y, text, style) + 2;
}

export type Figure = readonly [text: string, style: Style];

/** A figure that is worth its room only where there is something to count. */
export function some(count: number, text: string, style: Style): Figure[] {
  return count === 0 ? [] : [[text, style]];
}

/** Figures one behind the other, on as many lines as there are; those that find no room are the last ones. */
export function drawFigures(body: Canvas, figures: readonly Figure[]): void {
  const fits = (gap: number) => placed(figures, body.width, gap).every(({ y }) => y < body.height);
  for (const { x, y, text, style } of placed(figures, body.width, !fits(3) && fits(2) ? 2 : 3))
    if (y < body.height) body.text(x, y, text, style);
}

function placed(figures: readonly Figure[], width: number, gap: number) {
  let [x, y] = [0, 0];
  return figures.map(([text, style]) => {
    const textWidth = displayWidth(text);
    if (x > 0 && x + textWidth > width) [x, y] = [0, y + 1];
    const place = { x, y, text, style };
    x += textWidth + gap;
    return place;
  });
}

/** How many of `count` lines fit, one of them kept for "n more" when not all do. */
export function fitting(count: number, height: number): number {
  return count <= height ? count : Math.max(height - 1, 0);
}

/** Says how many lines are hidden and, where there is room, the key behind which they are. */
export function drawMore(canvas: Canvas, t: View["t"], key: string, count: number): void {
  if (count === 0 || canvas.height === 0) return;
  const long = t("panel.moreAt", { count, key });
  const text = displayWidth(long) <= canvas.width ? long : t("panel.more", { count });
  canvas.text(0, canvas.height - 1, text, "dim", canvas.width);
}

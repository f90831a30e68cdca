import type { default as Line } from "blessed-contrib/lib/widget/charts/line.js";
import type { Canvas, Style } from "./canvas.ts";

/** `null` where nothing is known: the line has a gap there. */
export type Series = { readonly title: string; readonly values: readonly (number | null)[] };

export type LineChartOptions = {
  readonly min: number;
  readonly max: number;
  /** Names for points on the x axis, spread evenly below it from the first value to the last. */
  readonly labels: readonly string[];
};

/** Draws lines of braille over the whole canvas; nothing on one smaller than 16x6. */
export type DrawLineChart = (canvas: Canvas, series: readonly Series[], options: LineChartOptions) => void;

/** Only for profiles with `wideGraph`. Loads blessed-contrib the first time: 50 ms and 16 MB. */
export async function loadLineChart(): Promise<DrawLineChart> {
  const { default: LineChart } = await import("blessed-contrib/lib/widget/charts/line.js");
  return (canvas, series, options) => {
    const shown = series.filter((one) => one.values.length > 0);
    if (shown.length === 0 || canvas.width < 16 || canvas.height < 6) return;
    copy(drawn(LineChart, canvas, shown, options), canvas);
    drawLegend(canvas, shown);
    drawLabels(canvas, options.labels);
  };
}

/** Colour numbers tell us in what contrib draws which part belongs to what; no terminal ever sees them. 0 would mean "not given". */
const axisColor = 1;
const textColor = 2;
const firstSeriesColor = 3;
const seriesStyles: readonly Style[] = ["graph", "strong", "heading", "good"];

/** Cells that the y axis and its labels take: contrib's xPadding is in braille dots, two in a cell. */
const xPadding = 12;

/**
 * What contrib's line chart draws, as text with colours. It gets no real blessed screen, which would listen to
 * process signals and uncaught exceptions; it only needs one for the mouse.
 */
function drawn(LineChart: typeof Line, canvas: Canvas, series: readonly Series[], options: LineChartOptions): string {
  const { min } = options;
  const max = options.max > min ? options.max : min + 1;
  const chart = new LineChart({
    screen: { setEffects: () => {} },
    width: canvas.width,
    height: canvas.height,
    style: { line: firstSeriesColor, text: textColor, baseline: axisColor },
    xPadding,
    numYLabels: Math.max(Math.floor(canvas.height / 3), 2),
    minY: min,
    // 0 would mean "not given".
    maxY: max === 0 ? Number.MIN_VALUE : max,
  });
  chart.calcSize = () => {
    // Two dots in a cell's width, four in its height; contrib leaves one row too many below the axis.
    chart.canvasSize = { width: canvas.width * 2, height: canvas.height * 4 + 4 };
  };
  chart.emit("attach");
  adjust(chart.ctx, chart.canvasSize.width - 1);
  chart.setData(
    series.map((one, index) => ({
      title: one.title,
      // Contrib's own labels can't be placed; an empty one would be drawn as "null".
      x: one.values.map(() => " "),
      // A line to a value far outside would be walked dot by dot.
      y: one.values.map((value) => (value === null ? Number.NaN : Math.min(Math.max(value, min), max))),
      style: { line: firstSeriesColor + index },
    })),
  );
  return chart.ctx.canvas.frame();
}

/**
 * Makes a line stop before a missing value and go on behind it; a single value between two gaps is a dot. What contrib
 * would put just outside, at the top and on the right, comes to the edge.
 */
function adjust(context: Line["ctx"], right: number): void {
  const { lineTo, beginPath } = context;
  let up = true;
  context.beginPath = () => {
    up = true;
    beginPath.call(context);
  };
  context.lineTo = (x, y) => {
    if (!Number.isFinite(y)) {
      up = true;
      return;
    }
    const to = [Math.min(x, right), Math.max(y, 0)] as const;
    if (up) context.moveTo(...to);
    up = false;
    lineTo.call(context, ...to);
  };
}

const ESC = "\x1b";
const parts = new RegExp(`${ESC}\\[(?:38;5;(\\d+)|[\\d;]*)m|[^${ESC}]`, "gu");

function copy(frame: string, canvas: Canvas): void {
  let x = 0;
  let y = 0;
  let style: Style = "dim";
  for (const [part, color] of frame.matchAll(parts)) {
    if (part === "\n") {
      x = 0;
      y++;
    } else if (part.startsWith(ESC)) {
      if (color !== undefined) style = styleOf(Number(color));
    } else {
      if (part !== " ") canvas.text(x, y, part, style);
      x++;
    }
  }
}

function styleOf(color: number): Style {
  if (color < firstSeriesColor) return "dim";
  return seriesStyles[(color - firstSeriesColor) % seriesStyles.length] ?? "graph";
}

function drawLegend(canvas: Canvas, series: readonly Series[]): void {
  if (series.length < 2) return;
  let x = xPadding / 2 + 2;
  for (const [index, { title }] of series.entries())
    x = canvas.text(x, 0, `${canvas.glyphs.bullet} ${title}`, styleOf(firstSeriesColor + index)) + 2;
}

function drawLabels(canvas: Canvas, labels: readonly string[]): void {
  const left = xPadding / 2;
  const y = canvas.height - 1;
  for (const [index, label] of labels.entries()) {
    const at = labels.length === 1 ? 0 : index / (labels.length - 1);
    const x = left + Math.round(at * (canvas.width - left));
    if (index === 0) canvas.text(x, y, label, "dim");
    else if (index === labels.length - 1) canvas.textRight(canvas.width, y, label, "dim");
    else canvas.textRight(x + Math.ceil(label.length / 2), y, label, "dim");
  }
}

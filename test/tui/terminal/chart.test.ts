import assert from "node:assert/strict";
import { test } from "node:test";
import { Canvas, Cells } from "../../../tui/terminal/canvas.ts";
import { type LineChartOptions, loadLineChart, type Series } from "../../../tui/terminal/chart.ts";
import { decideProfile } from "../../../tui/terminal/profile.ts";

const { glyphs } = decideProfile({ env: { TERM: "xterm", LANG: "C.UTF-8" } });
const listeners = () => process.eventNames().map((name) => `${String(name)} ${process.listenerCount(name)}`);
const listenersBefore = listeners();
const drawLineChart = await loadLineChart();
const listenersLoaded = listeners();

function chart(series: Series[], options: Partial<LineChartOptions> = {}, width = 60, height = 15): Cells {
  const cells = new Cells(width, height);
  drawLineChart(Canvas.on(cells, glyphs), series, { min: 0, max: 100, labels: ["-60 s", "now"], ...options });
  return cells;
}

/** Columns in which something of the line is drawn. */
function columnsOf(cells: Cells, style: string): number[] {
  const columns = new Set<number>();
  for (const [at, char] of cells.chars.entries())
    if (/[\u2801-\u28ff]/.test(char) && cells.styles[at] === style) columns.add(at % cells.width);
  return [...columns].sort((a, b) => a - b);
}

const rising = Array.from({ length: 54 }, (_, index) => (index * 100) / 53);

test("a line of braille is drawn from the axis to the right edge, with numbers beside and labels below", () => {
  const cells = chart([{ title: "CPU", values: rising }]);
  const lines = cells.toLines();
  assert.match(lines.join("\n"), /^ +80 ⡇/m);
  assert.equal(lines.at(-1), `      -60 s${" ".repeat(46)}now`);
  const columns = columnsOf(cells, "graph");
  assert.ok(columns.length >= 50, String(columns));
  assert.equal(columns.at(-1), 59);
});

test("a missing value is a gap, never a zero", () => {
  const values = rising.map((value, index) => (index >= 20 && index < 30 ? null : value));
  const columns = columnsOf(chart([{ title: "CPU", values }]), "graph");
  assert.ok(
    columns.every((column) => column < 27 || column > 36),
    String(columns),
  );
  assert.ok(columns.some((column) => column < 27) && columns.some((column) => column > 36));
});

test("a single value between gaps is a dot", () => {
  const columns = columnsOf(chart([{ title: "CPU", values: [null, 50, null, null] }]), "graph");
  assert.equal(columns.length, 1);
});

test("several lines have a legend", () => {
  const cells = chart([
    { title: "read", values: rising },
    { title: "write", values: rising.toReversed() },
  ]);
  assert.match(cells.toLines()[0] ?? "", /• read {2}• write/);
  assert.ok(columnsOf(cells, "strong").length > 20);
});

test("values outside, no values, equal bounds and tiny canvases do no harm", () => {
  const values = [1e15, -1e15, Number.NaN, Number.POSITIVE_INFINITY, 3];
  chart([{ title: "x", values }]);
  chart([{ title: "x", values }], { min: 0, max: 0 });
  chart([{ title: "x", values }], { min: -5, max: 0 });
  assert.deepEqual(chart([]).toLines().join(""), "");
  assert.deepEqual(
    chart([{ title: "x", values: [] }])
      .toLines()
      .join(""),
    "",
  );
  for (const [width, height] of [
    [1, 1],
    [16, 6],
    [17, 7],
    [400, 150],
  ] as const)
    chart([{ title: "x", values }], {}, width, height);
});

test("no listener, timer or handle is left behind, and no signal is touched", () => {
  const before = listeners();
  for (let count = 0; count < 20; count++) chart([{ title: "CPU", values: rising }]);
  assert.deepEqual(listeners(), before);
  assert.deepEqual(listenersLoaded, listenersBefore);
  assert.deepEqual(
    process.getActiveResourcesInfo().filter((name) => name === "Timeout" || name === "TTYWrap"),
    [],
  );
});

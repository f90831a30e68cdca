import assert from "node:assert/strict";
import { test } from "node:test";
import { english } from "../../../tui/i18n/catalogue.ts";
import { drawCores } from "../../../tui/widgets/cores.ts";
import { lines } from "./support.ts";

const t = english();

function show(width: number, height: number, cores: readonly (number | null)[]): string[] {
  return lines(width, height, (c) => drawCores(c, cores, t));
}

test("a few cores have a bar with a figure each, numbered down the columns", () => {
  assert.deepEqual(show(48, 3, [0, 0.25, 1, null, 0.999]), [
    "0 [.............]   0 %  3 [             ]     -",
    "1 [###..........]  25 %  4 [############.]  99 %",
    "2 [#############] 100 %",
  ]);
});

test("256 cores fit 80x24 and 60x20, and each of them is there", () => {
  const cores = Array.from({ length: 256 }, (_, i) => (i === 100 ? null : i / 255));
  for (const [width, height] of [
    [80, 24],
    [78, 8],
    [60, 20],
    [60, 6],
  ] as const) {
    const screen = show(width, height, cores);
    assert.match(screen.join("\n"), /^ {2}0 /m);
    assert.equal(screen.join("").split("-").length - 1, 1, "one core is unknown");
    assert.doesNotMatch(screen.join("\n"), /more/);
  }
});

test("cores that have no room of their own are counted", () => {
  const screen = show(22, 3, Array<number>(256).fill(0.5));
  assert.deepEqual(screen, ["  0 :::::::: ::::::::", " 16 :::::::: ::::::::", "    224 more"]);
});

test("rows of columns begin with the number of their first core and are as high as there is room", () => {
  const screen = show(40, 4, [...Array<number>(32).fill(1), ...Array<number>(8).fill(0)]);
  assert.deepEqual(screen, [
    "   ######## ######## ######## ########",
    " 0 ######## ######## ######## ########",
    "",
    "32 ........",
  ]);
});

test("no core and no room are no failure", () => {
  assert.deepEqual(show(40, 2, []), ["", ""]);
  assert.deepEqual(show(5, 1, [0.5, 0.5]), ["0 ::"]);
  assert.deepEqual(show(0, 0, [0.5]), []);
});

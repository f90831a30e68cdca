import assert from "node:assert/strict";
import { test } from "node:test";
import { asciiGlyphs, Canvas, Cells } from "../../../tui/terminal/canvas.ts";

function canvasOf(width: number, height: number): { cells: Cells; canvas: Canvas } {
  const cells = new Cells(width, height);
  return { cells, canvas: Canvas.on(cells, asciiGlyphs) };
}

test("text is cut at the edge with the console's ellipsis and says where it ended", () => {
  const { cells, canvas } = canvasOf(8, 2);
  assert.equal(canvas.text(1, 0, "abc"), 4);
  assert.equal(canvas.text(2, 1, "management"), 8);
  assert.deepEqual(cells.toLines(), [" abc", "  manag~"]);
});

test("drawing outside does nothing", () => {
  const { cells, canvas } = canvasOf(3, 2);
  canvas.text(0, 2, "x");
  canvas.text(0, -1, "x");
  canvas.text(3, 0, "x");
  canvas.text(-1, 0, "x");
  canvas.fill({ x: -5, y: -5, width: 3, height: 3 }, "#");
  canvas.cursor(3, 0);
  assert.deepEqual(cells.toLines(), ["", ""]);
  assert.equal(cells.cursor, null);
});

test("a part draws on its parent, moved and cut", () => {
  const { cells, canvas } = canvasOf(10, 3);
  const part = canvas.part(2, 1, 4, 5);
  assert.deepEqual([part.width, part.height], [4, 2]);
  part.text(0, 0, "abcdef");
  part.part(1, 1).text(0, 0, "xyz");
  part.cursor(1, 1);
  assert.deepEqual(cells.toLines(), ["", "  abc~", "   xyz"]);
  assert.deepEqual(cells.cursor, { x: 3, y: 2 });
  assert.deepEqual([canvas.part(20, 20).width, canvas.part(20, 20).height], [0, 0]);
});

test("a wide character takes two cells; overwriting one half blanks the other", () => {
  const { cells, canvas } = canvasOf(6, 1);
  canvas.text(0, 0, "密码x");
  assert.deepEqual(cells.chars, ["密", "", "码", "", "x", " "]);
  canvas.text(1, 0, "ab");
  assert.deepEqual(cells.chars, [" ", "a", "b", " ", "x", " "]);
  canvas.text(3, 0, "网");
  assert.deepEqual(cells.chars, [" ", "a", "b", "网", "", " "]);
  canvas.text(2, 0, "络");
  assert.deepEqual(cells.chars, [" ", "a", "络", "", " ", " "]);
});

test("a wide character that doesn't fit at the edge is left out", () => {
  const { cells, canvas } = canvasOf(3, 1);
  canvas.text(0, 0, "密码");
  assert.deepEqual(cells.chars, ["密", "", "~"]);
  cells.set(2, 0, "网", 2, "text");
  assert.deepEqual(cells.chars, ["密", "", "~"]);
});

test("text to the right ends before its column", () => {
  const { cells, canvas } = canvasOf(8, 1);
  canvas.textRight(8, 0, "使用 1");
  assert.deepEqual(cells.toLines(), ["  使用 1"]);
});

test("clearing leaves blanks in the given style", () => {
  const { cells, canvas } = canvasOf(2, 1);
  canvas.text(0, 0, "ab", "bad");
  canvas.clear("bar");
  assert.deepEqual(
    [cells.chars, cells.styles],
    [
      [" ", " "],
      ["bar", "bar"],
    ],
  );
});

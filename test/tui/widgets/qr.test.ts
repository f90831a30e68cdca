import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { asciiGlyphs, type Cells } from "../../../tui/terminal/canvas.ts";
import { type Code, codeOf, drawCode } from "../../../tui/widgets/qr.ts";
import { blockGlyphs, drawn } from "./support.ts";

const address = "http://192.168.100.200:7071/abcdefghijkmnpqr/";
const code = codeOf(address);

/** Light and dark of each module, as they are on the screen; `margin` is left out. */
function modulesOf(cells: Cells, wide: boolean, margin: number, size: number): boolean[][] {
  const at = (x: number, y: number) => {
    const [column, row] = wide ? [x * 2, y] : [x, Math.floor(y / 2)];
    const char = cells.chars[row * cells.width + column] ?? "";
    const style = cells.styles[row * cells.width + column];
    if (wide) {
      assert.equal(char, " ");
      return style !== "paper";
    }
    assert.equal(style, "paper");
    return char === "█" || char === (y % 2 === 0 ? "▀" : "▄");
  };
  return Array.from({ length: size }, (_, y) => Array.from({ length: size }, (_, x) => at(x + margin, y + margin)));
}

function modules(of: Code): boolean[][] {
  return Array.from({ length: of.size }, (_, y) => Array.from({ length: of.size }, (_, x) => of.get(x, y)));
}

describe("the code of an address", () => {
  test("is of 29 modules for the longest IPv4 address, with the three corners that readers look for", () => {
    assert.equal(code.size, 29);
    for (const [x, y] of [
      [0, 0],
      [22, 0],
      [0, 22],
    ] as const) {
      assert.ok(code.get(x, y) && code.get(x + 6, y + 6) && code.get(x + 3, y + 3));
      assert.ok(!code.get(x + 1, y + 1));
    }
    assert.ok(!code.get(-1, 0) && !code.get(29, 29));
  });

  test("fits 80x24 with half blocks, light all round, each module as it is", () => {
    const cells = drawn(76, 21, (canvas) => assert.equal(drawCode(canvas, code), 37), blockGlyphs);
    assert.deepEqual(modulesOf(cells, false, 4, code.size), modules(code));
    assert.ok(cells.chars.slice(0, 37).every((char) => char === " "));
    assert.ok(cells.styles.slice(0, 37).every((style) => style === "paper"));
    assert.equal(cells.styles[37], "text");
  });

  test("of an IPv6 address fits 80x24 too", () => {
    const long = codeOf("http://[fd00:1234:5678:9abc:def0:1234:5678:9abc]:7071/abcdefghijkmnpqr/");
    drawn(44, 21, (canvas) => assert.ok(drawCode(canvas, long) > 0), blockGlyphs);
  });

  test("without half blocks is drawn by the background alone, two cells a module, on a larger screen", () => {
    const cells = drawn(90, 35, (canvas) => assert.equal(drawCode(canvas, code), 66), asciiGlyphs);
    assert.deepEqual(modulesOf(cells, true, 2, code.size), modules(code));
  });

  test("is not drawn at all where it has no room", () => {
    for (const [width, height, glyphs] of [
      [76, 21, asciiGlyphs],
      [32, 21, blockGlyphs],
      [76, 16, blockGlyphs],
    ] as const) {
      const cells = drawn(width, height, (canvas) => assert.equal(drawCode(canvas, code), 0), glyphs);
      assert.ok(cells.styles.every((style) => style === "text"));
    }
  });
});

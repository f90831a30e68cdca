import assert from "node:assert/strict";
import { test } from "node:test";
import { cellsOf, displayWidth, pad, truncate, wrap } from "../../../tui/terminal/width.ts";
import { Random } from "../../support/random.ts";

const shown = (text: string) => [...cellsOf(text)].map((cell) => cell.char).join("");

test("Chinese and emoji take two cells, Latin letters and graph blocks one", () => {
  const widths: [string, number][] = [
    ["", 0],
    ["abc", 3],
    ["密码", 4],
    ["CPU 使用率", 10],
    ["🔑", 2],
    ["é", 1],
    ["e\u0301", 1],
    ["█▁…─", 4],
    ["Ａ", 2],
    ["👩‍👩‍👧", 2],
    ["한국어", 6],
  ];
  for (const [text, width] of widths) assert.equal(displayWidth(text), width, text);
});

test("the short cut for simple characters gives what the long way gives", () => {
  for (let code = 0; code < 0xd800; code++) {
    const char = String.fromCharCode(code);
    // A mark behind takes the short cut away.
    const slow = [...cellsOf(`${char}\u20dd`)][0];
    const fast = [...cellsOf(char)][0];
    assert.equal(fast?.width, slow?.width, code.toString(16));
  }
});

test("nothing that could move the cursor or turn the text around is shown", () => {
  const evil = "\x1b[2J|\r\n|\x9b|\x07|\u202e|\u200b|\u2028|\u061c|\ufeff|\u00ad|\ud800|\u{e0041}x";
  assert.equal(shown(evil), "?[2J|?|?|?|?|?|?|?|?|?|?|x");
});

test("combining marks stay with their base; one without is dropped, a heap of them too", () => {
  assert.deepEqual(
    [...cellsOf("e\u0301x")],
    [
      { char: "e\u0301", width: 1 },
      { char: "x", width: 1 },
    ],
  );
  assert.equal(shown("\u0301x"), "x");
  assert.equal(shown(`a${"\u0301".repeat(50)}b`), "ab");
});

test("an emoji of several code points shows its first", () => {
  assert.deepEqual(
    [...cellsOf("👩‍👩‍👧!")],
    [
      { char: "👩", width: 2 },
      { char: "!", width: 1 },
    ],
  );
});

test("a text is cut at cells, never inside a wide character, and ends in the ellipsis", () => {
  assert.equal(truncate("management", 6, "~"), "manag~");
  assert.equal(truncate("management", 10, "~"), "management");
  assert.equal(truncate("管理网络", 6, "~"), "管理~");
  assert.equal(truncate("管理网络", 5, "…"), "管理…");
  assert.equal(truncate("管理", 1, "…"), "");
  assert.equal(truncate("abc", 0, "~"), "");
  assert.equal(truncate("abc", -3, "~"), "");
});

test("a padded text has exactly the asked width", () => {
  assert.equal(pad("up", 5), "up   ");
  assert.equal(pad("up", 5, "right"), "   up");
  assert.equal(pad("管理网络", 5), "管理 ");
});

test("lines break at spaces, Chinese anywhere, long words where they must", () => {
  assert.deepEqual(wrap("the quick brown fox", 10), ["the quick", "brown fox"]);
  assert.deepEqual(wrap("设置管理网络", 5), ["设置", "管理", "网络"]);
  assert.deepEqual(wrap("设置（管理）网络。", 6), ["设置", "（管", "理）网", "络。"]);
  assert.deepEqual(wrap("fe80::5054:ff:fe12:3456", 10), ["fe80::5054", ":ff:fe12:3", "456"]);
  assert.deepEqual(wrap("a\n\nb", 10), ["a", "", "b"]);
  assert.deepEqual(wrap("👩‍👩‍👧👩‍👩‍👧x", 2), ["👩", "👩", "x"]);
  assert.deepEqual(wrap("text", 0), []);
});

test("wrapped lines are never too wide and lose no letter (500 seeded runs)", () => {
  for (let seed = 0; seed < 500; seed++) {
    const random = new Random(seed);
    const parts = Array.from({ length: random.below(20) }, () =>
      random.pick(["a", "word", " ", "  ", "网", "络。", "é", "-"]),
    );
    const text = parts.join("");
    const width = 2 + random.below(12);
    const lines = wrap(text, width);
    for (const line of lines) assert.ok(displayWidth(line) <= width, `seed ${seed}: "${line}" is wider than ${width}`);
    assert.equal(lines.join("").replaceAll(" ", ""), text.replaceAll(" ", ""), `seed ${seed}`);
  }
});

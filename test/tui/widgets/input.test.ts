import assert from "node:assert/strict";
import { test } from "node:test";
import { displayWidth } from "../../../tui/terminal/width.ts";
import { type InputOptions, TextInput } from "../../../tui/widgets/input.ts";
import { drawn, inStyle, lines, paste, press } from "./support.ts";

function shown(input: TextInput, width: number): { line: string; cursor: number | undefined } {
  const cells = drawn(width, 1, (canvas) => input.draw(canvas));
  return { line: cells.toLines()[0] ?? "", cursor: cells.cursor?.x };
}

const edits: readonly (readonly [name: string, keys: readonly string[], value: string, cursor: number])[] = [
  ["typing goes to the end", ["10.0.0.5"], "10.0.0.5", 8],
  ["a digit in the middle of an address", ["10.0.5", "left", "0", "."], "10.0.0.5", 7],
  ["backspace at the cursor", ["abc", "left", "backspace"], "ac", 1],
  ["backspace at the start", ["abc", "home", "backspace"], "abc", 0],
  ["delete at the cursor", ["abc", "home", "delete"], "bc", 0],
  ["delete at the end", ["abc", "delete"], "abc", 3],
  ["Home and End", ["abc", "home", "x", "end", "y"], "xabcy", 5],
  ["Ctrl-A and Ctrl-E", ["abc", "^a", "x", "^e", "y"], "xabcy", 5],
  ["Ctrl-U clears to the start", ["abcd", "left", "^u"], "d", 0],
  ["Ctrl-K clears to the end", ["abcd", "left", "left", "^k"], "ab", 2],
  ["Ctrl-W deletes a word and the blanks behind it", ["one two  ", "^w"], "one ", 4],
  ["Ctrl-W inside a word", ["one two", "left", "^w"], "one o", 4],
  ["left and right stop at the ends", ["a", "left", "left", "b", "right", "right", "right", "c"], "bac", 3],
  ["a wide character is one step and two cells", ["管理网", "left", "x"], "管理x网", 5],
  ["backspace takes a whole wide character", ["管理网", "backspace"], "管理", 4],
  ["a combining mark belongs to its letter", ["xe\u0301y", "left", "backspace"], "xy", 1],
  ["an emoji of several code points is one character", ["a👨‍👩‍👧b", "left", "backspace"], "ab", 1],
];

for (const [name, keys, value, cursor] of edits)
  test(`editing: ${name}`, () => {
    const input = new TextInput();
    press(input, ...keys);
    assert.equal(input.value, value);
    assert.equal(shown(input, 40).cursor, cursor);
  });

test("a combining mark that is typed as a key of its own joins the letter before the cursor", () => {
  const input = new TextInput({ value: "ea" });
  press(input, "left", "\u0301", "x");
  assert.equal(input.value, "e\u0301xa");
});

test("a letter that is typed before a lone combining mark takes it, and the cursor goes behind both", () => {
  const input = new TextInput({ value: "\u0301a" });
  press(input, "home", "e", "x");
  assert.equal(input.value, "e\u0301xa");
});

test("of a paste what stands before the first line break is taken, without control characters", () => {
  const input = new TextInput();
  assert.equal(paste(input, "10.0.\t0\u00075\r\nsecond"), true);
  assert.equal(input.value, "10.0.05");
  press(input, "home");
  paste(input, "x\n");
  assert.equal(input.value, "x10.0.05");
});

test("the rest of a paste that came as characters, from its line break on, adds nothing", () => {
  const input = new TextInput({ value: "127.0.0.1" });
  assert.equal(paste(input, "\nsecond"), true);
  assert.equal(input.value, "127.0.0.1");
});

const proposal = "114.114.114.114";
const onProposal: readonly (readonly [name: string, keys: readonly string[], value: string])[] = [
  ["typed characters take its place", ["10.0.0.5"], "10.0.0.5"],
  ["backspace edits it", ["backspace", "5"], "114.114.114.115"],
  ["a moved cursor edits it", ["home", "1"], "1114.114.114.114"],
  ["a character that is not allowed leaves it", ["x"], proposal],
  ["a key for the form leaves it a proposal", ["tab", "8"], "8"],
];
for (const [name, keys, value] of onProposal)
  test(`a proposed text: ${name}`, () => {
    const input = new TextInput({ value: proposal, replaceOnType: true, allowed: (char) => /[0-9.]/.test(char) });
    press(input, ...keys);
    assert.equal(input.value, value);
  });

test("a proposed text is replaced by a paste, and drawn as selected until then", () => {
  const input = new TextInput({ value: proposal, replaceOnType: true });
  const selected = () =>
    inStyle(
      drawn(20, 1, (canvas) => input.draw(canvas)),
      "selected",
    );
  assert.equal(selected(), proposal);
  paste(input, "\nsecond");
  assert.equal(input.value, proposal);
  paste(input, "192.0.2.1\n");
  assert.equal(input.value, "192.0.2.1");
  assert.equal(selected(), "");
});

test("after the end of an entry what is typed is the whole secret, and backspace leaves nothing of it", () => {
  const input = new TextInput({ masked: true, value: "first" });
  input.endEntry();
  press(input, "left", "second");
  assert.equal(input.value, "second");
  input.endEntry();
  press(input, "backspace");
  assert.equal(input.value, "");
  const seen = new TextInput({ value: "10.0.0." });
  seen.endEntry();
  press(seen, "5");
  assert.equal(seen.value, "10.0.0.5");
});

test("what would be longer than allowed is not taken, and no character is halved", () => {
  const input = new TextInput({ maxLength: 5 });
  paste(input, "abc👍👍");
  assert.equal(input.value, "abc👍");
  press(input, "x");
  assert.equal(input.value.length, 5);
});

test("a hundred thousand pasted characters are cut at the limit", () => {
  const input = new TextInput();
  paste(input, "网".repeat(100_000));
  assert.equal(input.value.length, 1024);
});

test("only allowed characters are taken, and the others are used up all the same", () => {
  const input = new TextInput({ allowed: (char) => /[0-9.]/.test(char) });
  assert.deepEqual(press(input, "1j.x"), [true, true, true, true]);
  assert.equal(input.value, "1.");
});

test("keys that move between fields or leave the screen are not taken", () => {
  const taken = press(
    new TextInput(),
    "up",
    "down",
    "tab",
    "backtab",
    "enter",
    "esc",
    "f1",
    "f2",
    "pageup",
    "insert",
    "^l",
  );
  assert.ok(taken.every((t) => !t));
});

test("a long text scrolls so that the cursor is in sight wherever it is", () => {
  for (const text of ["abcdefghijklmnopqrstuvwxyz0123456789", "管理网络接口地址掩码网关", "a管b理c网d络e接f口g地h址"]) {
    for (let width = 1; width <= 40; width++) {
      const input = new TextInput({ value: text });
      for (let step = 0; step <= text.length + 1; step++) {
        const { line, cursor } = shown(input, width);
        assert.ok(cursor !== undefined && cursor >= 0 && cursor < width, `${width}: ${cursor}`);
        assert.ok(displayWidth(line) <= width);
        press(input, "left");
      }
      assert.equal(shown(input, width).cursor, 0);
    }
  }
});

test("the character that the cursor is on is the one that is drawn there", () => {
  const text = "abcdefghijklmnopqrstuvwxyz";
  for (let width = 6; width <= 27; width++) {
    const input = new TextInput({ value: text });
    press(input, "home");
    for (const char of text) {
      const { line, cursor } = shown(input, width);
      assert.equal(line[cursor ?? -1], char, `width ${width}: ${line}`);
      press(input, "right");
    }
  }
});

test("a text that is cut shows so at both ends", () => {
  const input = new TextInput({ value: "abcdefghijklmnopqrstuvwxyz" });
  press(input, ...Array<string>(13).fill("left"));
  assert.deepEqual(
    lines(10, 1, (canvas) => input.draw(canvas)),
    ["~jklmnopq~"],
  );
});

test("typing at the end of a long text moves the rest only now and then", () => {
  const input = new TextInput();
  let moved = 0;
  let before = "";
  for (let i = 0; i < 100; i++) {
    press(input, String(i % 10));
    const { line } = shown(input, 20);
    if (!line.startsWith(before)) moved++;
    before = line;
  }
  assert.ok(moved <= 10, `${moved} times`);
});

test("of a secret nothing is drawn: not a character, not how many there are", () => {
  const options: InputOptions = { masked: true };
  const input = new TextInput(options);
  const empty = drawn(20, 1, (canvas) => input.draw(canvas));
  press(input, "s3crét 密码");
  const filled = drawn(20, 1, (canvas) => input.draw(canvas));
  assert.deepEqual(filled, empty);
  assert.equal(input.value, "s3crét 密码");
  assert.doesNotMatch(JSON.stringify(input), /s3c/);
});

test("a secret is edited at its end only", () => {
  const input = new TextInput({ masked: true });
  press(input, "abc", "left", "home", "^a", "^k", "delete", "d", "backspace", "e");
  assert.equal(input.value, "abce");
  press(input, "^u", "xy z", "^w");
  assert.equal(input.value, "");
});

test("a placeholder shows while there is no text and no focus", () => {
  const input = new TextInput();
  assert.deepEqual(
    lines(20, 1, (c) => input.draw(c, { focused: false, placeholder: "not set" })),
    ["not set"],
  );
  assert.deepEqual(
    lines(20, 1, (c) => input.draw(c, { focused: true, placeholder: "not set" })),
    [""],
  );
  press(input, "a");
  assert.deepEqual(
    lines(20, 1, (c) => input.draw(c, { focused: false, placeholder: "not set" })),
    ["a"],
  );
});

test("without the focus there is no cursor", () => {
  const input = new TextInput({ value: "abc" });
  assert.equal(drawn(20, 1, (c) => input.draw(c, { focused: false })).cursor, null);
});

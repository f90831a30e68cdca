import assert from "node:assert/strict";
import { test } from "node:test";
import { plainLine } from "../../../core/node/plain-text.ts";

const cases: [what: string, input: string, output: string][] = [
  ["plain text stays", "Started ssh.service – 10 °C 中文 🙂", "Started ssh.service – 10 °C 中文 🙂"],
  ["colours are dropped", "\x1b[1;31mfailed\x1b[0m", "failed"],
  ["a title sequence is dropped", "a\x1b]0;owned\x07b", "ab"],
  ["a link sequence is dropped", "\x1b]8;;http://x\x1b\\here\x1b]8;;\x1b\\", "here"],
  ["a charset switch is dropped", "\x1b(0qqq", "qqq"],
  ["tabs and line ends become blanks", "a\tb\r\nc", "a b c"],
  ["other controls become question marks", "a\x00b\x07c\x9bd\x7f", "a?b?c?d?"],
  ["bidirectional overrides become question marks", "abc\u202edef", "abc?def"],
  ["a lone surrogate becomes a question mark", "a\ud83dz", "a?z"],
  ["blanks at the end go", "a  \n", "a"],
];
for (const [what, input, output] of cases) test(what, () => assert.equal(plainLine(input, 100), output));

test("a long line is cut to the length and says so", () => {
  assert.equal(plainLine("x".repeat(50), 10), `${"x".repeat(9)}…`);
});

test("a cut never leaves half of a character", () => {
  assert.equal(plainLine("🙂🙂🙂🙂", 4), "🙂…");
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { couldBePassword, passwordProblems } from "../../../core/model/password.ts";

const cases: [what: string, next: string, problems: string[]][] = [
  ["eight characters are enough", "kX3$vb.q", []],
  ["spaces at both ends and inside are allowed", "  two words ", []],
  ["quotes, colons, dollars and backslashes are allowed", `a"b'c:d$e\\f`, []],
  ["letters of any script are allowed", "пароль-密码-ñ", []],
  ["characters are counted, not bytes or halves", "密码密码密码密码", []],
  ["seven characters are too few", "kX3$vb.", ["PASSWORD.TOO_SHORT"]],
  ["seven characters outside the basic plane are too few", "😀😃😄😁😆😅😂", ["PASSWORD.TOO_SHORT"]],
  ["nothing is empty, and only that", "", ["PASSWORD.EMPTY"]],
  ["511 bytes are the longest", `${"aB".repeat(255)}c`, []],
  ["512 bytes are too long", "aB".repeat(256), ["PASSWORD.TOO_LONG"]],
  ["bytes are counted for the length: 171 Chinese characters are too long", "密码字".repeat(57), ["PASSWORD.TOO_LONG"]],
  ["1,000 characters are too long", "xY".repeat(500), ["PASSWORD.TOO_LONG"]],
  ["a line feed is refused", "first\nsecond", ["PASSWORD.CONTROL_CHARACTER"]],
  ["a NUL is refused", "first\0second", ["PASSWORD.CONTROL_CHARACTER"]],
  ["a tab is refused", "first\tsecond", ["PASSWORD.CONTROL_CHARACTER"]],
  ["an escape sequence is refused", "\x1b[A\x1b[Bxyz", ["PASSWORD.CONTROL_CHARACTER"]],
  ["a C1 control is refused", "first\x9bsecond", ["PASSWORD.CONTROL_CHARACTER"]],
  ["half a surrogate pair is refused", "first\ud800second", ["PASSWORD.CONTROL_CHARACTER"]],
  ["a common word is refused", "password", ["PASSWORD.COMMON"]],
  ["capitals do not help a common word", "PassWord", ["PASSWORD.COMMON"]],
  ["digits and marks behind do not help either", "Admin2024!", ["PASSWORD.COMMON"]],
  ["one letter again and again is common", "zzzzzzzzzz", ["PASSWORD.COMMON"]],
  ["a run upwards is common", "23456789", ["PASSWORD.COMMON"]],
  ["a run downwards is common", "hgfedcba", ["PASSWORD.COMMON"]],
  ["several problems are all named", "ab\n", ["PASSWORD.CONTROL_CHARACTER", "PASSWORD.TOO_SHORT"]],
];

for (const [what, next, problems] of cases) {
  test(what, () => assert.deepEqual(passwordProblems(next), problems));
}

test("the old password again is refused", () => {
  assert.deepEqual(passwordProblems("kX3$vb.q", "kX3$vb.q"), ["PASSWORD.SAME"]);
  assert.deepEqual(passwordProblems("kX3$vb.q", "kX3$vb.Q"), []);
});

test("what can't have been set is not worth asking for, and never reaches the helper", () => {
  for (const no of ["", "a\0b", "\0", "\ud800", "a".repeat(512)]) assert.equal(couldBePassword(no), false);
  for (const yes of ["a", "tab\tinside", "a".repeat(511), "密码"]) assert.equal(couldBePassword(yes), true);
});

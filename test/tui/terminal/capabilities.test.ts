import assert from "node:assert/strict";
import { test } from "node:test";
import { capabilitiesOf } from "../../../tui/terminal/capabilities.ts";

test("a terminal's sequences come from its terminfo entry, without padding", () => {
  const vt100 = capabilitiesOf("vt100");
  assert.equal(vt100.clear, "\x1b[H\x1b[J");
  assert.equal(vt100.eraseToEnd, "\x1b[K");
  assert.equal(vt100.eraseCells, null);
  for (const value of Object.values(vt100)) if (typeof value === "string") assert.ok(!value.includes("$<"), value);
  const linux = capabilitiesOf("linux");
  assert.equal(linux.hideCursor, "\x1b[?25l\x1b[?1c");
  assert.equal(linux.eraseCells?.(20), "\x1b[20X");
});

test("xterm and its kin keep the alternate screen, with or without a terminfo entry that blessed can read", () => {
  for (const term of ["xterm", "xterm-256color", "screen-256color", "tmux", "alacritty", "xterm-nosuch"])
    assert.match(capabilitiesOf(term).enterScreen, /\?1049h/, term);
});

test("an unknown, missing or malicious TERM gets sequences that every terminal understands", () => {
  for (const term of [
    undefined,
    "",
    "nosuch",
    "dumb",
    "../../../etc/passwd",
    "/etc/passwd",
    "a".repeat(10_000),
    "x\0y",
  ]) {
    const capabilities = capabilitiesOf(term);
    assert.equal(capabilities.moveTo(4, 2), "\x1b[3;5H", term);
    assert.equal(capabilities.enterScreen, "", term);
    assert.notEqual(capabilities.clear, "");
  }
});

test("moving leaves out what is 1 anyway", () => {
  const { moveTo } = capabilitiesOf("linux");
  assert.deepEqual([moveTo(0, 0), moveTo(0, 5), moveTo(5, 0)], ["\x1b[H", "\x1b[6H", "\x1b[1;6H"]);
});

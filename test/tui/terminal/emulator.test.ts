import assert from "node:assert/strict";
import { test } from "node:test";
import { asciiGlyphs, Canvas, Cells } from "../../../tui/terminal/canvas.ts";
import { capabilitiesOf } from "../../../tui/terminal/capabilities.ts";
import { Emulator } from "../../../tui/terminal/emulator.ts";
import { renderFrame } from "../../../tui/terminal/frame.ts";
import { decideProfile } from "../../../tui/terminal/profile.ts";
import { Random } from "../../support/random.ts";

async function printed(bytes: Uint8Array | string, height = 6): Promise<Cells> {
  const emulator = new Emulator(40, height);
  const given = typeof bytes === "string" ? Buffer.from(bytes) : bytes;
  await new Promise<void>((resolve) => emulator.write(given, resolve));
  const cells = new Cells(40, height);
  emulator.draw(Canvas.on(cells, asciiGlyphs));
  emulator.close();
  return cells;
}

test("what a guest prints stands where a terminal would put it", async () => {
  const cells = await printed("login: root\r\n\x1b[3;5Hthere\x1b[1mbold\x1b[m\b\b");
  assert.deepEqual(cells.toLines().slice(0, 3), ["login: root", "", "    therebold"]);
  assert.deepEqual(cells.cursor, { x: 11, y: 2 });
});

test("bytes of a letter that come one by one are one letter, and a wide one takes two cells", async () => {
  const emulator = new Emulator(20, 2);
  for (const byte of Buffer.from("数a"))
    await new Promise<void>((resolve) => emulator.write(Uint8Array.of(byte), resolve));
  const cells = new Cells(20, 2);
  emulator.draw(Canvas.on(cells, asciiGlyphs));
  emulator.close();
  assert.deepEqual(cells.chars.slice(0, 4), ["数", "", "a", " "]);
});

test("of a flood of accents, joiners and half syllables a cell keeps a few, however they come", async () => {
  const emulator = new Emulator(20, 2);
  const write = (text: string) => new Promise<void>((resolve) => emulator.write(Buffer.from(text), resolve));
  await write("e\u0301x");
  for (let times = 0; times < 50; times++) await write("\u0301\u200d\u1160".repeat(100));
  await write("y");
  const cells = new Cells(20, 2);
  emulator.draw(Canvas.on(cells, asciiGlyphs));
  emulator.close();
  assert.equal(cells.chars[0], "e\u0301");
  assert.ok((cells.chars[1]?.length ?? 0) < 12, JSON.stringify(cells.chars[1]));
  assert.equal(cells.chars[2], "y");
});

test("frames of a guest's menu are plus, minus and bars on a console that knows ASCII alone", async () => {
  const cells = await printed("┌──┐\r\n│█x│\r\n\x1b(0lqk\x1b(B");
  assert.deepEqual(cells.toLines().slice(0, 3), ["+--+", "|#x|", "+-+"]);
});

test("nothing that a guest prints reaches the terminal but characters: neither sequences, nor titles, nor questions", async () => {
  const evil = [
    "\x1b]0;owned\x07\x1b]52;c;cm0gLXJmCg==\x07\x1b[?1000h\x1b[?2004h\x1b[6n\x1b[c\x1bP$qm\x1b\\\x1b[8;1;1t\x1b[5i",
    "\x1b[?1049h\x1b]8;;http://x\x07link\x1b]8;;\x07\x9b31m\u202eright\u200b\x1b#8\x1b%@\x0e\x7f\x05",
  ].join("");
  const cells = await printed(evil);
  const caps = capabilitiesOf("vt220");
  const profile = decideProfile({ env: { TERM: "xterm-256color", LANG: "C.UTF-8" } }, "rich");
  const frame = renderFrame(null, cells, profile, caps);
  // Of sequences there are those alone that move, colour and hide the cursor.
  assert.deepEqual(
    frame
      .split("\x1b")
      .slice(1)
      .filter((sequence) => !/^(?:\(B|\[(?:[\d;]*[HmKJXG]|\?(?:25|7)[hl]))/.test(sequence)),
    [],
  );
  assert.ok(
    [...frame].every((char) => char === "\x1b" || !/[\p{Cc}\p{Cf}]/u.test(char)),
    JSON.stringify(frame),
  );
  assert.ok(!frame.includes("owned"));
});

test("random bytes never fail, never become control characters, and make nobody write on standard error", async (t) => {
  const said = (["log", "info", "warn", "error", "debug"] as const).map((name) =>
    t.mock.method(console, name, () => undefined),
  );
  const random = new Random(20261130);
  for (let round = 0; round < 40; round++) {
    const bytes = Uint8Array.from({ length: 600 }, () => (random.below(5) === 0 ? 0x1b : random.below(256)));
    const { chars } = await printed(bytes);
    assert.ok(chars.every((char) => !/[\p{Cc}\p{Cf}\p{Cs}]/u.test(char)));
  }
  assert.deepEqual(
    said.map(({ mock }) => mock.callCount()),
    [0, 0, 0, 0, 0],
  );
});

test("of a screen that is too high for its room, the part with the cursor is shown", async () => {
  const emulator = new Emulator(10, 8);
  await new Promise<void>((resolve) => emulator.write(Buffer.from("1\r\n2\r\n3\r\n4\r\n5\r\n6"), resolve));
  const cells = new Cells(10, 4);
  emulator.draw(Canvas.on(cells, asciiGlyphs));
  emulator.close();
  assert.deepEqual(cells.toLines(), ["3", "4", "5", "6"]);
  assert.deepEqual(cells.cursor, { x: 1, y: 3 });
});

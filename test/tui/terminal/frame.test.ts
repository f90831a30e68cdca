import assert from "node:assert/strict";
import { test } from "node:test";
import { Canvas, Cells, type Style, styles } from "../../../tui/terminal/canvas.ts";
import { capabilitiesOf } from "../../../tui/terminal/capabilities.ts";
import { renderFrame } from "../../../tui/terminal/frame.ts";
import { decideProfile, type Profile } from "../../../tui/terminal/profile.ts";
import { Random } from "../../support/random.ts";
import { drawNaively, Emulator } from "./screen.ts";

const profileOf = (term: string): Profile => decideProfile({ env: { TERM: term, LANG: "C.UTF-8" } });
const xterm = { profile: profileOf("xterm-256color"), caps: capabilitiesOf("xterm-256color") };
const vt220 = { profile: profileOf("vt220"), caps: capabilitiesOf("vt220") };

function screenOf(width: number, height: number, ...lines: string[]): Cells {
  const cells = new Cells(width, height);
  const canvas = Canvas.on(cells, xterm.profile.glyphs);
  for (const [y, line] of lines.entries()) canvas.text(0, y, line);
  return cells;
}

const seeds = process.env["SEED"] === undefined ? [...Array(30).keys()] : [Number(process.env["SEED"])];

for (const term of ["linux", "vt100", "vt220", "xterm-256color", "dumb"]) {
  test(`TERM=${term}: any sequence of frames leaves on the screen what was drawn last (${seeds.length} seeds)`, async () => {
    const profile = profileOf(term);
    const caps = capabilitiesOf(term);
    for (const seed of seeds) {
      const random = new Random(seed);
      let [width, height] = randomSize(random);
      const emulator = new Emulator(width, height);
      const reference = new Emulator(width, height);
      let previous: Cells | null = null;
      // A terminal that gets smaller may scroll by itself.
      let scrolled = 0;
      for (let count = 0; count < 8; count++) {
        if (random.chance(10)) {
          [width, height] = randomSize(random);
          emulator.resize(width, height);
          reference.resize(width, height);
          scrolled = emulator.scrolled;
        }
        const next = randomCells(random, width, height, previous, !profile.ascii);
        await emulator.write(renderFrame(previous, next, profile, caps));
        await reference.write(drawNaively(next, profile));
        const place = `SEED=${seed} frame ${count} ${width}x${height}`;
        assert.deepEqual(emulator.cells(), reference.cells(), place);
        assert.deepEqual(
          emulator.lines().map((line) => line.trimEnd()),
          next.toLines(),
          place,
        );
        assert.equal(emulator.scrolled, scrolled, place);
        if (next.cursor !== null) assert.deepEqual(emulator.cursor, next.cursor, place);
        assert.equal(renderFrame(next, next, profile, caps), "", place);
        previous = next;
      }
    }
  });
}

function randomSize(random: Random): [number, number] {
  return random.pick<[number, number]>([
    [1, 1],
    [2, 1],
    [1, 5],
    [7, 3],
    [20, 6],
    [40, 10],
  ]);
}

/** The screen before with some texts, fills and blanks on it, or an all new one. */
function randomCells(random: Random, width: number, height: number, previous: Cells | null, wide: boolean): Cells {
  const cells = new Cells(width, height);
  if (previous?.width === width && previous.height === height && random.chance(80))
    for (let at = 0; at < previous.chars.length; at++) {
      cells.chars[at] = previous.chars[at] ?? " ";
      cells.styles[at] = previous.styles[at] ?? "text";
    }
  const canvas = Canvas.on(cells, xterm.profile.glyphs);
  const texts = wide
    ? ["abc", "x", "密码", "a密b", "网络 up", "█▁▄", "é", "     ", "   .   "]
    : ["abc", "x", "     ", "  .  "];
  for (let count = random.below(6); count > 0; count--) {
    const x = random.below(width);
    const y = random.below(height);
    const style = random.pick<Style>(styles);
    if (random.chance(70))
      for (const { char, width: cellWidth } of cutAt(random.pick(texts), width - x))
        cells.set(x + char.x, y, char.text, cellWidth, style);
    else
      canvas.fill(
        { x, y, width: random.below(width + 1), height: 1 + random.below(3) },
        random.pick([" ", " ", "#"]),
        style,
      );
  }
  if (random.chance(30)) canvas.cursor(random.below(width), random.below(height));
  return cells;
}

function* cutAt(text: string, room: number): Generator<{ char: { x: number; text: string }; width: 1 | 2 }> {
  let x = 0;
  for (const text1 of text) {
    const width = /[密码网络]/.test(text1) ? 2 : 1;
    if (x + width > room) return;
    yield { char: { x, text: text1 }, width };
    x += width;
  }
}

test("a first frame clears the screen and writes no blanks", () => {
  const frame = renderFrame(null, screenOf(80, 24, "", "  word"), vt220.profile, vt220.caps);
  assert.equal(frame, "\x1b[m\x1b(B\x1b[H\x1b[J\x1b[2;3Hword\x1b[?25l");
});

test("only the changed cells are written", () => {
  const before = screenOf(80, 24, "", "Time     14:03:07   in sync");
  const after = screenOf(80, 24, "", "Time     14:03:08   in sync");
  assert.equal(renderFrame(before, after, vt220.profile, vt220.caps), "\x1b[2;17H8");
});

test("a few unchanged cells are written again when that is shorter than a move", () => {
  const before = screenOf(80, 24, "aXbcYd");
  assert.equal(renderFrame(before, screenOf(80, 24, "a1bc2d"), vt220.profile, vt220.caps), "\x1b[1;2H1bc2");
  const far = renderFrame(screenOf(80, 24, "X23456789Y"), screenOf(80, 24, "a23456789b"), vt220.profile, vt220.caps);
  assert.equal(far, "\x1b[Ha\x1b[8Cb");
});

test("the cell below the last one is reached by a short move", () => {
  const frame = renderFrame(screenOf(80, 24, "", "a"), screenOf(80, 24, "", "b", "c"), vt220.profile, vt220.caps);
  assert.equal(frame, "\x1b[2Hb\x1b[3Hc");
  const column = (char: string) => screenOf(80, 24, ...Array(12).fill(`${" ".repeat(39)}${char}`));
  assert.equal(
    renderFrame(column("a"), column("b"), vt220.profile, vt220.caps),
    `\x1b[1;40Hb${"\b\x1b[Bb".repeat(11)}`,
  );
});

test("the rest of a line is erased when that is shorter than blanks", () => {
  const before = screenOf(80, 24, "eth0 is going down");
  assert.equal(renderFrame(before, screenOf(80, 24, "eth0"), vt220.profile, vt220.caps), "\x1b[1;6H\x1b[K");
  assert.equal(renderFrame(before, screenOf(80, 24, "eth0 is going do"), vt220.profile, vt220.caps), "\x1b[1;17H  ");
});

test("a long stretch of blanks inside a line is erased without writing them", () => {
  const before = screenOf(80, 24, `${"x".repeat(40)}|`);
  const after = screenOf(80, 24, `x${" ".repeat(39)}|`);
  assert.equal(renderFrame(before, after, vt220.profile, vt220.caps), "\x1b[1;2H\x1b[39X");
  assert.equal(renderFrame(before, after, vt220.profile, capabilitiesOf("vt100")), `\x1b[1;2H${" ".repeat(39)}`);
});

test("nothing is erased in a style that shows on blanks", () => {
  const before = screenOf(80, 24, `${"x".repeat(40)}|`, "x".repeat(40));
  const after = new Cells(80, 24);
  const canvas = Canvas.on(after, vt220.profile.glyphs);
  for (const y of [0, 1]) canvas.text(0, y, "a", "selected");
  canvas.text(40, 0, "|");
  const frame = renderFrame(before, after, vt220.profile, vt220.caps);
  assert.equal(frame, "\x1b[H\x1b[7ma\x1b[m\x1b[39X\x1b[2H\x1b[7ma\x1b[m\x1b[K");
});

test("the style changes by the shortest sequence and is plain at the end", () => {
  const cells = new Cells(80, 24);
  const canvas = Canvas.on(cells, vt220.profile.glyphs);
  canvas.text(canvas.text(0, 0, "bold", "strong"), 0, "both", "bad");
  canvas.text(8, 0, " in", "selected");
  const frame = renderFrame(new Cells(80, 24), cells, vt220.profile, vt220.caps);
  assert.equal(frame, "\x1b[H\x1b[1mbold\x1b[4mboth\x1b[0;7m in\x1b[m");
});

test("the last cell of the screen is written with wrapping off, so that nothing scrolls", () => {
  const frame = renderFrame(new Cells(3, 2), screenOf(3, 2, "", "abc"), vt220.profile, vt220.caps);
  assert.equal(frame, "\x1b[2Hab\x1b[?7lc\x1b[?7h");
});

test("behind a run of wide characters the position is absolute, so that a terminal of other opinion shows the rest right", async () => {
  const cells = new Cells(20, 2);
  Canvas.on(cells, xterm.profile.glyphs).text(0, 0, "🔑🔑 key 密 x");
  const emulator = new Emulator(20, 2);
  // This emulator's tables are those of Unicode 6: it draws the emoji in one cell each.
  await emulator.write(renderFrame(null, cells, xterm.profile, xterm.caps));
  assert.deepEqual(
    emulator
      .cells()
      .slice(5, 8)
      .map((cell) => cell[0]),
    ["k", "e", "y"],
  );
  assert.equal(emulator.cells()[12]?.[0], "x");
});

test("the cursor is shown where the frame wants it, and only moves when nothing else changed", () => {
  const one = screenOf(80, 24, "name");
  const two = screenOf(80, 24, "name");
  const three = screenOf(80, 24, "name");
  one.cursor = { x: 4, y: 0 };
  two.cursor = { x: 3, y: 0 };
  assert.equal(renderFrame(new Cells(80, 24), one, vt220.profile, vt220.caps), "\x1b[Hname\x1b[?25h");
  assert.equal(renderFrame(one, two, vt220.profile, vt220.caps), "\x1b[1;4H");
  assert.equal(renderFrame(two, three, vt220.profile, vt220.caps), "\x1b[?25l");
});

test("nothing but ASCII reaches a console that knows no other, and no control character reaches any", () => {
  const cells = new Cells(20, 1);
  Canvas.on(cells, vt220.profile.glyphs).text(0, 0, "é…密Ａ");
  assert.equal(renderFrame(new Cells(20, 1), cells, vt220.profile, vt220.caps), "\x1b[He.??A ");
  const evil = new Cells(3, 1);
  evil.chars[0] = "\x1b";
  evil.chars[1] = "\x9b";
  evil.chars[2] = "\n";
  assert.equal(renderFrame(new Cells(3, 1), evil, xterm.profile, xterm.caps), "\x1b[H??\x1b[?7l?\x1b[?7h");
});

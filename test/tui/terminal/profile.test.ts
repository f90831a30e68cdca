import assert from "node:assert/strict";
import { test } from "node:test";
import { styles } from "../../../tui/terminal/canvas.ts";
import { decideProfile, isSerialLine, type ProfileChoice } from "../../../tui/terminal/profile.ts";
import { displayWidth } from "../../../tui/terminal/width.ts";

type Case = { env: Record<string, string>; tty?: string; choice?: ProfileChoice };
const decide = ({ env, tty, choice }: Case) => decideProfile({ env, tty }, choice);
const utf8 = { LANG: "en_US.UTF-8" };

test("rich is only what is known to be able to: UTF-8, a modern terminal or a virtual one, no serial line", () => {
  const cases: [string, Case][] = [
    ["rich", { env: { TERM: "xterm-256color", ...utf8 }, tty: "/dev/pts/3" }],
    ["rich", { env: { TERM: "linux", ...utf8 }, tty: "/dev/tty1" }],
    ["rich", { env: { TERM: "tmux-256color", LC_CTYPE: "C.utf8" } }],
    ["rich", { env: { TERM: "screen.xterm-256color", LC_ALL: "zh_CN.utf-8" } }],
    ["rich", { env: { TERM: "xterm", LC_ALL: "", ...utf8 } }],
    ["basic", { env: { TERM: "xterm", LC_ALL: "C", ...utf8 } }],
    ["basic", { env: { TERM: "xterm-256color" } }],
    ["basic", { env: { TERM: "xterm", LANG: "zh_CN.GB18030" } }],
    ["basic", { env: { TERM: "linux", LANG: "C" } }],
    ["basic", { env: { TERM: "xterm", ...utf8 }, tty: "/dev/ttyS0" }],
    ["basic", { env: { TERM: "xterm-256color", ...utf8 }, tty: "hvc0" }],
    ["basic", { env: { TERM: "vt100", ...utf8 } }],
    ["basic", { env: { TERM: "vt102", ...utf8 } }],
    ["basic", { env: { TERM: "vt220", ...utf8 } }],
    ["basic", { env: { TERM: "dumb", ...utf8 } }],
    ["basic", { env: { TERM: "", ...utf8 } }],
    ["basic", { env: utf8 }],
    ["basic", { env: { TERM: "wyse60", ...utf8 } }],
    ["basic", { env: { TERM: "xtermish", ...utf8 } }],
    ["basic", { env: { TERM: "../../etc/passwd", ...utf8 } }],
  ];
  for (const [kind, facts] of cases) assert.equal(decide(facts).kind, kind, JSON.stringify(facts));
});

test("a saved choice decides, whatever the terminal says", () => {
  assert.equal(decide({ env: { TERM: "vt220" }, tty: "ttyS0", choice: "rich" }).kind, "rich");
  assert.equal(decide({ env: { TERM: "xterm-256color", ...utf8 }, choice: "basic" }).kind, "basic");
});

test("serial lines are known by their names", () => {
  for (const name of ["/dev/ttyS0", "ttyAMA0", "ttyUSB12", "hvc0", "ttyACM1", "ttymxc0", "hvsi0", "ttysclp0"])
    assert.ok(isSerialLine(name), name);
  for (const name of ["/dev/tty1", "tty", "/dev/pts/0", "", undefined]) assert.ok(!isSerialLine(name), name);
});

test("a virtual terminal gets only glyphs that Debian's console fonts and the kernel's own have in common", () => {
  const { glyphs, canShowChinese, wideGraph } = decide({ env: { TERM: "linux", ...utf8 } });
  const inAllFonts = new Set(" ~─░▒█▲▼•");
  for (const glyph of [glyphs.ellipsis, glyphs.horizontal, glyphs.up, glyphs.down, glyphs.bullet, ...glyphs.levels])
    assert.ok(inAllFonts.has(glyph), glyph);
  assert.equal(canShowChinese, false);
  assert.equal(wideGraph, false);
});

test("xterm and its kin get eighths, Chinese and braille; basic gets ASCII only", () => {
  const rich = decide({ env: { TERM: "xterm-256color", ...utf8 } });
  assert.equal(rich.glyphs.levels.length, 9);
  assert.deepEqual([rich.canShowChinese, rich.wideGraph, rich.bracketedPaste, rich.ascii], [true, true, true, false]);
  const basic = decide({ env: { TERM: "vt220", ...utf8 } });
  assert.deepEqual([basic.canShowChinese, basic.wideGraph, basic.ascii, basic.colors], [false, false, true, 0]);
  assert.match(JSON.stringify(basic.glyphs), /^[ -~]*$/);
});

const all = {
  basic: decide({ env: {} }),
  linux: decide({ env: { TERM: "linux", ...utf8 } }),
  xterm: decide({ env: { TERM: "xterm", ...utf8 } }),
  toned: decide({ env: { TERM: "xterm-256color", ...utf8 } }),
};

test("every glyph is one cell wide", () => {
  for (const { glyphs } of Object.values(all))
    for (const glyph of [glyphs.ellipsis, glyphs.horizontal, glyphs.up, glyphs.down, glyphs.bullet, ...glyphs.levels])
      assert.equal(displayWidth(glyph), 1, glyph);
});

test("basic uses bold, underline and inverse only", () => {
  for (const style of styles) assert.match(all.basic.sgr[style], /^([147](;|$))*$/, style);
});

test("what is selected, focused or wrong differs from plain text without its colour", () => {
  for (const [name, { sgr }] of Object.entries(all))
    for (const style of ["selected", "focus", "field", "bar", "bad"] as const)
      assert.match(sgr[style], /(^|;)([1247]|4[0-7])(;|$)/, `${name} ${style}`);
});

/** xterm's own first eight colours. */
const ansi = ["#000000", "#cd0000", "#00cd00", "#cdcd00", "#0000ee", "#cd00cd", "#00cdcd", "#e5e5e5"];

test("without a background of its own a colour can be read on black and on white", () => {
  for (const [name, { sgr }] of Object.entries({ xterm: all.xterm, toned: all.toned }))
    for (const style of styles) {
      const foreground = /38;5;(\d+)|(?:^|;)3([0-7])/.exec(sgr[style]);
      const background = /48;5;(\d+)|(?:^|;)4([0-7])/.exec(sgr[style]);
      if (foreground === null) continue;
      const color = foreground[1] === undefined ? (ansi[Number(foreground[2])] ?? "") : xterm256(Number(foreground[1]));
      const behind =
        background === null
          ? ["#000000", "#ffffff"]
          : [background[1] === undefined ? (ansi[Number(background[2])] ?? "") : xterm256(Number(background[1]))];
      for (const other of behind)
        assert.ok(
          contrast(color, other) >= 3.5,
          `${name} ${style}: ${color} on ${other} has ${contrast(color, other)}`,
        );
    }
});

function xterm256(number: number): string {
  const hex = (value: number) => value.toString(16).padStart(2, "0");
  if (number >= 232) return `#${hex(8 + (number - 232) * 10).repeat(3)}`;
  const steps = [0, 95, 135, 175, 215, 255];
  const index = number - 16;
  return `#${[Math.floor(index / 36), Math.floor(index / 6) % 6, index % 6].map((step) => hex(steps[step] ?? 0)).join("")}`;
}

/** WCAG 2.2, "contrast ratio". */
function contrast(one: string, other: string): number {
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

function luminance(color: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(color.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

import assert from "node:assert/strict";
import { test } from "node:test";
import { english } from "../../../tui/i18n/catalogue.ts";
import { type TextLine, type TextOptions, TextView } from "../../../tui/widgets/text.ts";
import { drawn, inStyle, lines, press } from "./support.ts";

const t = english();

function viewOf(content: readonly TextLine[], options: TextOptions = {}) {
  const view = new TextView(options);
  view.set(content);
  return { view, show: (width: number, height: number) => lines(width, height, (c) => view.draw(c, t)) };
}

function numbered(count: number, first = 0): TextLine[] {
  return Array.from({ length: count }, (_, i) => ({ text: `line ${first + i}` }));
}

test("paragraphs are wrapped, also beside a lead, and a text that fits has no foot", () => {
  const { show } = viewOf([
    { text: "The cable of eno2 is not plugged in." },
    { text: "" },
    { lead: "F2", leadWidth: 5, text: "System configuration of this node" },
  ]);
  assert.deepEqual(show(20, 6), [
    "The cable of eno2 is",
    "not plugged in.",
    "",
    "F2   System",
    "     configuration",
    "     of this node",
  ]);
});

test("Chinese is wrapped between any two characters", () => {
  const { show } = viewOf([{ text: "管理网络的地址不在子网内" }]);
  assert.deepEqual(show(10, 4), ["管理网络的", "地址不在子", "网内", ""]);
});

test("arrows, j and k, pages, Home and End scroll and stop at the ends", () => {
  const { view, show } = viewOf(numbered(10));
  assert.deepEqual(show(40, 4), ["line 0", "line 1", "line 2", "v 7 more"]);
  press(view, "up", "down", "j");
  assert.deepEqual(show(40, 4), ["line 2", "line 3", "line 4", "^ 2 more  v 5 more"]);
  press(view, "pagedown");
  assert.deepEqual(show(40, 4), ["line 4", "line 5", "line 6", "^ 4 more  v 3 more"]);
  press(view, "end", "down");
  assert.deepEqual(show(40, 4), ["line 7", "line 8", "line 9", "^ 7 more"]);
  press(view, "k", "home");
  assert.deepEqual(show(40, 4)[0], "line 0");
  assert.equal(view.atStart, true);
});

test("a wrapped paragraph scrolls line by line", () => {
  const { view, show } = viewOf([{ text: "aaaa bbbb cccc dddd eeee" }, { text: "end" }]);
  show(4, 3);
  press(view, "down", "down");
  assert.deepEqual(show(4, 3).slice(0, 2), ["cccc", "dddd"]);
  press(view, "up");
  assert.deepEqual(show(4, 3).slice(0, 2), ["bbbb", "cccc"]);
});

test("a log follows its end until a key leaves it, and End follows again", () => {
  const { view, show } = viewOf(numbered(5), { follow: true });
  assert.deepEqual(show(50, 3), ["line 3", "line 4", "^ 3 more   Following"]);
  view.append(numbered(2, 5));
  assert.deepEqual(show(50, 3).slice(0, 2), ["line 5", "line 6"]);
  press(view, "up");
  view.append(numbered(2, 7));
  assert.deepEqual(show(50, 3), ["line 4", "line 5", "^ 4 more  v 3 more   Paused   End follows again"]);
  press(view, "end");
  assert.equal(view.following, true);
  view.append(numbered(1, 9));
  assert.deepEqual(show(50, 3).slice(0, 2), ["line 8", "line 9"]);
  view.follow(false);
  view.append(numbered(1, 10));
  assert.deepEqual(show(50, 3).slice(0, 2), ["line 8", "line 9"]);
});

test("Up stops a log also while all of it is in sight", () => {
  const { view, show } = viewOf(numbered(2), { follow: true });
  show(50, 4);
  press(view, "up");
  view.append(numbered(5, 2));
  assert.deepEqual(show(50, 4).slice(0, 3), ["line 0", "line 1", "line 2"]);
});

test("the oldest lines are dropped, said so, and what is read stays where it is", () => {
  const { view, show } = viewOf(numbered(10), { follow: true, capacity: 10 });
  show(40, 4);
  press(view, "up", "up");
  assert.deepEqual(show(40, 4)[0], "line 5");
  view.append(numbered(3, 10));
  assert.deepEqual(show(40, 4)[0], "line 5");
  assert.equal(view.length, 10);
  press(view, "home");
  assert.deepEqual(show(60, 4)[0], "line 3");
  assert.match(show(80, 4)[3] ?? "", /older lines dropped$/);
});

test("older lines come in before without moving what is read, as many as there is room for", () => {
  const { view, show } = viewOf(numbered(5, 100), { capacity: 7 });
  show(40, 3);
  press(view, "down");
  assert.equal(view.prepend(numbered(4, 96)), 2);
  assert.deepEqual(show(40, 3), ["line 101", "line 102", "^ 3 more  v 2 more"]);
  press(view, "home");
  assert.deepEqual(show(40, 3)[0], "line 98");
  assert.equal(view.prepend(numbered(1)), 0);
});

test("a search goes to the next and the former match, marks them, and Esc ends it", () => {
  const content = numbered(20).map((line, i) => (i % 5 === 4 ? { text: `${line.text} carrier LOST` } : line));
  const { view, show } = viewOf(content);
  show(70, 4);
  press(view, "/", "lost", "enter");
  assert.deepEqual(show(70, 4)[0], "line 4 carrier LOST");
  press(view, "n");
  assert.deepEqual(show(70, 4)[0], "line 9 carrier LOST");
  assert.equal(
    inStyle(
      drawn(70, 4, (c) => view.draw(c, t)),
      "selected",
    ),
    "LOST",
  );
  press(view, "n", "n");
  // The last match is in sight although it can't be the first line; the next one is the first again.
  assert.match(show(70, 4).join("\n"), /line 19 carrier LOST/);
  press(view, "n");
  assert.deepEqual(show(70, 4)[0], "line 4 carrier LOST");
  press(view, "N");
  assert.match(show(70, 4).join("\n"), /line 19 carrier LOST/);
  assert.match(show(80, 4)[3] ?? "", /Search: lost {3}n next {3}N previous {3}Esc clears$/);
  assert.deepEqual(press(view, "esc", "esc", "n"), [true, false, false]);
});

test("what is found is marked in the right cells, whatever lower case does to lengths", () => {
  const { view } = viewOf([{ text: "İİ 网络 Eno1 İeno2" }]);
  press(view, "/eno");
  assert.equal(
    inStyle(
      drawn(40, 3, (c) => view.draw(c, t)),
      "selected",
    ),
    "Enoeno",
  );
});

test("a filter leaves the lines that match, also those that come later", () => {
  const { view, show } = viewOf(numbered(12), { follow: true, find: "filter" });
  press(view, "/", "line 1", "enter");
  assert.deepEqual(show(60, 5).slice(0, 4), ["line 1", "line 10", "line 11", ""]);
  view.append([{ text: "other" }, { text: "line 21" }, { text: "line 15" }]);
  assert.deepEqual(show(60, 5).slice(0, 4), ["line 10", "line 11", "line 21", "line 15"]);
  assert.match(show(60, 5)[4] ?? "", /Filter: line 1 {3}Esc clears/);
  press(view, "/", "zzz");
  assert.equal(show(60, 5)[0], "Nothing matches.");
  assert.deepEqual(press(view, "esc"), [true]);
  assert.equal(show(60, 5)[3], "line 15");
});

test("keys that mean nothing here are left to the screen", () => {
  const { view } = viewOf(numbered(3), { find: "none" });
  assert.deepEqual(press(view, "/", "esc", "enter", "x", "f2", "n", "^l"), Array(7).fill(false));
});

test("control characters in a log can't move the cursor", () => {
  const { show } = viewOf([{ text: "a\u001b[2Jb\tc" }]);
  assert.deepEqual(show(20, 1), ["a?[2Jb?c"]);
});

test("an empty text, no room, and a room of one line are no failure", () => {
  const { view, show } = viewOf([], { follow: true });
  press(view, "up", "pagedown", "home", "end", "/", "x", "enter", "n", "esc");
  assert.deepEqual(show(30, 2), ["", "Following"]);
  view.set(numbered(3));
  assert.deepEqual(show(30, 1), ["line 2"]);
  assert.deepEqual(show(0, 0), []);
  press(view, "up", "pageup");
  assert.equal(show(1, 2).length, 2);
});

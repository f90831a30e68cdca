import assert from "node:assert/strict";
import { test } from "node:test";
import { english } from "../../../tui/i18n/catalogue.ts";
import { List, type ListOptions } from "../../../tui/widgets/list.ts";
import { drawn, inStyle, lines, press } from "./support.ts";

const t = english();

type Item = { id: string; group?: string; note?: string };

function listOf(initial: readonly Item[], more: Partial<ListOptions<Item>> = {}) {
  const state = { items: initial, opened: [] as string[] };
  const list = new List<Item>({
    items: () => state.items,
    id: (item) => item.id,
    text: (item) => item.id,
    onOpen: (item) => state.opened.push(item.id),
    ...more,
  });
  const show = (height: number, width = 40) => lines(width, height, (canvas) => list.draw(canvas, t));
  return { list, state, show };
}

function numbered(count: number): Item[] {
  return Array.from({ length: count }, (_, i) => ({ id: `item${i}` }));
}

test("arrows and j, k move the selection, which stops at the ends; Enter opens", () => {
  const { list, state, show } = listOf(numbered(3));
  assert.deepEqual(show(4), ["> item0", "  item1", "  item2", ""]);
  assert.deepEqual(press(list, "up", "down", "j", "down", "j"), [true, true, true, true, true]);
  assert.deepEqual(show(4), ["  item0", "  item1", "> item2", ""]);
  press(list, "k", "enter");
  assert.deepEqual(state.opened, ["item1"]);
});

test("what does not fit is counted at the foot, above and below", () => {
  const { list, show } = listOf(numbered(10));
  assert.deepEqual(show(4), ["> item0", "  item1", "  item2", "v 7 more"]);
  press(list, "down", "down", "down");
  assert.deepEqual(show(4), ["  item1", "  item2", "> item3", "^ 1 more  v 6 more"]);
  press(list, "end");
  assert.deepEqual(show(4), ["  item7", "  item8", "> item9", "^ 7 more"]);
  press(list, "home");
  assert.deepEqual(show(4), ["> item0", "  item1", "  item2", "v 7 more"]);
});

test("moving inside what is in sight does not scroll", () => {
  const { list, show } = listOf(numbered(10));
  show(4);
  press(list, "pagedown", "pagedown");
  assert.deepEqual(show(4), ["  item2", "  item3", "> item4", "^ 2 more  v 5 more"]);
  press(list, "up", "up");
  assert.deepEqual(show(4), ["> item2", "  item3", "  item4", "^ 2 more  v 5 more"]);
  press(list, "pageup");
  assert.deepEqual(show(4)[0], "> item0");
});

test("drawing twice, or at another size in between, changes nothing", () => {
  const { list, show } = listOf(numbered(30));
  show(10);
  press(list, "end", "up");
  const first = show(10);
  show(3);
  assert.deepEqual(show(10), first);
});

test("a room that grows is filled", () => {
  const { list, show } = listOf(numbered(10));
  show(4);
  press(list, "end");
  assert.deepEqual(show(6), ["  item5", "  item6", "  item7", "  item8", "> item9", "^ 5 more"]);
  assert.equal(show(10)[0], "  item0");
});

test("the selection stays with its item when the items change, and goes to a neighbour when it is gone", () => {
  const { list, state, show } = listOf(numbered(4));
  press(list, "down", "down");
  state.items = [{ id: "new" }, ...numbered(4)];
  assert.deepEqual(show(5), ["  new", "  item0", "  item1", "> item2", "  item3"]);
  state.items = [{ id: "item0" }, { id: "item1" }, { id: "item3" }];
  assert.deepEqual(show(5), ["  item0", "  item1", "> item3", "", ""]);
  state.items = [];
  assert.equal(list.selected, undefined);
  assert.deepEqual(press(list, "enter", "down"), [true, true]);
  assert.deepEqual(state.opened, []);
});

test("headings stand before their items and are never selected", () => {
  const { list, show } = listOf(
    [
      { id: "a", group: "FIRST" },
      { id: "b", group: "FIRST" },
      { id: "c", group: "SECOND" },
    ],
    { group: (item) => item.group },
  );
  show(4);
  press(list, "down", "down");
  assert.deepEqual(show(4), ["  b", "SECOND", "> c", "^ 1 more"]);
  assert.deepEqual(show(5), ["FIRST", "  a", "  b", "SECOND", "> c"]);
  show(4);
  press(list, "up", "up");
  // The first heading comes back into sight although it can't be selected; items are counted, not lines.
  assert.deepEqual(show(4), ["FIRST", "> a", "  b", "v 1 more"]);
  press(list, "/c");
  assert.deepEqual(show(4), ["SECOND", "> c", "", "Filter: c"]);
});

test("a filter leaves the items that have all its words, selects the first of them, and Esc clears it", () => {
  const { list, state, show } = listOf([{ id: "eno1 up" }, { id: "eno2 down" }, { id: "bond0 up" }, { id: "eno3 UP" }]);
  press(list, "down");
  assert.deepEqual(press(list, "/"), [true]);
  assert.equal(list.typing, true);
  press(list, "up eno");
  assert.deepEqual(show(4), ["> eno1 up", "  eno3 UP", "", "Filter: up eno"]);
  press(list, "down", "enter");
  assert.equal(list.typing, false);
  assert.deepEqual(state.opened, []);
  press(list, "enter");
  assert.deepEqual(state.opened, ["eno3 UP"]);
  assert.deepEqual(show(4), ["  eno1 up", "> eno3 UP", "", "Filter: up eno   Esc clears"]);
  assert.deepEqual(press(list, "esc", "esc"), [true, false]);
  assert.deepEqual(show(4), ["  eno1 up", "  eno2 down", "  bond0 up", "> eno3 UP"]);
});

test("j and k are text while a filter is typed, and an empty filter is left by Backspace", () => {
  const { list, show } = listOf([{ id: "jk" }, { id: "other" }]);
  press(list, "/jk");
  assert.deepEqual(show(3), ["> jk", "", "Filter: jk"]);
  press(list, "backspace", "backspace", "backspace");
  assert.equal(list.typing, false);
  assert.deepEqual(show(3), ["> jk", "  other", ""]);
});

test("a filter that nothing matches says so", () => {
  const { list, show } = listOf(numbered(2));
  press(list, "/zzz");
  assert.deepEqual(show(3), ["Nothing matches.", "", "Filter: zzz"]);
});

test("an empty list says what its screen wants to say", () => {
  const { show } = listOf([], { empty: () => "No jobs yet." });
  assert.deepEqual(show(2), ["No jobs yet.", ""]);
});

test("a list without a filter leaves / to the screen", () => {
  const { list } = listOf(numbered(2), { filter: false });
  assert.deepEqual(press(list, "/"), [false]);
});

test("notes stand in a column of their own, also beside wide characters, and go where there is no room", () => {
  const { show } = listOf(
    [
      { id: "修改密码", note: "root" },
      { id: "Ping", note: "an address" },
    ],
    { note: (item) => item.note ?? "" },
  );
  assert.deepEqual(show(2, 40), ["> 修改密码   root", "  Ping       an address"]);
  assert.deepEqual(show(2, 18), ["> 修改密码", "  Ping"]);
});

test("only the selected item is marked", () => {
  const { list } = listOf(numbered(3));
  press(list, "down");
  assert.equal(
    inStyle(
      drawn(40, 4, (c) => list.draw(c, t)),
      "selected",
    ),
    "> item1",
  );
});

test("a list in a room of no or one line does not fail", () => {
  const { list, show } = listOf(numbered(5));
  press(list, "down");
  assert.deepEqual(show(0), []);
  assert.deepEqual(show(1), ["> item1"]);
  press(list, "pagedown", "pageup", "end");
  assert.deepEqual(show(1), ["> item4"]);
  assert.deepEqual(show(3, 0), ["", "", ""]);
});

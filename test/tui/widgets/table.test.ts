import assert from "node:assert/strict";
import { test } from "node:test";
import { english } from "../../../tui/i18n/catalogue.ts";
import { fitColumns } from "../../../tui/widgets/columns.ts";
import { type Column, Table, type TableOptions } from "../../../tui/widgets/table.ts";
import { drawn, inStyle, lines, press } from "./support.ts";

const t = english();

type Nic = { name: string; speed: string; state: string; driver: string };

const nics: readonly Nic[] = [
  { name: "eno1", speed: "10G", state: "UP", driver: "ixgbe" },
  { name: "管理口", speed: "100M", state: "DOWN", driver: "e1000e" },
  { name: "bond0", speed: "-", state: "UP", driver: "bonding" },
];

const columns: readonly Column<Nic>[] = [
  { title: "NAME", min: 6, width: 8, value: (n) => n.name, priority: 1 },
  { title: "SPEED", min: 5, align: "right", value: (n) => n.speed, priority: 2 },
  { title: "STATE", min: 5, value: (n) => n.state, style: (n) => (n.state === "UP" ? "good" : "bad"), priority: 1 },
  { title: "DRIVER", min: 6, grow: true, value: (n) => n.driver, priority: 3 },
];

function tableOf(more: Partial<TableOptions<Nic>> = {}) {
  const table = new Table<Nic>({ items: () => nics, id: (n) => n.name, columns: () => columns, ...more });
  return { table, show: (width: number, height: number) => lines(width, height, (c) => table.draw(c, t)) };
}

test("columns are aligned, also beside wide characters", () => {
  const { show } = tableOf();
  assert.deepEqual(show(40, 4), [
    "  NAME      SPEED  STATE  DRIVER",
    "> eno1        10G  UP     ixgbe",
    "  管理口     100M  DOWN   e1000e",
    "  bond0         -  UP     bonding",
  ]);
});

test("wide characters end where narrow ones end in a column that is aligned to the right", () => {
  const table = new Table<string>({
    items: () => ["未知", "10G"],
    id: (text) => text,
    select: false,
    columns: () => [{ title: "SPEED", min: 8, align: "right", value: (text) => text }],
  });
  assert.deepEqual(
    lines(20, 3, (c) => table.draw(c, t)),
    ["   SPEED", "    未知", "     10G"],
  );
});

test("where it is narrow the least important columns go first, and a cell that is too long is cut", () => {
  const { show } = tableOf({ select: false });
  assert.deepEqual(show(28, 4)[0], "NAME    SPEED  STATE  DRIVER");
  assert.deepEqual(show(27, 4)[0], "NAME      SPEED  STATE");
  assert.deepEqual(show(19, 4)[0], "NAME      STATE");
  assert.deepEqual(show(12, 4)[0], "NAME");
  assert.deepEqual(show(4, 4), ["NAME", "eno1", "管~", "bon~"]);
});

test("every width shows only whole columns that fit", () => {
  for (let width = 0; width < 60; width++) {
    const fitted = fitColumns(columns, width);
    const used = fitted.reduce((sum, c) => sum + c.width, 0) + 2 * (fitted.length - 1);
    assert.ok(fitted.length >= 1 && used <= width, `${width}: ${used}`);
    if (fitted.length > 1) for (const c of fitted) assert.ok(c.width >= c.column.min);
  }
});

test("a title is never cut by a smaller least width", () => {
  assert.deepEqual(
    fitColumns([{ title: "管理地址", min: 3 }], 40).map((c) => c.width),
    [8],
  );
});

test("moving, opening and filtering are those of a list; the filter looks in columns that are not shown too", () => {
  const opened: string[] = [];
  const { table, show } = tableOf({ onOpen: (n) => opened.push(n.name) });
  press(table, "j", "enter");
  assert.deepEqual(opened, ["管理口"]);
  press(table, "/", "bonding");
  assert.equal(table.typing, true);
  assert.deepEqual(show(24, 4), ["  NAME      SPEED  STATE", "> bond0         -  UP", "", "Filter: bonding"]);
  assert.equal(table.selected?.name, "bond0");
});

test("a table that nothing is selected in scrolls", () => {
  const { table, show } = tableOf({ select: false });
  assert.deepEqual(show(19, 3), ["NAME      STATE", "eno1      UP", "v 2 more"]);
  press(table, "down");
  assert.deepEqual(show(19, 3), ["NAME      STATE", "管理口    DOWN", "^ 1 more  v 1 more"]);
  press(table, "end", "up");
  assert.deepEqual(show(19, 3)[1], "管理口    DOWN");
  assert.equal(table.selected, undefined);
  assert.deepEqual(press(table, "enter"), [false]);
});

test("cells keep their own style; of the selected row the first cell is marked", () => {
  const { table } = tableOf();
  const cells = drawn(40, 4, (c) => table.draw(c, t));
  assert.equal(inStyle(cells, "good"), "UPUP");
  assert.equal(inStyle(cells, "bad"), "DOWN");
  assert.equal(inStyle(cells, "selected"), "> eno1");
});

test("an empty table says so below its header", () => {
  const { show } = tableOf({ items: () => [], empty: () => "No interface." });
  assert.deepEqual(show(40, 3)[1], "  No interface.");
});

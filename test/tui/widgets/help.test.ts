import assert from "node:assert/strict";
import { test } from "node:test";
import { english } from "../../../tui/i18n/catalogue.ts";
import { Help } from "../../../tui/widgets/help.ts";
import { drawn, inStyle, lines, press } from "./support.ts";

const t = english();

test("keys stand in a column, then the text in paragraphs", () => {
  const help = new Help({
    keys: [
      ["Enter", "opens what is selected, in a window of its own"],
      ["F2", "configuration"],
    ],
    text: "What this is for.\n\nAnd more.",
  });
  assert.deepEqual(
    lines(30, 8, (c) => help.draw(c, t)),
    [
      "Enter   opens what is",
      "        selected, in a window",
      "        of its own",
      "F2      configuration",
      "",
      "What this is for.",
      "",
      "And more.",
    ],
  );
  assert.equal(
    inStyle(
      drawn(30, 8, (c) => help.draw(c, t)),
      "key",
    ),
    "EnterF2",
  );
});

test("a help text that is too long scrolls", () => {
  const help = new Help({ keys: [["Esc", "back"]], text: "one\ntwo\nthree" });
  assert.deepEqual(
    lines(30, 3, (c) => help.draw(c, t)),
    ["Esc   back", "", "v 3 more"],
  );
  assert.deepEqual(press(help, "end", "esc"), [true, false]);
  assert.deepEqual(
    lines(30, 3, (c) => help.draw(c, t)),
    ["two", "three", "^ 3 more"],
  );
});

test("a help text without keys, or without text, has no blank line", () => {
  assert.deepEqual(
    lines(30, 2, (c) => new Help({ keys: [], text: "one" }).draw(c, t)),
    ["one", ""],
  );
  assert.deepEqual(
    lines(30, 2, (c) => new Help({ keys: [["F1", "help"]], text: "" }).draw(c, t)),
    ["F1   help", ""],
  );
});

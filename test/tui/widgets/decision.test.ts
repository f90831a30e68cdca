import assert from "node:assert/strict";
import { test } from "node:test";
import { english } from "../../../tui/i18n/catalogue.ts";
import { type Asked, Decision } from "../../../tui/widgets/decision.ts";
import { lines, paste, press } from "./support.ts";

const question: Asked = { question: "Really?", style: "strong", yes: "Do it", no: "Leave it" };

function decision(asked: () => Asked = () => question) {
  const made: string[] = [];
  const widget = new Decision({ ask: asked, onYes: () => made.push("yes"), onNo: () => made.push("no") });
  return { widget, made };
}

test("Y and N decide, in either case, and only once", () => {
  for (const [key, expected] of [
    ["y", "yes"],
    ["Y", "yes"],
    ["n", "no"],
    ["N", "no"],
  ] as const) {
    const { widget, made } = decision();
    assert.deepEqual(press(widget, key, "y", "n"), [true, true, true]);
    assert.deepEqual(made, [expected]);
  }
});

test("Enter, a paste and letters that came in a burst decide nothing", () => {
  const { widget, made } = decision();
  press(widget, "enter");
  paste(widget, "y\n");
  widget.key({ name: "char", text: "y", inBurst: true });
  assert.deepEqual(made, []);
});

test("Esc, F-keys and other letters are left to the screen", () => {
  const { widget } = decision();
  assert.deepEqual(press(widget, "esc", "f2", "x"), [false, false, false]);
});

test("a key that has no meaning now decides nothing, and is there again when it has one", () => {
  let yes: string | undefined;
  const { widget, made } = decision(() => ({ ...question, yes }));
  press(widget, "y");
  assert.deepEqual(made, []);
  yes = "Do it";
  press(widget, "y");
  assert.deepEqual(made, ["yes"]);
});

test("what was decided is no longer asked, until it has failed", () => {
  const { widget, made } = decision();
  const shown = () => lines(40, 4, (canvas) => widget.draw(canvas, english())).join("\n");
  assert.match(shown(), /Really\?\n\n\[Y\] Do it {3}\[N\] Leave it/);
  press(widget, "y");
  assert.match(shown(), /Really\?\n\nWorking \.\.\./);
  widget.reset();
  press(widget, "y");
  assert.deepEqual(made, ["yes", "yes"]);
});

test("a countdown stands at the same place from second to second", () => {
  let seconds = 52;
  const { widget } = decision(() => ({ ...question, question: `Kept within ${seconds} s only.` }));
  const shown = () => lines(40, 6, (canvas) => widget.draw(canvas, english()));
  const before = shown();
  seconds = 51;
  const changed = shown().map((line, y) => [...line].filter((char, x) => char !== before[y]?.[x]).length);
  assert.equal(
    changed.reduce((sum, count) => sum + count, 0),
    1,
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { english } from "../../../tui/i18n/catalogue.ts";
import { confirmation, errorDialog, message } from "../../../tui/widgets/dialog.ts";
import { drawn, inStyle, lines, paste, press } from "./support.ts";

const t = english();

function asked() {
  const answers: string[] = [];
  const dialog = confirmation({
    title: "Rename NIC",
    message: "eno1 becomes lan0. The link is down for about 5 s.",
    onYes: () => answers.push("yes"),
    onNo: () => answers.push("no"),
  });
  return { dialog, answers };
}

test("a dialog stands in the middle, with title, message and buttons, and hides what is below it", () => {
  const { dialog } = asked();
  const screen = lines(60, 9, (canvas) => {
    canvas.fill({ x: 0, y: 0, width: 60, height: 9 }, ".");
    dialog.draw(canvas, t);
  });
  const [side, inside] = [".".repeat(3), 54];
  const row = (text: string) => `${side}${text.padEnd(inside)}${side}`;
  assert.deepEqual(screen, [
    ".".repeat(60),
    row(" Rename NIC"),
    row(""),
    row("  eno1 becomes lan0. The link is down for about 5 s."),
    row(""),
    row("  [Y] Yes   [N] No"),
    row(""),
    ".".repeat(60),
    ".".repeat(60),
  ]);
});

for (const [keys, answer] of [
  [["y"], ["yes"]],
  [["Y"], ["yes"]],
  [["n"], ["no"]],
  [["enter"], ["no"]],
  [["left", "enter"], ["yes"]],
  [["tab", "tab", "enter"], ["no"]],
  [["backtab", "enter"], ["yes"]],
  [["y", "y", "enter"], ["yes"]],
  [["x", "/", " ", "down"], []],
] as const)
  test(`keys ${keys.join(" ")} answer ${answer.join(" ") || "nothing"}`, () => {
    const { dialog, answers } = asked();
    assert.ok(press(dialog, ...keys).every((taken) => taken));
    assert.deepEqual(answers, answer);
  });

test("a pasted y confirms nothing and reaches nothing beneath; Esc and F-keys are the screen's", () => {
  const { dialog, answers } = asked();
  assert.equal(paste(dialog, "y"), true);
  assert.deepEqual(press(dialog, "esc", "f1"), [false, false]);
  assert.deepEqual(answers, []);
});

test("the button that Enter presses is marked", () => {
  const { dialog } = asked();
  assert.equal(
    inStyle(
      drawn(60, 9, (c) => dialog.draw(c, t)),
      "selected",
    ),
    "[N] No",
  );
});

test("a message that is longer than the room scrolls", () => {
  const dialog = message({ title: "Read", message: "1\n2\n3\n4\n5\n6", onClose: () => {} });
  const show = () => lines(50, 8, (c) => dialog.draw(c, t)).map((line) => line.trim());
  assert.deepEqual(show(), ["Read", "", "1", "2", "3", "v 3 more", "[O] OK", ""]);
  press(dialog, "down");
  assert.deepEqual(show().slice(2, 6), ["2", "3", "4", "^ 1 more  v 2 more"]);
  press(dialog, "end");
  assert.deepEqual(show().slice(2, 6), ["4", "5", "6", "^ 3 more"]);
  press(dialog, "pageup", "home");
  assert.equal(show()[2], "1");
});

test("an error window gives the sentence, what to do, and the code; Enter closes it", () => {
  let closed = 0;
  const dialog = errorDialog({
    title: "Not changed",
    description: "The old password is wrong.",
    remedy: "Type it again.",
    code: "AUTH.WRONG_PASSWORD",
    onClose: () => closed++,
  });
  const screen = lines(60, 12, (c) => dialog.draw(c, t)).map((line) => line.trim());
  assert.deepEqual(screen.slice(1, 10), [
    "Not changed",
    "",
    "The old password is wrong.",
    "",
    "Type it again.",
    "",
    "AUTH.WRONG_PASSWORD",
    "",
    "[O] OK",
  ]);
  press(dialog, "enter", "enter");
  assert.equal(closed, 1);
});

test("a dialog in a tiny room is cut, not a failure", () => {
  const { dialog } = asked();
  for (const [width, height] of [
    [0, 0],
    [1, 1],
    [10, 3],
    [20, 6],
  ] as const)
    assert.equal(lines(width, height, (c) => dialog.draw(c, t)).length, height);
});

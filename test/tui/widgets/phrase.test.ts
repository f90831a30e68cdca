import assert from "node:assert/strict";
import { test } from "node:test";
import { english } from "../../../tui/i18n/catalogue.ts";
import { type Impact, PhrasePrompt } from "../../../tui/widgets/phrase.ts";
import { lines, paste, press } from "./support.ts";

const t = english();

function promptOf(phrase: string, impact: readonly Impact[] | undefined) {
  const state = { impact, confirmed: 0 };
  const prompt = new PhrasePrompt({
    question: () => "Reboot this node now?",
    impact: () => state.impact,
    phrase,
    onConfirm: () => state.confirmed++,
  });
  const show = (height = 10) => lines(60, height, (c) => prompt.draw(c, t));
  return { prompt, state, show };
}

const impact: readonly Impact[] = [{ text: "96 virtual machines run here.", style: "bad" }, { text: "No backup yet." }];

test("the prompt shows the question, what it hits, and what to type", () => {
  const { prompt, show } = promptOf("REBOOT", impact);
  press(prompt, "REB");
  assert.deepEqual(show(), [
    "Reboot this node now?",
    "",
    "  96 virtual machines run here.",
    "  No backup yet.",
    "",
    "To go on, type REBOOT and press Enter. Esc leaves.",
    "  REB",
    "",
    "",
    "",
  ]);
});

test("only the exact phrase and Enter act, and only once", () => {
  const { prompt, state } = promptOf("reset zstack drop database", impact);
  press(prompt, "reset zstack drop database");
  assert.equal(state.confirmed, 0);
  press(prompt, "enter", "enter", "x", "enter");
  assert.equal(state.confirmed, 1);
  assert.equal(prompt.done, true);
  prompt.reset();
  press(prompt, "enter");
  assert.equal(state.confirmed, 1);
});

for (const typed of ["reboot", "REBOOT ", " REBOOT", "REBOO", "REBOOTT", "yes", "ＲＥＢＯＯＴ"])
  test(`"${typed}" is not REBOOT, and stays to be corrected`, () => {
    const { prompt, state, show } = promptOf("REBOOT", impact);
    press(prompt, typed, "enter");
    assert.equal(state.confirmed, 0);
    assert.equal(show()[8], "That is not REBOOT. Nothing was done.");
    assert.equal(show()[6], `  ${typed}`.trimEnd());
    press(prompt, "^u");
    assert.equal(show()[8], "");
    press(prompt, "REBOOT", "enter");
    assert.equal(state.confirmed, 1);
  });

test("a paste is refused, and typing goes on as if it had not been", () => {
  const { prompt, state, show } = promptOf("REBOOT", impact);
  assert.equal(paste(prompt, "REBOOT\n"), true);
  press(prompt, "enter");
  assert.equal(state.confirmed, 0);
  assert.equal(show()[8], "Please type it: pasting is not accepted here.");
  press(prompt, "REBOOT", "enter");
  assert.equal(state.confirmed, 1);
});

test("nothing can be confirmed before it is known what it hits", () => {
  const { prompt, state, show } = promptOf("REBOOT", undefined);
  press(prompt, "REBOOT", "enter");
  assert.equal(state.confirmed, 0);
  assert.equal(show()[2], "  Looking what this would hit ...");
  state.impact = [];
  press(prompt, "enter");
  assert.equal(state.confirmed, 1);
});

test("Esc is left to the screen, also after it has acted", () => {
  const { prompt } = promptOf("REBOOT", impact);
  assert.deepEqual(press(prompt, "esc"), [false]);
  press(prompt, "REBOOT", "enter");
  assert.deepEqual(press(prompt, "esc", "a"), [false, true]);
});

test("an impact that is longer than the room scrolls, and the input stays in sight", () => {
  const many = Array.from({ length: 20 }, (_, i): Impact => ({ text: `vm${i}` }));
  const { prompt, show } = promptOf("REBOOT", many);
  assert.deepEqual(show(12).slice(2, 9), [
    "  vm0",
    "  vm1",
    "  vm2",
    "  vm3",
    "  v 16 more",
    "",
    "To go on, type REBOOT and press Enter. Esc leaves.",
  ]);
  press(prompt, "pagedown", "down");
  assert.deepEqual(show(12).slice(2, 7), ["  vm4", "  vm5", "  vm6", "  vm7", "  ^ 4 more  v 12 more"]);
  press(prompt, "x", "enter");
  assert.match(show(12)[11] ?? "", /That is not REBOOT/);
});

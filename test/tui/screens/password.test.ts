import assert from "node:assert/strict";
import { test } from "node:test";
import { NodeError } from "../../../core/model/error.ts";
import { PasswordWait } from "../../../tui/password-wait.ts";
import { changePasswordScreen } from "../../../tui/screens/change-password.ts";
import { passwordScreen } from "../../../tui/screens/password.ts";
import { press } from "../widgets/support.ts";
import { bed, recordedFacts } from "./support.ts";

test("Enter on an empty password is no attempt", async () => {
  const { control } = await bed(await recordedFacts("laptop-vm"));
  let attempts = 0;
  const screen = passwordScreen({ ...control, attempt: async () => void attempts++ }, async () => {
    throw new Error("never opened");
  });
  assert.deepEqual(press(screen, "enter", "x", "backspace", "enter"), [true, true, true, true]);
  assert.equal(attempts, 0);
  press(screen, "x", "enter");
  assert.equal(attempts, 1);
});

test("a wrong old password is told once, and its emptied field is not blamed for being empty", async () => {
  const { control, opened, lines } = await bed(await recordedFacts("laptop-vm"));
  const refused = Promise.withResolvers<void>();
  let notice = "";
  const screen = changePasswordScreen({
    ...control,
    describe: () => "The old password is wrong.",
    notify: (text) => {
      notice = text;
      if (text === "" || text.startsWith("The old")) refused.resolve();
    },
  });
  press(screen, "wrong one", "enter", "quiet river 42", "enter", "quiet river 42", "enter");
  const question = opened.at(-1);
  assert.ok(question !== undefined);
  press(question, "y");
  await refused.promise;
  const shown = [...lines(screen), notice].join("\n");
  assert.equal(shown.split("The old password is wrong.").length - 1, 1);
  assert.doesNotMatch(shown, /Give the old password/);
});

test("the prompt counts down the seconds of a wait that a refusal named, and then says nothing of it", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  let clock = 1_000;
  const passwordWait = new PasswordWait(() => clock);
  passwordWait.learn(new NodeError("AUTH.SLOWED", "", { values: { retryAfterMs: 2_400 } }));
  const { control, lines } = await bed(await recordedFacts("laptop-vm"));
  let shown = "";
  const screen = passwordScreen({ ...control, passwordWait, redraw: () => look() }, async () => {
    throw new Error("never opened");
  });
  const look = () => {
    shown = /none is checked for \d+ s/.exec(lines(screen).join("\n"))?.[0] ?? "";
  };
  const pass = (ms: number) => {
    clock += ms;
    context.mock.timers.tick(ms);
  };
  screen.enter?.();
  look();
  assert.match(shown, / 3 s/);
  pass(400);
  assert.match(shown, / 2 s/);
  pass(1_000);
  assert.match(shown, / 1 s/);
  pass(1_000);
  assert.equal(shown, "");
});

test("a prompt that is left counts no more", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const passwordWait = new PasswordWait(() => 0);
  passwordWait.learn(new NodeError("AUTH.WRONG_PASSWORD", "", { values: { attemptsLeft: 0, retryAfterMs: 5_000 } }));
  const { control } = await bed(await recordedFacts("laptop-vm"));
  let drawn = 0;
  const screen = passwordScreen({ ...control, passwordWait, redraw: () => drawn++ }, async () => {
    throw new Error("never opened");
  });
  screen.enter?.();
  screen.leave?.();
  context.mock.timers.tick(10_000);
  assert.equal(drawn, 0);
});

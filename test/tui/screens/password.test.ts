import assert from "node:assert/strict";
import { test } from "node:test";
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

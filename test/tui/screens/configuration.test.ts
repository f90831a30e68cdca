import assert from "node:assert/strict";
import { test } from "node:test";
import { configurationScreen } from "../../../tui/screens/configuration.ts";
import { press } from "../widgets/support.ts";
import { bed, recordedFacts, untilAnswered } from "./support.ts";

for (const language of ["en", "zh"] as const)
  for (const machine of ["bonded-server", "storage-failing", "laptop-vm"])
    test(`on eighty columns each line of the list of ${machine} has room for what it is about, ${language}`, async () => {
      const made = await bed({ ...(await recordedFacts(machine)), language });
      const screen = configurationScreen(made.control);
      made.control.open(screen);
      const lines = made.lines(screen, 80, 60).slice(1, -1);
      assert.ok(lines.filter((line) => line.trim() !== "").length > 20, lines.join("\n"));
      for (const line of lines) assert.doesNotMatch(line, /~/);
    });

test("F12 in the list is reboot or power off, without another password, also while a filter is typed", async () => {
  const made = await bed(await recordedFacts("bonded-server"));
  const screen = configurationScreen(made.control);
  made.control.open(screen);
  assert.deepEqual(press(screen, "/", "l", "f12"), [true, true, true]);
  await untilAnswered(
    () => made.opened.length === 2,
    () => made.lines(screen).join("\n"),
  );
  assert.equal(made.opened.at(-1)?.title, "power.title");
});

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { type ConsoleBed, keyBytes, openConsole } from "../../support/console.ts";
import { type RunningAgent, startAgent } from "../../support/programs.ts";
import { choosePassword, goodPassword, untilHome, untilTitle } from "../../support/steps.ts";

let agent: RunningAgent | undefined;
let console: ConsoleBed | undefined;

after(async () => {
  await console?.close();
  await agent?.stop();
});

test("Enter and the password open the full view; whatever leads home locks it, and the names go", async () => {
  agent = await startAgent({ fixture: "storage-failing" });
  const bed = await openConsole({
    socketPath: agent.socketPath,
    columns: 132,
    rows: 43,
  });
  console = bed;
  await choosePassword(bed);
  bed.press("f2");
  await untilHome(bed);
  await bed.until(/3 total {3}2 running/);
  assert.doesNotMatch(bed.text(), /web01/);

  bed.press("enter");
  await untilTitle(bed, "Password");
  bed.type(`${goodPassword}\r`);
  await bed.until(/0d9c5a52 web01 /);
  assert.match(bed.screen()[0] ?? "", /FULL VIEW/);

  bed.press("f2");
  await untilTitle(bed, "System Configuration");
  bed.press("esc");
  await bed.until(/FULL VIEW/);
  bed.type("n");
  await untilTitle(bed, "Interfaces");
  bed.press("esc");
  await bed.until(/FULL VIEW/);
  bed.press("f2");
  await untilTitle(bed, "System Configuration");
  bed.press("f2");
  await bed.until(/3 total {3}2 running/);
  assert.doesNotMatch(bed.text(), /web01|FULL VIEW/);

  bed.press("enter");
  await untilTitle(bed, "Password");
  bed.type(`wrong${keyBytes.enter}`);
  await bed.until(/Wrong password/);
  assert.doesNotMatch(bed.text(), /web01|FULL VIEW/);
  bed.press("enter");
  await untilTitle(bed, "Password");
  bed.type(`${goodPassword}\r`);
  await bed.until(/0d9c5a52 web01 /);
  bed.press("esc");
  await bed.until(/3 total {3}2 running/);
  assert.doesNotMatch(bed.text(), /web01|FULL VIEW/);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { pingScreen } from "../../../tui/screens/ping.ts";
import { press } from "../widgets/support.ts";
import { bed, recordedFacts } from "./support.ts";

test("the proposed address gives way to the one that is typed", async () => {
  const nodeSettings = { lockMinutes: 10, publicView: "panels" as const, pingTarget: "114.114.114.114" };
  const { control, lines } = await bed({ ...(await recordedFacts("laptop-vm")), state: { nodeSettings } });
  const screen = pingScreen(control);
  assert.match(lines(screen).join("\n"), / 114\.114\.114\.114\n/);
  press(screen, "192.0.2.1");
  assert.match(lines(screen).join("\n"), / 192\.0\.2\.1\n/);
});

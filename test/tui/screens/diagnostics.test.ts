import assert from "node:assert/strict";
import { test } from "node:test";
import { checks } from "../../../core/node/diagnostics/checks.ts";
import { runDiagnostics } from "../../../core/node/diagnostics/diagnose.ts";
import { diagnosticsScreen } from "../../../tui/screens/diagnostics.ts";
import { machineIn } from "../../core/node/diagnostics/machine.ts";
import { scenarios } from "../../core/node/diagnostics/scenarios/index.ts";
import { bed, clientOf, recordedFacts, untilAnswered } from "./support.ts";

for (const language of ["en", "zh"] as const)
  test(`no finding is cut in the list at 80 columns, with all its values, in ${language}`, async () => {
    const made = await bed({ ...(await recordedFacts("laptop-vm")), language });
    for (const scenario of scenarios) {
      const check = checks.filter(({ codes }) => codes.includes(scenario.code));
      const diagnosis = await runDiagnostics({ ...machineIn(scenario), checks: check });
      const screen = await diagnosticsScreen({ ...made.control, client: clientOf(() => diagnosis) });
      screen.enter?.();
      const list = () => made.lines(screen, 80, 60).slice(3, 40).join("\n").trim();
      await untilAnswered(() => list().startsWith(">"), list);
      assert.doesNotMatch(list(), /~/, scenario.code);
    }
  });

import assert from "node:assert/strict";
import { test } from "node:test";
import { NodeError } from "../../../core/model/error.ts";
import { logsScreen } from "../../../tui/screens/logs.ts";
import { bed, clientOf, recordedFacts, untilAnswered } from "./support.ts";

const refusals = [
  { code: "LOGS.NO_JOURNAL", filters: false },
  { code: "LOGS.DENIED", filters: false },
  // A shorter time range is what helps.
  { code: "LOGS.TIMEOUT", filters: true },
];
for (const { code, filters } of refusals)
  test(`the footer ${filters ? "names the filters" : "names no filters"} when the agent says ${code}`, async () => {
    const { control, lines } = await bed(await recordedFacts("laptop-vm"));
    const refuse = () => {
      throw new NodeError(code, "");
    };
    const screen = logsScreen({
      ...control,
      client: clientOf(refuse),
      attempt: (action) => action().catch(() => undefined),
    });
    screen.enter?.();
    const text = () => lines(screen).join("\n");
    await untilAnswered(() => !/Reading the journal/.test(text()), text);
    assert.equal(/p Severity/.test(lines(screen).at(-1) ?? ""), filters);
  });

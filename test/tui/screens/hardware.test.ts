import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { NodeError } from "../../../core/model/error.ts";
import type { Hardware } from "../../../core/model/records.ts";
import { hardwareScreen } from "../../../tui/screens/hardware.ts";
import type { Control } from "../../../tui/screens/screen.ts";
import { bed, clientOf, recordedFacts, untilAnswered } from "./support.ts";

const hardware: Hardware = {
  vendor: "Fujitsu",
  model: "PRIMERGY",
  serial: null,
  board: null,
  firmware: null,
  firmwareDate: null,
  cpu: { model: "Xeon", sockets: 1, cores: 4, threads: 8, maxGhz: null, l3Bytes: null },
  memory: [],
};

/** The screen, with an agent that is late as often, and then answers or refuses. */
async function opened(late: number, outcome: Hardware | NodeError) {
  let asked = 0;
  const client = clientOf(async () => {
    await setImmediate();
    asked += 1;
    if (asked <= late) throw new NodeError("HARDWARE.TIMEOUT", "The firmware's tables were not read within 8 s.");
    if (outcome instanceof NodeError) throw outcome;
    return outcome;
  });
  const made = await bed({ ...(await recordedFacts("bare")), client });
  let told = "";
  const control: Control = {
    ...made.control,
    attempt: (action) =>
      action().catch((error: unknown) => {
        told = made.control.describe(error);
        return undefined;
      }),
  };
  const screen = hardwareScreen(control);
  made.control.open(screen);
  const text = () => made.lines(screen).join("\n");
  return { screen, text, asked: () => asked, told: () => told };
}

test("a reading that takes long is waited for", async () => {
  const { text, asked } = await opened(3, hardware);
  await untilAnswered(() => text().includes("PRIMERGY"), text);
  assert.equal(asked(), 4);
});

test("another refusal is told, and nobody is asked again", async () => {
  const { text, asked, told } = await opened(1, new NodeError("AGENT.ABSENT", "The agent is not running."));
  await untilAnswered(() => told() !== "", text);
  assert.match(text(), /^ *-$/m);
  assert.equal(asked(), 2);
});

test("a person who has left waits for nothing", async () => {
  const { screen, text, asked } = await opened(1_000_000, hardware);
  await untilAnswered(() => text().includes("still reading"), text);
  screen.leave?.();
  const before = asked();
  await setImmediate();
  await setImmediate();
  assert.ok(asked() <= before + 1);
});

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { NodeError } from "../../../core/model/error.ts";
import { consoleProxyScreen } from "../../../tui/screens/console-proxy.ts";
import type { Screen } from "../../../tui/screens/screen.ts";
import { press } from "../widgets/support.ts";
import { type Answers, consoleWith, proxyState } from "./service-bed.ts";
import { untilAnswered } from "./support.ts";

describe("the console proxy's form", () => {
  const opened = async (answers: Answers = {}) => {
    const made = await consoleWith({ consoleProxy: proxyState, setConsoleProxy: proxyState, ...answers });
    const screen = consoleProxyScreen(made.control);
    made.control.open(screen);
    const text = () => made.lines(made.opened.at(-1) ?? screen).join("\n");
    await untilAnswered(() => text().includes("10.0.0.5"), text);
    return { ...made, screen, text, calls: () => made.asked.filter(([call]) => call === "setConsoleProxy") };
  };
  const type = (screen: Screen, address: string, port: string) => {
    for (const value of [address, port]) {
      screen.key({ name: "ctrl", letter: "u" });
      if (value !== "") press(screen, value);
      press(screen, "enter");
    }
  };

  test("is filled in with the present values, and Y sets them", async () => {
    const { screen, text, calls, opened: screens } = await opened();
    assert.match(text(), /10\.0\.0\.5/);
    assert.match(text(), /4900/);
    press(screen, "enter", "enter");
    assert.match(text(), /Set the console proxy to 10\.0\.0\.5, port 4900\?/);
    assert.match(text(), /consoles that are open stay/);
    assert.deepEqual(calls(), []);
    press(screens.at(-1) ?? screen, "y");
    assert.deepEqual(calls(), [["setConsoleProxy", { body: { address: "10.0.0.5", port: "4900" } }]]);
  });

  for (const [address, port, sentence] of [
    ["", "", "Give an address or a port."],
    ["proxy.example", "4900", "That is no IP address."],
    ["10.0.0.256", "4900", "That is no IP address."],
    ["192.0.2.7", "80", "A number from 1024 to 65535."],
    ["192.0.2.7", "65536", "A number from 1024 to 65535."],
    ["192.0.2.7", "http", "A number from 1024 to 65535."],
  ] as const)
    test(`refuses "${address}" with "${port}"`, async () => {
      const { screen, text, calls } = await opened();
      type(screen, address, port);
      assert.ok(text().includes(sentence), text());
      assert.deepEqual(calls(), []);
    });

  test("shows the agent's refusal and keeps what was typed", async () => {
    const {
      screen,
      text,
      opened: screens,
    } = await opened({ setConsoleProxy: new NodeError("SETTINGS.NOT_SAVED", "") });
    type(screen, "192.0.2.7", "5900");
    press(screens.at(-1) ?? screen, "y");
    await untilAnswered(() => text().includes("SETTINGS.NOT_SAVED"), text);
    assert.match(text(), /192\.0\.2\.7/);
  });
});

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { AgentStatus } from "../../../core/api/contract.ts";
import { NodeError } from "../../../core/model/error.ts";
import { type ServiceAction, type ServiceImpact, serviceActions, servicePhrase } from "../../../core/model/service.ts";
import { serviceActionScreen } from "../../../tui/screens/service-action.ts";
import { press } from "../widgets/support.ts";
import { type Answers, consoleWith, hopeless, impactFor, job, noManager } from "./service-bed.ts";
import { untilAnswered } from "./support.ts";

const nodeStatus: AgentStatus = {
  product: "Binnacle",
  version: "0.1.0",
  protocol: 1,
  mode: "node",
  startedAt: 0,
  passwordSet: true,
  publicView: "panels",
  lockMinutes: 10,
};

/** Of the impact that the bed tells. */
const told = { hosts: 4, machines: 120, tasks: 2 };

describe("a phrase", () => {
  test("to a manager that says nothing asks once more, in words of the action", async () => {
    for (const [action, words] of [
      ["stop", /nobody can say which tasks of/],
      ["resetDrop", /nobody can say which hosts,/],
    ] as const) {
      const made = await opened(action, { cloud: { state: "silent", why: "nothing listens yet" } });
      press(made.screen, servicePhrase[action], "enter");
      const question = made.opened.at(-1);
      assert.ok(question !== undefined && question !== made.screen);
      assert.match(made.lines(question).join("\n"), words);
      assert.deepEqual(made.calls(), []);
    }
  });

  const opened = async (action: ServiceAction, more: Partial<ServiceImpact> = {}, answers: Answers = {}) => {
    const made = await consoleWith({ serviceImpact: impactFor(action, more), startServiceJob: job, ...answers });
    const screen = serviceActionScreen(made.control, action);
    made.control.open(screen);
    await untilAnswered(
      () => made.lines(screen).join("\n").includes(`type ${servicePhrase[action]}`) && made.asked.length > 0,
      () => made.lines(screen).join("\n"),
    );
    await new Promise((resolve) => setImmediate(resolve));
    return { ...made, screen, calls: () => made.asked.filter(([call]) => call === "startServiceJob") };
  };

  for (const action of serviceActions)
    test(`that is not ${servicePhrase[action]} to the letter does nothing`, async () => {
      const phrase = servicePhrase[action];
      for (const wrong of [phrase.replace("zstack", "zstak"), phrase.toUpperCase(), `${phrase} `]) {
        const { screen, lines, calls } = await opened(action);
        press(screen, wrong, "enter");
        assert.deepEqual(calls(), [], wrong);
        assert.match(lines(screen).join("\n"), /That is not/);
      }
    });

  for (const action of serviceActions)
    test(`${servicePhrase[action]} begins the job and shows it`, async () => {
      const { screen, calls, replaced } = await opened(action);
      press(screen, servicePhrase[action], "enter");
      await untilAnswered(
        () => replaced.length === 1,
        () => "",
      );
      const accepts = { unreadStore: false, noCopy: false, silentManager: false, told };
      assert.deepEqual(calls(), [["startServiceJob", { body: { action, phrase: servicePhrase[action], accepts } }]]);
      assert.equal(replaced[0]?.title, "jobs.title");
    });

  test("that is pasted is refused", async () => {
    const { screen, calls } = await opened("stop");
    screen.key({ name: "paste", text: "stop zstack" });
    press(screen, "enter");
    assert.deepEqual(calls(), []);
  });

  test("does nothing before the impact is known", async () => {
    const made = await consoleWith({ serviceImpact: new NodeError("AGENT.TIMEOUT", ""), startServiceJob: job });
    const screen = serviceActionScreen(made.control, "stop");
    made.control.open(screen);
    press(screen, "stop zstack", "enter");
    await new Promise((resolve) => setImmediate(resolve));
    assert.ok(!made.asked.some(([call]) => call === "startServiceJob"));
  });

  test("of what can't be read and can't be kept asks once more, in words, and N does nothing", async () => {
    const made = await opened("resetDrop", { store: hopeless });
    press(made.screen, servicePhrase.resetDrop, "enter");
    const question = made.opened.at(-1);
    assert.ok(question !== undefined && question !== made.screen);
    assert.match(made.lines(question).join(" "), /without a\s+copy/);
    press(question, "n");
    assert.deepEqual(made.calls(), []);
    // Coming back, as the console does.
    made.screen.enter?.();
    press(made.screen, servicePhrase.resetDrop, "enter");
    const again = made.opened.at(-1);
    assert.ok(again !== undefined && again !== made.screen);
    press(again, "y");
    await untilAnswered(
      () => made.replaced.length === 1,
      () => "",
    );
    const accepts = { unreadStore: true, noCopy: true, silentManager: false, told };
    assert.deepEqual(made.calls()[0]?.[1], {
      body: { action: "resetDrop", phrase: servicePhrase.resetDrop, accepts },
    });
  });

  test("that the agent refuses may be typed again", async () => {
    const made = await opened("stop", {}, { startServiceJob: new NodeError("SERVICE.BUSY", "") });
    press(made.screen, "stop zstack", "enter");
    await untilAnswered(
      () => made.asked.filter(([call]) => call === "serviceImpact").length === 2,
      () => "",
    );
    press(made.screen, "stop zstack", "enter");
    assert.equal(made.calls().length, 2);
  });

  test("is not asked for where the action is refused, and the screen can be left", async () => {
    const made = await consoleWith({ serviceImpact: impactFor("reset", { refusal: noManager }) });
    const screen = serviceActionScreen(made.control, "reset");
    made.control.open(screen);
    await untilAnswered(
      () => made.lines(screen).join("\n").includes("this image contains no manager"),
      () => made.lines(screen).join("\n"),
    );
    assert.ok(!made.lines(screen).join("\n").includes("type reset zstack"));
    assert.equal(screen.typing?.(), false);
    assert.equal(screen.key({ name: "esc" }), false);
  });

  test("in a preview says that nothing is done", async () => {
    const status: AgentStatus = { ...nodeStatus, mode: "preview" };
    const made = await consoleWith({ serviceImpact: impactFor("stop") }, { state: { status } });
    const screen = serviceActionScreen(made.control, "stop");
    made.control.open(screen);
    await untilAnswered(
      () => made.lines(screen).join("\n").includes("Preview: nothing is done"),
      () => made.lines(screen).join("\n"),
    );
  });
});

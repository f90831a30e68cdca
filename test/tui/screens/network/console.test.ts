import assert from "node:assert/strict";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import { type ConsoleBed, closeConsoles, openConsole } from "../../../support/console.ts";
import { addressPlan, FakeNetwork, networkWithRoute, probes } from "../../../support/fake-network.ts";
import { type FakeNetworkAgent, startFakeNetworkAgent } from "../../../support/fake-network-agent.ts";
import { temporaryFolder } from "../../../support/programs.ts";
import { logIn, openItem, untilHome, untilTitle } from "../../../support/steps.ts";
import { recordedFacts } from "../support.ts";

/* The network changed at the real console program, by keys, with an agent that does what the test says. */

let network: FakeNetwork;
let agent: FakeNetworkAgent;
let folder: { path: string; dispose(): void };

beforeEach(async () => {
  folder = temporaryFolder();
  network = new FakeNetwork();
  agent = await startFakeNetworkAgent(join(folder.path, "agent.sock"), network, await recordedFacts("bonded-server"));
});
afterEach(async () => {
  await closeConsoles();
  await agent.stop();
  folder.dispose();
});

function consoleOf(name: string): Promise<ConsoleBed> {
  return openConsole({ socketPath: join(folder.path, "agent.sock"), args: ["--console", name] });
}

/** Letters that come together answer nothing; a hand is slower than that. */
const atHandsPace = () => setTimeout(100);

/** From the home screen to the page of a change that has begun. */
async function beginChange(console: ConsoleBed): Promise<void> {
  await logIn(console);
  await openItem(console, "networks");
  await console.until("br_bond0");
  for (let step = 0; step < 3; step++) console.press("down");
  await console.until(/> br_bond0/);
  console.press("enter");
  await untilTitle(console, "Interface");
  console.type("\t\x1510.0.0.6\t\t10.0.0.254\t\t\t\r");
  await untilTitle(console, "What changes");
  console.type("y");
  await untilTitle(console, "Network Change");
}

describe("a change of the network", () => {
  it("is shown, begun with Y, counts down, and is kept with another Y", async () => {
    const console = await consoleOf("tty1");
    await beginChange(console);
    assert.deepEqual(network.calls.find(({ name }) => name === "changeNetwork")?.request, {
      body: {
        operations: [
          {
            do: "address",
            link: "br_bond0",
            others: "stay",
            ipv4: {
              method: "static",
              addresses: [{ address: "10.0.0.6", prefix: 24 }],
              gateway: "10.0.0.254",
              routes: [],
              nameServers: ["10.0.0.2", "10.0.0.3"],
            },
          },
        ],
        keep: "confirm",
      },
    });
    network.tell({ phase: "waiting", remainingMs: 60_000, probes: probes.slice(0, 2) });
    await console.until("within 59 s");
    await console.until("within 58 s");
    console.type("y");
    await console.until("The new network is in force, and kept: Y was pressed.");
    console.press("enter");
    await untilTitle(console, "Configure Networks");
  });

  it("adds a route and takes a further address away, from the list of interfaces to the new network", async () => {
    network.configuration = networkWithRoute();
    network.plan = "reckoned";
    const console = await consoleOf("tty1");
    await logIn(console);
    await openItem(console, "networks");
    await console.until("eno3");
    for (let step = 0; step < 4; step++) console.press("down");
    await console.until(/> eno3/);
    console.type("a");
    await untilTitle(console, "Addresses and Routes");
    console.type("r");
    await console.until("A new route on eno3");
    console.type("10.8.0.0/16\t172.16.0.9\t20\r");
    await console.until(/> route +10\.8\.0\.0\/16 +172\.16\.0\.9 +20 +new/);
    console.press("up");
    console.press("up");
    await console.until(/> address +172\.16\.9\.5\/24/);
    console.type("d");
    await console.until(/> address +172\.16\.9\.5\/24 +deleted/);
    console.type("s");
    await untilTitle(console, "What changes");
    await atHandsPace();
    console.type("y");
    await untilTitle(console, "Network Change");
    assert.deepEqual(network.calls.find(({ name }) => name === "changeNetwork")?.request, {
      body: {
        operations: [
          { do: "oneAddress", link: "eno3", before: { address: "172.16.9.5", prefix: 24 }, after: null },
          {
            do: "oneRoute",
            link: "eno3",
            before: null,
            after: { to: "10.8.0.0/16", via: "172.16.0.9", metric: 20 },
          },
        ],
        keep: "confirm",
      },
    });
    network.tell({ phase: "waiting", remainingMs: 60_000 });
    await console.until("Kept only if you press Y");
    await atHandsPace();
    console.type("y");
    await console.until("The new network is in force, and kept: Y was pressed.");
    console.press("enter");
    await untilTitle(console, "Configure Networks");
  });

  it("is one line on every other console, which shows it instead of beginning another one, and may decide", async () => {
    const [one, other, home] = await Promise.all([consoleOf("ttyS0"), consoleOf("tty1"), consoleOf("tty2")]);
    await logIn(other);
    await openItem(other, "networks");
    await untilHome(home);
    await beginChange(one);
    network.tell({ phase: "waiting", remainingMs: 50_000, probes });
    await home.until(/ttyS0 changes the network: 4\d s left/);
    await other.until(/ttyS0 changes the network: 4\d s left/);
    other.press("enter");
    await untilTitle(other, "Network Change");
    await other.until("one change at a time");
    await other.until("Begun on ttyS0");
    other.type("n");
    await one.until("The old network is in force again, as it was asked for.");
    await other.until("The old network is in force again, as it was asked for.");
    await home.until("The old network is in force again, as it was asked for.");
    await home.until((text) => !text.includes("changes the network"));
    // What was typed is there again.
    one.press("esc");
    await untilTitle(one, "Interface");
    await one.until("10.0.0.254");
  });

  it("opens Configure Networks with the change that goes on", async () => {
    network.answer("changeNetwork", {}, "pts/3");
    network.tell({ phase: "waiting", remainingMs: 50_000 });
    const console = await consoleOf("tty1");
    await logIn(console);
    for (const item of ["networks", "rename", "management", "names", "earlier"] as const) {
      await openItem(console, item, "Network Change");
      await console.until("Begun on pts/3");
      console.press("esc");
      await console.until("pts/3 changes the network");
      console.press("esc");
    }
  });

  it("goes on when the agent is back, and says how it ended meanwhile", async () => {
    const console = await consoleOf("tty1");
    await beginChange(console);
    network.tell({ phase: "waiting", remainingMs: 50_000, probes });
    await console.until("Kept only if you press Y");
    await agent.stop();
    await console.until("The agent does not answer.");
    console.type("y");
    network.tell({ phase: "rolledBack", why: "agentRestarted", remainingMs: null, endedAt: 1 });
    await agent.start();
    await console.until("The old network is in force again: the agent was restarted meanwhile.");
    assert.ok(!network.calls.some(({ name }) => name === "keepNetwork"), "a Y that nobody heard keeps nothing");
  });

  it("is told at home when the agent came back without the session that had begun it", async () => {
    const console = await consoleOf("tty1");
    await beginChange(console);
    network.tell({ phase: "waiting", remainingMs: 50_000, probes });
    await console.until("Kept only if you press Y");
    await agent.stop();
    network.tell({ phase: "rolledBack", why: "agentRestarted", remainingMs: null, endedAt: 1 });
    await agent.start({ sessions: "lost" });
    await untilHome(console);
    await console.until("The old network is in force again: the agent was restarted meanwhile.");
    await console.until("The session has ended. Press F2");
  });

  it("that an agent has forgotten is over, and the page says where to look", async () => {
    const console = await consoleOf("tty1");
    await beginChange(console);
    network.tell({ phase: "waiting", remainingMs: 50_000 });
    await console.until("Kept only if you press Y");
    await agent.stop();
    network.transaction = null;
    await agent.start();
    await console.until("The agent knows nothing of this change any more.");
    console.press("enter");
    await untilTitle(console, "Interface");
  });

  it("sends no more than the digits that change while it counts down", async () => {
    const console = await consoleOf("ttyS0");
    await beginChange(console);
    network.tell({ phase: "waiting", remainingMs: 60_000, probes });
    await console.until("within 58 s");
    const before = console.written();
    await console.until("within 55 s");
    // 9600 baud are 960 bytes a second.
    const perSecond = (console.written() - before) / 3;
    assert.ok(perSecond < 60, `${perSecond} bytes a second`);
  });

  it("is refused with its sentence when another console was faster", async () => {
    const console = await consoleOf("tty1");
    network.plan = addressPlan();
    await logIn(console);
    await openItem(console, "networks");
    await console.until("br_bond0");
    console.press("delete");
    await untilTitle(console, "What changes");
    network.answer("changeNetwork", {}, "ttyS0");
    console.type("y");
    await untilTitle(console, "Network Change");
    await console.until("Begun on ttyS0");
    await console.until("one change at a time");
  });
});

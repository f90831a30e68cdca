import assert from "node:assert/strict";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { NetworkConfiguration } from "../../core/model/network/configuration.ts";
import type { NetworkOperation } from "../../core/model/network/operation.ts";
import { type ConsoleBed, closeConsoles, openConsole } from "../support/console.ts";
import { FakeNetwork, probes } from "../support/fake-network.ts";
import { type FakeNetworkAgent, startFakeNetworkAgent } from "../support/fake-network-agent.ts";
import { root, temporaryFolder } from "../support/programs.ts";
import { recordedFacts } from "./screens/support.ts";

/* The plain text menu sets an address, with an agent that does what the test says. */

const further = { address: "10.7.0.5", prefix: 16 };
const route = { to: "10.9.0.0/16", via: "10.0.0.9", metric: null };

/** The management interface with an address and a route more. */
function withMore(configuration: NetworkConfiguration): NetworkConfiguration {
  const links = configuration.links.map((link) =>
    link.name === "br_bond0"
      ? { ...link, ipv4: { ...link.ipv4, addresses: [...link.ipv4.addresses, further], routes: [route] } }
      : link,
  );
  return { ...configuration, links };
}

describe("the text menu", () => {
  let network: FakeNetwork;
  let agent: FakeNetworkAgent;
  let folder: { path: string; dispose(): void };
  let menu: ConsoleBed;

  beforeEach(async () => {
    folder = temporaryFolder();
    const socketPath = join(folder.path, "agent.sock");
    network = new FakeNetwork();
    network.configuration = withMore(network.configuration);
    agent = await startFakeNetworkAgent(socketPath, network, await recordedFacts("bonded-server"));
    const name = ["--console", "ttyS0", "--socket", socketPath];
    menu = await openConsole({
      socketPath,
      term: "dumb",
      rows: 60,
      command: [process.execPath, join(root, "build/menu.js"), ...name],
    });
    await menu.until(/5 {2}Set an address/);
    menu.type("5\r");
    await menu.until("Password:");
    menu.type("any\r");
  });
  afterEach(async () => {
    await closeConsoles();
    await agent.stop();
    folder.dispose();
  });

  /** What the last question of the menu to the agent was about. */
  function askedIpv4(): unknown {
    const asked = network.calls.findLast(({ name }) => name === "planNetwork")?.request;
    const [operation] = (asked as { body: { operations: NetworkOperation[] } }).body.operations;
    assert.ok(operation?.do === "address");
    return operation.ipv4;
  }

  async function askFor(address: string, gateway: string): Promise<void> {
    await menu.until("Interface, such as eth0:");
    menu.type("br_bond0\r");
    await menu.until("or dhcp:");
    menu.type(`${address}\r`);
    await menu.until(/Gateway, or - for none \(now 10\.0\.0\.1\):/);
    menu.type(`${gateway}\r`);
  }

  it("sets an address, shows what changes and what the tests found, and keeps it with a second y", async () => {
    await askFor("10.0.0.6 255.255.255.0", "10.0.0.254");
    await menu.until("br_bond0 address: 10.0.0.5/24 -> 10.0.0.6/24");
    assert.match(menu.text(), /The management address changes/);
    await menu.until("Type y to begin");
    assert.equal(network.transaction, null);
    menu.type("y\r");
    await menu.until("Saving the present network");
    network.tell({ phase: "waiting", remainingMs: 50_000, probes });
    await menu.until("FAILED: The gateway 10.0.0.254 does not answer");
    await menu.until("Type y to keep the new network");
    menu.type("y\r");
    await menu.until("The new network is in force, and kept: Y was pressed.");
    assert.match(menu.text(), /5 {2}Set an address/);
    assert.ok(!menu.raw().includes("\x1b"));
  });

  it("keeps further addresses and routes, and tells of them", async () => {
    await askFor("10.0.0.6/24", "10.0.0.254");
    await menu.until("Type y to begin");
    assert.match(menu.text(), /Left as they are: further addresses 1, routes 1\./);
    const kept = { gateway: "10.0.0.254", routes: [route], nameServers: ["10.0.0.2", "10.0.0.3"] };
    assert.deepEqual(askedIpv4(), {
      method: "static",
      addresses: [{ address: "10.0.0.6", prefix: 24 }, further],
      ...kept,
    });
  });

  it("keeps further addresses and routes with DHCP as well", async () => {
    await menu.until("Interface, such as eth0:");
    menu.type("br_bond0\r");
    await menu.until("or dhcp:");
    menu.type("dhcp\r");
    await menu.until("Type y to begin");
    const kept = { gateway: null, routes: [route], nameServers: ["10.0.0.2", "10.0.0.3"] };
    assert.deepEqual(askedIpv4(), { method: "dhcp", addresses: [further], ...kept });
  });

  it("says everything that is wrong, and what to do about each", async () => {
    const { configuration } = network;
    const problem = { severity: "error", description: "x", remedy: "y" } as const;
    network.plan = {
      problems: [
        { ...problem, code: "NET.ADDRESS_TWICE", field: "", values: { given: "10.0.0.6", link: "a", other: "eno3" } },
        { ...problem, code: "NET.OF_TOMORROW", field: "", values: {} },
      ],
      changes: [],
      cutsOff: [],
      configuration,
    };
    await askFor("10.0.0.6/24", "10.0.0.254");
    await menu.until(/eno3 has the address 10\.0\.0\.6 already\.\s+Give each interface addresses of its own\.\s+x\s+y/);
    await menu.until(/5 {2}Set an address/);
  });

  it("refuses what is no address, asks again, and takes the old network back at n", async () => {
    await menu.until("Interface, such as eth0:");
    menu.type("eno3\r");
    await menu.until("or dhcp:");
    menu.type("172.16.0.300/24\r");
    await menu.until("That is no IPv4 address with its prefix or netmask.");
    menu.type("172.16.0.6/24\r");
    await menu.until("Gateway, or - for none");
    menu.type("-\r");
    await menu.until("Type y to begin");
    menu.type("y\r");
    await menu.until("Saving the present network");
    network.tell({ phase: "waiting", remainingMs: 50_000 });
    await menu.until("Type y to keep the new network");
    menu.type("\r");
    await menu.until(/\(50 s left\):\s+Type y .*\(50 s left\):/);
    menu.type("n\r");
    await menu.until("The old network is in force again, as it was asked for.");
  });

  it("says how it ended when the y came too late", async () => {
    await askFor("10.0.0.6/24", "-");
    await menu.until("Type y to begin");
    menu.type("y\r");
    await menu.until("Saving the present network");
    network.tell({ phase: "waiting", remainingMs: 50_000 });
    await menu.until("Type y to keep the new network");
    network.tell({ phase: "rolledBack", why: "timeout", remainingMs: null });
    menu.type("y\r");
    await menu.until("The old network is in force again: nobody pressed Y in time.");
  });

  it("does nothing without the first y", async () => {
    await askFor("10.0.0.6/24", "-");
    await menu.until("Type y to begin");
    menu.type("\r");
    await menu.until("Nothing was done.");
    assert.equal(network.transaction, null);
  });
});

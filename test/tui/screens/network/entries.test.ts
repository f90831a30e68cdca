import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { NodeError } from "../../../../core/model/error.ts";
import { type LinkSettings, noIpv4, noIpv6 } from "../../../../core/model/network/configuration.ts";
import { NetworkDesk } from "../../../../tui/screens/network/desk.ts";
import { entriesScreen } from "../../../../tui/screens/network/entries.ts";
import { networksScreen } from "../../../../tui/screens/network/networks.ts";
import { press } from "../../widgets/support.ts";
import { untilAnswered } from "../support.ts";
import { type NetworkBed, networkBed } from "./bed.ts";

const clear = "^u";
const route = { to: "10.9.0.0/16", via: "172.16.0.9", metric: null };
const further = { address: "172.16.9.5", prefix: 24 };

/** The page of an interface that has a route and a further address, with an agent that reckons as the real one does. */
async function opened(link = "eno3", options: Parameters<typeof networkBed>[0] = {}): Promise<NetworkBed> {
  const console = await networkBed(options);
  console.network.plan = "reckoned";
  change(console, "eno3", ({ ipv4, ...settings }) => ({
    ...settings,
    ipv4: { ...ipv4, addresses: [...ipv4.addresses, further], routes: [route] },
    ipv6: { ...noIpv6, method: "auto" },
  }));
  const desk = new NetworkDesk(console.control);
  await desk.load();
  console.control.open(entriesScreen(console.control, desk, link));
  return console;
}

function change({ network }: NetworkBed, name: string, to: (link: LinkSettings) => LinkSettings): void {
  const links = network.configuration.links.map((link) => (link.name === name ? to(link) : link));
  network.configuration = { ...network.configuration, links };
}

function operationsOf(console: NetworkBed): unknown {
  const asked = console.network.calls.findLast(({ name }) => name === "planNetwork");
  return asked === undefined ? undefined : (asked.request as { body: { operations: unknown } }).body.operations;
}

describe("the addresses and routes of an interface", () => {
  it("are all there, of both families, the primary address first", async () => {
    const console = await opened();
    assert.match(console.text(), /eno3\n +IPv4 fixed address {3}IPv6 automatic \(SLAAC\)/);
    assert.match(
      console.text(),
      /> primary +172\.16\.0\.5\/24\n +address +172\.16\.9\.5\/24\n +route +10\.9\.0\.0\/16 +172\.16\.0\.9\n/,
    );
  });

  it("come and go as one change, which is shown and tried like any other", async () => {
    const console = await opened();
    await console.keys(
      "a",
      "fd00:5::5/64",
      "enter",
      "r",
      "10.8.0.0 255.255.0.0",
      "enter",
      "172.16.9.1",
      "enter",
      "100",
    );
    await console.keys("enter");
    assert.match(console.text(), /address +fd00:5::5\/64 +new/);
    assert.match(console.text(), /> route +10\.8\.0\.0\/16 +172\.16\.9\.1 +100 +new/);
    await console.keys("up", "d");
    assert.match(console.text(), /> route +10\.9\.0\.0\/16 +172\.16\.0\.9 +deleted/);
    assert.match(console.text(), /Nothing of this is in force yet: s shows what changes\./);
    await console.keys("s");
    assert.deepEqual(operationsOf(console), [
      { do: "oneRoute", link: "eno3", before: route, after: null },
      { do: "oneAddress", link: "eno3", before: null, after: { address: "fd00:5::5", prefix: 64 } },
      {
        do: "oneRoute",
        link: "eno3",
        before: null,
        after: { to: "10.8.0.0/16", via: "172.16.9.1", metric: 100 },
      },
    ]);
    assert.equal(console.top().title, "network.plan.title");
    assert.match(console.text(), /eno3 IPv6 address +- +fd00:5::5\/64/);
    await console.keys("y");
    assert.equal(console.top().title, "network.trial.title");
    console.network.tell({ phase: "waiting", remainingMs: 50_000 });
    await console.keys("y", "enter");
    assert.equal(console.opened.length, 0, "a change that was kept closes the page that asked for it");
  });

  it("change in their place", async () => {
    const console = await opened();
    await console.keys("down", "enter", clear, "172.16.8.5/24", "enter");
    assert.match(console.text(), /> address +172\.16\.8\.5\/24 +changed/);
    await console.keys("down", "enter", "enter", clear, "-", "enter", "5", "enter", "s");
    assert.deepEqual(operationsOf(console), [
      { do: "oneAddress", link: "eno3", before: further, after: { address: "172.16.8.5", prefix: 24 } },
      { do: "oneRoute", link: "eno3", before: route, after: { ...route, via: null, metric: 5 } },
    ]);
  });

  it("are there again at a second d, and what was added and deleted was never there", async () => {
    const console = await opened();
    await console.keys("down", "d");
    assert.match(console.text(), /172\.16\.9\.5\/24 +deleted/);
    await console.keys("d", "r", "10.8.0.0/16", "enter", "-", "enter", "enter", "d");
    assert.doesNotMatch(console.text(), /deleted|new|in force/);
    await console.keys("s");
    assert.equal(operationsOf(console), undefined);
    assert.match(console.notice(), /nothing changes/);
  });

  it("ask before what was typed is left", async () => {
    const console = await opened();
    await console.keys("down", "d", "esc");
    assert.match(console.text(), /not in force\s+yet\. Leave without it\?/);
    await console.keys("n");
    assert.match(console.text(), /172\.16\.9\.5\/24 +deleted/);
    await console.keys("esc", "y");
    assert.equal(console.opened.length, 0);
    const untouched = await opened();
    await untouched.keys("esc");
    assert.equal(untouched.opened.length, 0);
  });

  it("leave the primary address to the form with its gateway", async () => {
    const console = await opened("br_bond0");
    assert.match(console.text(), /> primary +10\.0\.0\.5\/24 +10\.0\.0\.1\n/);
    await console.keys("d");
    assert.match(console.notice(), /primary address of br_bond0 stands beside its gateway/);
    await console.keys("enter");
    assert.equal(console.opened.length, 1);
    assert.match(console.text(), /br_bond0 carries the management network/);
  });

  it("beside DHCP are all further ones", async () => {
    const console = await networkBed();
    change(console, "eno3", (settings) => ({
      ...settings,
      ipv4: { ...noIpv4, method: "dhcp", addresses: [further] },
    }));
    const desk = new NetworkDesk(console.control);
    await desk.load();
    console.control.open(entriesScreen(console.control, desk, "eno3"));
    await console.keys("d", "s");
    assert.deepEqual(operationsOf(console), [{ do: "oneAddress", link: "eno3", before: further, after: null }]);
  });

  it("keep what was typed when the agent refuses, and say why", async () => {
    const console = await opened();
    await console.keys("a", "10.0.0.5/8", "enter", "s");
    await console.until("br_bond0 has the address 10.0.0.5 already.");
    assert.match(console.text(), /10\.0\.0\.5\/8 +new/);
    console.network.plan = new NodeError("NET.ROUTE_GONE", "x", { values: { link: "eno3", given: "10.9.0.0/16" } });
    await console.keys("s");
    await console.until("eno3 has no such route to 10.9.0.0/16 any more");
  });

  it("are whole below the list where their columns are too narrow", async () => {
    const console = await networkBed();
    const via = "2001:db8:1234:5678:9abc:def0:1234:1";
    change(console, "eno3", (settings) => ({
      ...settings,
      ipv6: { ...noIpv6, method: "auto", routes: [{ to: "2001:db8:ffff:eeee::/64", via, metric: 4294967295 }] },
    }));
    const desk = new NetworkDesk(console.control);
    await desk.load();
    console.control.open(entriesScreen(console.control, desk, "eno3"));
    const page = () => console.lines(console.top(), 60, 20).join("\n").replaceAll(/\n +/g, " ");
    assert.doesNotMatch(page(), / via /);
    await console.keys("down");
    assert.ok(page().includes(`2001:db8:ffff:eeee::/64 via ${via} metric 4294967295`), page());
  });

  it("are reached from the list of interfaces by a, which the footer names; a leg has none", async () => {
    const console = await networkBed();
    console.control.open(networksScreen(console.control));
    await console.until("br_bond0");
    await console.keys("down", "a");
    assert.doesNotMatch(console.text(), /a Routes/);
    assert.match(console.notice(), /eno1 is part of bond0/);
    await console.keys("down", "down", "down");
    assert.match(console.text(), /a Routes/);
    await console.keys("a");
    await untilAnswered(
      () => console.top().title === "network.entries.title",
      () => console.text(),
    );
    assert.match(console.text(), /172\.16\.0\.5\/24/);
  });

  it("find a router on the cable where another route of the draft leads to it", async () => {
    const console = await opened();
    await console.keys("r", "192.168.5.1/32", "enter", "-", "enter", "enter");
    await console.keys("r", "10.8.0.0/16", "enter", "192.168.5.1", "enter", "enter");
    assert.match(console.text(), /> route +10\.8\.0\.0\/16 +192\.168\.5\.1 +new/);
    await console.keys("s");
    assert.match(console.text(), /10\.8\.0\.0\/16 via 192\.168\.5\.1/);
  });
});

describe("what the addresses and routes would change", () => {
  const asked = async (): Promise<NetworkBed> => {
    const console = await opened();
    await console.keys("down", "d");
    press(console.top(), "s");
    return console;
  };
  const plans = ({ opened: screens }: NetworkBed) =>
    screens.filter(({ title }) => title === "network.plan.title").length;

  it("is shown once, however often it is asked for", async () => {
    const console = await asked();
    press(console.top(), "s");
    await console.keys();
    assert.equal(plans(console), 1);
  });

  it("is not shown on a console that was locked before the answer came", async () => {
    const console = await asked();
    console.know({ unlocked: false });
    await console.keys();
    assert.equal(plans(console), 0);
  });
});

describe("an address or a route that is typed", () => {
  const wrong = [
    { name: "a word as address", keys: ["a", "server", "enter"], says: "That is no IPv4 address." },
    {
      name: "an address without its prefix",
      keys: ["a", "10.4.0.5", "enter"],
      says: "Give the length of the network's prefix.",
    },
    {
      name: "an address with a netmask with holes",
      keys: ["a", "10.4.0.5 255.0.255.0", "enter"],
      says: "That is no netmask",
    },
    { name: "the address of a network", keys: ["a", "10.4.0.0/24", "enter"], says: "Give an address between 10.4.0.1" },
    {
      name: "an address that is there",
      keys: ["a", "172.16.0.5/16", "enter"],
      says: "eno3 has the address 172.16.0.5 already.",
    },
    { name: "a word as destination", keys: ["r", "office", "tab"], says: "office is no IPv4 network. Give its first" },
    {
      name: "a destination without prefix",
      keys: ["r", "10.1.0.0", "tab"],
      says: "Give the length of the network's prefix.",
    },
    {
      name: "an address as destination",
      keys: ["r", "10.1.2.3/16", "tab"],
      says: "10.1.0.0/16, or 10.1.2.3/32 for that machine",
    },
    { name: "every network as destination", keys: ["r", "0.0.0.0/0", "tab"], says: "the way there is the gateway" },
    {
      name: "a destination that has a route",
      keys: ["r", "10.9.0.0/16", "tab"],
      says: "eno3 has another route to 10.9.0.0/16",
    },
    { name: "an empty router", keys: ["r", "10.1.0.0/16", "tab", "tab"], says: "Give the router, or - for a network" },
    {
      name: "a word as router",
      keys: ["r", "10.1.0.0/16", "tab", "gw", "tab"],
      says: "The router gw is no IPv4 address.",
    },
    {
      name: "a router of the other family",
      keys: ["r", "fd00::/64", "tab", "10.1.0.1", "tab"],
      says: "10.1.0.1 is no IPv6 address",
    },
    {
      name: "its own address as router",
      keys: ["r", "10.1.0.0/16", "tab", "172.16.0.5", "tab"],
      says: "is the machine's own address.",
    },
    {
      name: "a router elsewhere",
      keys: ["r", "10.1.0.0/16", "tab", "10.1.0.1", "tab"],
      says: "The router 10.1.0.1 is in no network of eno3.",
    },
    {
      name: "too large a metric",
      keys: ["r", "10.1.0.0/16", "tab", "-", "tab", "4294967296", "tab"],
      says: "4294967296 can't be the metric",
    },
  ] as const;
  for (const { name, keys, says } of wrong)
    it(`is refused where it was typed: ${name}`, async () => {
      const console = await opened();
      await console.keys(...keys);
      const text = console.text().replaceAll(/\n +/g, " ");
      assert.ok(text.includes(says), console.text());
      assert.equal(console.opened.length, 2);
    });

  it("is refused where its family is switched off, with what to do", async () => {
    const console = await opened("br_bond0");
    await console.keys("a", "fd00::5/64", "enter");
    assert.match(console.text(), /IPv6 is off on br_bond0/);
    assert.match(console.text().replaceAll(/\n +/g, " "), /Choose a fixed address or DHCP there first/);
  });

  it("may use a router of an address that is as new", async () => {
    const console = await opened();
    await console.keys("a", "10.4.0.5/24", "enter", "r", "10.1.0.0/16", "enter", "10.4.0.1", "enter", "enter");
    assert.match(console.text(), /route +10\.1\.0\.0\/16 +10\.4\.0\.1 +new/);
  });

  it("has no line wider than the screen, in either language, on the smallest screen too", async () => {
    for (const language of ["en", "zh"] as const) {
      const console = await opened("eno3", { language, rich: true });
      await console.keys("r", "10.1.2.3/16", "tab", "10.1.0.1", "tab", "4294967296", "tab", "enter");
      for (const [width, height] of [
        [80, 24],
        [60, 20],
      ] as const)
        for (const line of console.lines(console.top(), width, height)) assert.ok(line.length <= width, line);
    }
  });
});

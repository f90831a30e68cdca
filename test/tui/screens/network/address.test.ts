import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { NodeError } from "../../../../core/model/error.ts";
import type { NetworkConfiguration } from "../../../../core/model/network/configuration.ts";
import { addressScreen } from "../../../../tui/screens/network/address.ts";
import { NetworkDesk } from "../../../../tui/screens/network/desk.ts";
import { styleOf } from "../support.ts";
import { type NetworkBed, networkBed } from "./bed.ts";

const clear = "^u";

async function opened(link: string, configuration?: NetworkConfiguration): Promise<NetworkBed> {
  const console = await networkBed();
  if (configuration !== undefined) console.network.configuration = configuration;
  const desk = new NetworkDesk(console.control);
  await desk.load();
  console.control.open(addressScreen(console.control, desk, link));
  return console;
}

function operationsOf(console: NetworkBed): unknown {
  const asked = console.network.calls.findLast(({ name }) => name === "planNetwork");
  return asked === undefined ? undefined : (asked.request as { body: { operations: unknown } }).body.operations;
}

describe("the form of an interface", () => {
  it("is filled in with what is set, but for the gateway, which stands beside its field", async () => {
    const console = await opened("br_bond0");
    assert.match(console.text(), /Address +10\.0\.0\.5\n +Netmask +255\.255\.255\.0\n +Gateway +now 10\.0\.0\.1\n/);
    await console.keys("tab", "tab", "tab");
    assert.match(console.text(), /now 10\.0\.0\.1 {3}= keeps it {3}- for no gateway/);
  });

  it("warns before anything is typed that the management network changes", async () => {
    const console = await opened("br_bond0");
    assert.match(console.text(), /br_bond0 carries the management network \(MN\)/);
    assert.equal(styleOf(console.frame(console.top(), 80, 24), "br_bond0 carries"), "warn");
    assert.doesNotMatch((await opened("eno3")).text(), /management network/);
  });

  const wrong = [
    { name: "an empty address", keys: ["tab", clear, "tab"], says: "That is no IPv4 address." },
    { name: "an address with too large a number", keys: ["tab", clear, "10.0.0.256", "tab"], says: "no IPv4 address" },
    { name: "an address of IPv6", keys: ["tab", clear, "fd00::1", "tab"], says: "That is no IPv4 address." },
    {
      name: "the address of the network",
      keys: ["tab", clear, "10.0.0.0", "tab"],
      says: "10.0.0.0 is not a machine's",
    },
    { name: "a loopback address", keys: ["tab", clear, "127.0.0.1", "tab"], says: "127.0.0.1 never leaves a machine" },
    { name: "an empty netmask", keys: ["tab", "tab", clear, "tab"], says: "Give the length of the network's prefix." },
    { name: "a netmask with holes", keys: ["tab", "tab", clear, "255.0.255.0", "tab"], says: "That is no netmask" },
    { name: "an empty gateway", keys: ["tab", "tab", "tab", "tab"], says: "Give the gateway, or - for none." },
    { name: "a gateway elsewhere", keys: ["tab", "tab", "tab", "10.0.1.1", "tab"], says: "is not in 10.0.0.0/24." },
    { name: "its own address as gateway", keys: ["tab", "tab", "tab", "10.0.0.5", "tab"], says: "the machine's own" },
    { name: "no gateway at all", keys: ["tab", "tab", "tab", "gateway", "tab"], says: "no IPv4 address of a gateway" },
    {
      name: "a name as name server",
      keys: ["tab", "tab", "tab", "tab", "tab", " ns1", "tab"],
      says: "Name servers are addresses",
    },
    {
      name: "an MTU beyond what switches take",
      keys: ["tab", "tab", "tab", "tab", "tab", "tab", "9217", "tab"],
      says: "The MTU is a number from 68 to 9216.",
    },
  ] as const;
  for (const { name, keys, says } of wrong)
    it(`refuses ${name} where it was typed`, async () => {
      const console = await opened("br_bond0");
      await console.keys(...keys);
      assert.ok(console.text().includes(says), console.text());
      await console.keys("up", "enter");
      assert.equal(operationsOf(console), undefined);
    });

  it("takes a prefix for a netmask, and - for no gateway", async () => {
    const console = await opened("eno3");
    await console.keys("tab", clear, "172.16.0.6", "tab", clear, "/16", "tab", "-", "tab", "tab", "tab", "enter");
    assert.deepEqual(operationsOf(console), [
      {
        do: "address",
        link: "eno3",
        others: "stay",
        ipv4: {
          method: "static",
          addresses: [{ address: "172.16.0.6", prefix: 16 }],
          gateway: null,
          routes: [],
          nameServers: [],
        },
      },
    ]);
  });

  it("takes = for the present gateway, so that nothing has changed", async () => {
    const console = await opened("br_bond0");
    await console.keys("tab", "tab", "tab", "=", "tab", "tab", "tab", "enter");
    assert.equal(operationsOf(console), undefined);
    assert.match(console.notice(), /nothing changes/);
  });

  it("sends the MTU alone when that is all that changes", async () => {
    const console = await opened("br_bond0");
    await console.keys("tab", "tab", "tab", "=", "tab", "tab", "tab", "9000", "enter");
    assert.deepEqual(operationsOf(console), [{ do: "mtu", link: "br_bond0", mtu: 9000 }]);
  });

  it("with DHCP has no fields for an address, and asks for none", async () => {
    const console = await opened("eno3");
    await console.keys("left");
    assert.match(console.text(), /< DHCP >/);
    assert.doesNotMatch(console.text(), /Netmask|Gateway/);
    await console.keys("tab", "tab", "tab", "enter");
    const dhcp = { method: "dhcp", addresses: [], gateway: null, routes: [], nameServers: [] };
    assert.deepEqual(operationsOf(console), [{ do: "address", link: "eno3", others: "stay", ipv4: dhcp }]);
  });

  it("keeps routes and further addresses, and says so", async () => {
    const console = await networkBed();
    const [route, more] = [
      { to: "10.9.0.0/16", via: "172.16.0.9", metric: null },
      { address: "172.16.9.5", prefix: 24 },
    ];
    const links = console.network.configuration.links.map((link) =>
      link.name === "eno3"
        ? { ...link, ipv4: { ...link.ipv4, routes: [route], addresses: [...link.ipv4.addresses, more] } }
        : link,
    );
    const changed = await opened("eno3", { ...console.network.configuration, links });
    assert.match(changed.text(), /Left as they are: further addresses 1, routes 1 \(a in the list\)\./);
    await changed.keys("tab", clear, "172.16.0.7", "tab", "tab", "-", "tab", "tab", "tab", "enter");
    assert.deepEqual(operationsOf(changed), [
      {
        do: "address",
        link: "eno3",
        others: "stay",
        ipv4: {
          method: "static",
          addresses: [{ address: "172.16.0.7", prefix: 24 }, more],
          gateway: null,
          routes: [route],
          nameServers: [],
        },
      },
    ]);
  });

  it("keeps a route that another console has added since it was opened", async () => {
    const console = await opened("eno3");
    const before = console.network.configuration;
    const routes = [{ to: "10.9.0.0/16", via: "172.16.0.9", metric: null }];
    const links = before.links.map((link) =>
      link.name === "eno3" ? { ...link, ipv4: { ...link.ipv4, routes } } : link,
    );
    console.network.configuration = { ...before, links };
    console.network.plan = "reckoned";
    await console.keys("tab", clear, "172.16.0.7", "tab", "tab", "-", "tab", "tab", "tab", "enter");
    assert.match(console.text(), /172\.16\.0\.5\/24 +172\.16\.0\.7\/24/);
    assert.doesNotMatch(console.text(), /10\.9\.0\.0/);
  });

  it("says that further addresses and routes go with a family that is switched off", async () => {
    const console = await networkBed();
    const routes = [{ to: "10.9.0.0/16", via: "172.16.0.9", metric: null }];
    const links = console.network.configuration.links.map((link) =>
      link.name === "eno3" ? { ...link, ipv4: { ...link.ipv4, routes } } : link,
    );
    const changed = await opened("eno3", { ...console.network.configuration, links });
    await changed.keys("right");
    assert.match(changed.text(), /IPv4 +< off >/);
    assert.match(changed.text(), /Switched off with it: further addresses 0, routes 1\./);
  });

  it("keeps routes and further addresses when DHCP takes over", async () => {
    const console = await networkBed();
    const routes = [{ to: "10.9.0.0/16", via: "172.16.0.9", metric: null }];
    const more = { address: "172.16.9.5", prefix: 24 };
    const links = console.network.configuration.links.map((link) =>
      link.name === "eno3"
        ? { ...link, ipv4: { ...link.ipv4, routes, addresses: [...link.ipv4.addresses, more] } }
        : link,
    );
    const changed = await opened("eno3", { ...console.network.configuration, links });
    await changed.keys("left", "tab", "tab", "tab", "enter");
    const ipv4 = { method: "dhcp", addresses: [more], gateway: null, routes, nameServers: [] };
    assert.deepEqual(operationsOf(changed), [{ do: "address", link: "eno3", others: "stay", ipv4 }]);
  });

  it("has IPv6 with a prefix, and a link-local router as gateway", async () => {
    const console = await opened("eno3");
    await console.keys("tab", "tab", "tab", "-", "tab", "left", "left", "right");
    assert.match(console.text(), /IPv6 +< fixed address >/);
    await console.keys("tab", "fd00:1::10", "tab");
    assert.match(console.text(), /Give the length of the network's prefix/);
    await console.keys("up", "/64", "tab", "fe80::1", "tab", "tab", "enter");
    assert.deepEqual(operationsOf(console), [
      {
        do: "address",
        link: "eno3",
        others: "stay",
        ipv6: {
          method: "static",
          addresses: [{ address: "fd00:1::10", prefix: 64 }],
          gateway: "fe80::1",
          routes: [],
          nameServers: [],
        },
      },
    ]);
  });

  it("opens with a fixed address where nothing is configured, and off where a bond has the addresses", async () => {
    assert.match((await opened("eno4")).text(), /IPv4 +< fixed address >/);
    const leg = await opened("eno1");
    assert.match(leg.text(), /IPv4 +< off >/);
    assert.match(leg.text(), /eno1 is part of bond0/);
  });

  it("says in the form why an operation can't be carried out at all", async () => {
    const console = await opened("eno3");
    console.network.plan = new NodeError("NET.LINK_UNKNOWN", "No such link.", { values: { link: "eno3" } });
    await console.keys("tab", "tab", "tab", "-", "tab", "tab", "tab", "9000", "enter");
    await console.until("There is no interface eno3.");
  });
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { linkOf, type NetworkConfiguration, noIpv4 } from "../../../../core/model/network/configuration.ts";
import { operate } from "../../../../core/model/network/operate.ts";
import type { NetworkOperation } from "../../../../core/model/network/operation.ts";
import { networkProblems } from "../../../../core/model/network/problems.ts";
import { renamedHardware, renamesOf } from "../../../../core/model/network/rename.ts";
import { bond, bridge, ethernet, four, management, network, server, six, vlan, whole } from "./networks.ts";

const nothingSaved = () => undefined;
const after = (start: NetworkConfiguration, ...operations: NetworkOperation[]) =>
  operate(start, operations, nothingSaved, server);
const lacp = { do: "bond", mode: "802.3ad", options: { miimon: "100" } } as const;

test("the storage network of the specification is made by its commands", () => {
  const start = network([management]);
  const made = after(
    start,
    { ...lacp, link: "bond0", change: false },
    { do: "attach", bond: "bond0", leg: "p5p1" },
    { do: "attach", bond: "bond0", leg: "p5p2" },
    { do: "bridge", link: "br_bond0", port: "bond0" },
    { do: "address", link: "br_bond0", ...four("192.168.93.3/24") },
  );
  assert.deepEqual(made.links, [
    management,
    bond("bond0", ["p5p1", "p5p2"]),
    bridge("br_bond0", ["bond0"], four("192.168.93.3/24")),
  ]);
  assert.deepEqual(networkProblems(made, server), []);
  assert.deepEqual(start, network([management]));
});

test("an address is set for a card that has no entry yet, and a family left out stays", () => {
  const first = after(network([]), { do: "address", link: "eno2", ...four("10.2.0.5/24") });
  assert.deepEqual(first.links, [ethernet("eno2", four("10.2.0.5/24"))]);
  const second = after(
    first,
    { do: "address", link: "eno2", ...six("fd00::5/64") },
    { do: "mtu", link: "eno2", mtu: 9000 },
  );
  assert.deepEqual(second.links, [ethernet("eno2", { ...four("10.2.0.5/24"), ...six("fd00::5/64"), mtu: 9000 })]);
});

const withMore = ethernet(
  "eno2",
  four(["10.2.0.5/24", "10.3.0.5/24"], {
    gateway: "10.2.0.1",
    routes: [
      { to: "10.8.0.0/16", via: "10.2.0.9", metric: null },
      { to: "10.9.0.0/16", via: "10.2.0.9", metric: 100 },
    ],
  }),
);

test("a form that shows the first address only leaves all others and the routes as they are by then", () => {
  const route = { to: "10.9.0.0/16", via: "10.2.0.1", metric: null };
  const start = network([ethernet("eno2", four(["10.2.0.5/24", "10.2.9.5/24"], { routes: [route] }))]);
  const stale = (ipv4: ReturnType<typeof four>["ipv4"]) =>
    linkOf(after(start, { do: "address", link: "eno2", others: "stay", ipv4 }), "eno2")?.ipv4;
  assert.deepEqual(stale(four("10.2.0.6/24").ipv4), four(["10.2.0.6/24", "10.2.9.5/24"], { routes: [route] }).ipv4);
  assert.deepEqual(stale({ ...noIpv4, method: "dhcp" }), {
    ...noIpv4,
    method: "dhcp",
    addresses: [{ address: "10.2.9.5", prefix: 24 }],
    routes: [route],
  });
  assert.deepEqual(stale(noIpv4), noIpv4);
});

test("one address comes, changes in its place, or goes, and all others stay", () => {
  const start = network([withMore]);
  const at = (text: string) => {
    const [address = "", prefix = ""] = text.split("/");
    return { address, prefix: Number(prefix) };
  };
  const one = (old: string | null, fresh: string | null) =>
    linkOf(
      after(start, {
        do: "oneAddress",
        link: "eno2",
        before: old === null ? null : at(old),
        after: fresh === null ? null : at(fresh),
      }),
      "eno2",
    );
  const addresses = (link: ReturnType<typeof one>) =>
    link?.ipv4.addresses.map((each) => `${each.address}/${each.prefix}`);
  assert.deepEqual(addresses(one(null, "10.4.0.5/24")), ["10.2.0.5/24", "10.3.0.5/24", "10.4.0.5/24"]);
  assert.deepEqual(addresses(one("10.2.0.5/24", "10.2.0.6/24")), ["10.2.0.6/24", "10.3.0.5/24"]);
  assert.deepEqual(addresses(one("10.3.0.5/24", null)), ["10.2.0.5/24"]);
  const changed = one("10.3.0.5/24", "fd00::5/64");
  assert.deepEqual(addresses(changed), ["10.2.0.5/24"]);
  assert.deepEqual(changed?.ipv6.addresses, [{ address: "fd00::5", prefix: 64 }]);
  assert.deepEqual(changed?.ipv4.routes, withMore.ipv4.routes);
  assert.equal(changed?.ipv4.gateway, "10.2.0.1");
});

test("one route comes, changes in its place, or goes; it is the one with the same router and metric", () => {
  const [first, second] = withMore.ipv4.routes;
  assert.ok(first !== undefined && second !== undefined);
  const start = network([withMore]);
  const routes = (operation: { before: typeof first | null; after: typeof first | null }) =>
    linkOf(after(start, { do: "oneRoute", link: "eno2", ...operation }), "eno2")?.ipv4.routes;
  const fresh = { to: "10.7.0.0/16", via: null, metric: 5 };
  assert.deepEqual(routes({ before: null, after: fresh }), [first, second, fresh]);
  assert.deepEqual(routes({ before: first, after: fresh }), [fresh, second]);
  assert.deepEqual(routes({ before: second, after: null }), [first]);
  assert.throws(() => routes({ before: { ...second, metric: 200 }, after: null }), { code: "NET.ROUTE_GONE" });
  const withSix = linkOf(
    after(start, {
      do: "oneRoute",
      link: "eno2",
      before: null,
      after: { to: "fd07::/48", via: "fe80::1", metric: null },
    }),
    "eno2",
  );
  assert.deepEqual(withSix?.ipv4, withMore.ipv4);
  assert.deepEqual(withSix?.ipv6.routes, [{ to: "fd07::/48", via: "fe80::1", metric: null }]);
});

test("an address is found in whatever form it is written", () => {
  const start = network([ethernet("eno2", six(["fd00::5/64", "fd00:1::5/64"]))]);
  const removed = after(start, {
    do: "oneAddress",
    link: "eno2",
    before: { address: "FD00:1:0::5", prefix: 64 },
    after: null,
  });
  assert.deepEqual(linkOf(removed, "eno2"), ethernet("eno2", six("fd00::5/64")));
});

test("a leg loses its addresses, and its entry unless that has an MTU", () => {
  const start = network([
    ethernet("p5p1", four("10.2.0.5/24")),
    ethernet("p5p2", { ...four("10.3.0.5/24"), mtu: 9000 }),
    bond("bond0", []),
  ]);
  const attached = after(
    start,
    { do: "attach", bond: "bond0", leg: "p5p1" },
    { do: "attach", bond: "bond0", leg: "p5p2" },
  );
  assert.deepEqual(attached.links, [ethernet("p5p2", { mtu: 9000 }), bond("bond0", ["p5p1", "p5p2"])]);
  assert.deepEqual(
    linkOf(after(attached, { do: "detach", bond: "bond0", leg: "p5p1" }), "bond0"),
    bond("bond0", ["p5p2"]),
  );
});

test("a detached leg is no primary any more", () => {
  const start = network([bond("bond0", ["p5p1", "p5p2"], { mode: "active-backup", options: { primary: "p5p1" } })]);
  const detached = after(start, { do: "detach", bond: "bond0", leg: "p5p1" });
  assert.deepEqual(detached.links, [bond("bond0", ["p5p2"], { mode: "active-backup", options: {} })]);
});

test("a bridge takes over what its port was reached by", () => {
  const addressing = {
    ...four("10.0.0.5/24", {
      gateway: "10.0.0.1",
      nameServers: ["10.0.0.2"],
      routes: [{ to: "10.1.0.0/16", via: "10.0.0.9", metric: 1 }],
    }),
    ...six("fd00::5/64"),
  };
  const start = network([ethernet("eno1", { ...addressing, mtu: 1400 })]);
  const bridged = after(start, { do: "bridge", link: "br_eno1", port: "eno1" });
  assert.deepEqual(bridged.links, [ethernet("eno1", { mtu: 1400 }), bridge("br_eno1", ["eno1"], addressing)]);
  assert.equal(bridged.managementLink, "br_eno1");
  assert.deepEqual(after(bridged, { do: "bridge", link: "br_eno1", port: "eno1" }), bridged);
});

test("a new name is followed everywhere", () => {
  const start = network(
    [
      bond("bond0", ["eno1", "eno2"], { mode: "active-backup", options: { primary: "eno1" } }),
      vlan("bond0.10", "bond0", 10),
      vlan("bond0.10.20", "bond0.10", 20, four("10.2.0.5/24")),
      vlan("storage", "bond0", 30),
      bridge("br0", ["bond0.10"]),
    ],
    { managementLink: "bond0.10.20" },
  );
  const renamed = after(start, { do: "rename", link: "bond0", to: "lan" }, { do: "rename", link: "eno1", to: "left" });
  assert.deepEqual(
    renamed,
    network(
      [
        bond("lan", ["left", "eno2"], { mode: "active-backup", options: { primary: "left" } }),
        vlan("lan.10", "lan", 10),
        vlan("lan.10.20", "lan.10", 20, four("10.2.0.5/24")),
        vlan("storage", "lan", 30),
        bridge("br0", ["lan.10"]),
      ],
      { managementLink: "lan.10.20" },
    ),
  );
});

test("a card without an entry has a name as well, and two cards may change theirs", () => {
  const swap: NetworkOperation[] = [
    { do: "rename", link: "p5p1", to: "x" },
    { do: "rename", link: "eno1", to: "p5p1" },
    { do: "rename", link: "x", to: "eno1" },
  ];
  const swapped = operate(whole, swap, nothingSaved, server);
  assert.deepEqual(linkOf(swapped, "p5p1"), { ...management, name: "p5p1" });
  const bond0 = linkOf(swapped, "bond0");
  assert.ok(bond0?.kind === "bond");
  assert.deepEqual(bond0.bond.legs, ["eno1", "p5p2"]);
  assert.deepEqual(
    [...renamesOf(swap)],
    [
      ["p5p1", "eno1"],
      ["eno1", "p5p1"],
    ],
  );
  assert.deepEqual(operate(network([]), swap, nothingSaved, server).links, []);
});

test("a draft with new names is right for the machine under its new names", () => {
  const operations: NetworkOperation[] = [
    { do: "rename", link: "eno1", to: "lan0" },
    { do: "rename", link: "p5p1", to: "san0" },
  ];
  const draft = after(whole, ...operations);
  const unknown = networkProblems(draft, server).map(({ code }) => code);
  assert.deepEqual(new Set(unknown), new Set(["NET.LINK_UNKNOWN"]));
  assert.deepEqual(networkProblems(draft, renamedHardware(server, renamesOf(operations))), []);
});

test("what a bond, VLAN or bridge was made of is free when it is deleted", () => {
  const start = network([bond("bond0", ["p5p1", "p5p2"]), bridge("br0", ["eno2"])]);
  const rest = after(
    start,
    { do: "delete", link: "bond0", kind: "bond" },
    { do: "delete", link: "br0", kind: "bridge" },
  );
  assert.deepEqual(rest.links, []);
  after(rest, { ...lacp, link: "bond1", change: false }, { do: "attach", bond: "bond1", leg: "p5p1" });
  const cleared = after(network([management]), { do: "delete", link: "eno1", kind: "ethernet" });
  assert.deepEqual(cleared.links, []);
  assert.deepEqual(after(cleared, { do: "delete", link: "eno1", kind: "ethernet" }), cleared);
});

test("the node's own settings, and a way back to a kept configuration", () => {
  const changed = after(
    whole,
    { do: "hostname", hostname: "node-9" },
    { do: "timeServers", servers: ["ntp.example.com"] },
    { do: "management", link: "br_bond0" },
  );
  assert.deepEqual(changed, {
    ...whole,
    hostname: "node-9",
    timeServers: ["ntp.example.com"],
    managementLink: "br_bond0",
  });
  assert.deepEqual(
    operate(changed, [{ do: "restore", id: "3" }], (id) => (id === "3" ? whole : undefined)),
    whole,
  );
});

test("where the machine is not known, a name that is nowhere may be a card's", () => {
  const made = operate(
    network([]),
    [
      { do: "address", link: "eth9", ...four("10.2.0.5/24") },
      { do: "vlan", parent: "eth8", id: 5 },
    ],
    nothingSaved,
  );
  assert.deepEqual(made.links, [ethernet("eth9", four("10.2.0.5/24")), vlan("eth8.5", "eth8", 5)]);
});

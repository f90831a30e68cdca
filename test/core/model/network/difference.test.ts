import assert from "node:assert/strict";
import { test } from "node:test";
import type { NetworkConfiguration } from "../../../../core/model/network/configuration.ts";
import { noIpv4 } from "../../../../core/model/network/configuration.ts";
import { cutOffs, type NetworkActivity } from "../../../../core/model/network/cut-offs.ts";
import { networkChanges } from "../../../../core/model/network/difference.ts";
import { networkChange } from "../../../../core/model/network/transaction.ts";
import { changeWords, cutOffWords } from "../../../../core/model/network/words.ts";
import { Random } from "../../../support/random.ts";
import { bond, bridge, ethernet, four, management, network, randomNetwork, six, vlan, whole } from "./networks.ts";

function words(
  before: NetworkConfiguration,
  after: NetworkConfiguration,
  renames?: ReadonlyMap<string, string>,
): string[] {
  return networkChanges(before, after, renames).map((change) => changeWords(networkChange.parse(change)));
}

const one = network([ethernet("eno1", four("10.0.0.5/24", { gateway: "10.0.0.1" }))]);
const changed: [what: string, before: NetworkConfiguration, after: NetworkConfiguration, lines: string[]][] = [
  [
    "another address",
    one,
    network([ethernet("eno1", four("10.0.0.9/24", { gateway: "10.0.0.1" }))]),
    ["eno1: address 10.0.0.5/24 -> 10.0.0.9/24"],
  ],
  [
    "DHCP instead",
    one,
    network([ethernet("eno1", { ipv4: { ...noIpv4, method: "dhcp" } })]),
    ["eno1: IPv4 static -> dhcp", "eno1: address 10.0.0.5/24 removed", "eno1: gateway 10.0.0.1 removed"],
  ],
  [
    "another primary",
    network([ethernet("eno1", four(["10.0.0.5/24", "10.0.0.6/24"]))]),
    network([ethernet("eno1", four(["10.0.0.6/24", "10.0.0.5/24"]))]),
    ["eno1: address order 10.0.0.5/24, 10.0.0.6/24 -> 10.0.0.6/24, 10.0.0.5/24"],
  ],
  [
    "IPv6, routes and name servers",
    network([
      ethernet(
        "eno1",
        four("10.0.0.5/24", { nameServers: ["10.0.0.2"], routes: [{ to: "10.1.0.0/16", via: "10.0.0.1", metric: 5 }] }),
      ),
    ]),
    network([
      ethernet("eno1", {
        ...four("10.0.0.5/24", {
          nameServers: ["10.0.0.2", "10.0.0.3"],
          routes: [{ to: "10.2.0.0/16", via: null, metric: null }],
        }),
        ...six("fd00::5/64", { gateway: "fe80::1" }),
      }),
    ]),
    [
      "eno1: route 10.1.0.0/16 via 10.0.0.1 metric 5 removed",
      "eno1: route 10.2.0.0/16 added",
      "eno1: name servers 10.0.0.2 -> 10.0.0.2, 10.0.0.3",
      "eno1: IPv6 off -> static",
      "eno1: address fd00::5/64 added",
      "eno1: IPv6 gateway fe80::1 added",
    ],
  ],
  [
    "a new bond",
    network([ethernet("p5p1", four("10.2.0.5/24"))]),
    network([bond("bond0", ["p5p1", "p5p2"], { mtu: 9000 })]),
    [
      "bond0: bond added",
      "bond0: mode 802.3ad added",
      "bond0: option miimon 100 added",
      "bond0: leg p5p1 added",
      "bond0: leg p5p2 added",
      "bond0: MTU default -> 9000",
      "p5p1: settings removed",
      "p5p1: IPv4 static -> off",
      "p5p1: address 10.2.0.5/24 removed",
    ],
  ],
  [
    "a bond's insides",
    network([bond("bond0", ["p5p1", "p5p2"], { options: { miimon: "100", lacp_rate: "slow" } })]),
    network([bond("bond0", ["p5p1", "eno2"], { mode: "active-backup", options: { miimon: "50", primary: "eno2" } })]),
    [
      "bond0: mode 802.3ad -> active-backup",
      "bond0: option lacp_rate slow removed",
      "bond0: option miimon 100 -> 50",
      "bond0: option primary eno2 added",
      "bond0: leg p5p2 removed",
      "bond0: leg eno2 added",
    ],
  ],
  [
    "VLANs and bridges",
    network([vlan("storage", "eno1", 5), bridge("br0", ["eno2"])]),
    network([vlan("storage", "eno1", 6), bridge("br0", ["p5p1"], { stp: true })]),
    [
      "storage: on eno1 id 5 -> eno1 id 6",
      "br0: port eno2 removed",
      "br0: port p5p1 added",
      "br0: spanning tree off -> on",
    ],
  ],
  [
    "another kind",
    network([bridge("x", [])]),
    network([vlan("x", "eno1", 5)]),
    ["x: bridge -> vlan", "x: on eno1 id 5 added"],
  ],
  [
    "the node",
    network([], { timeServers: ["a.example.com", "b"] }),
    network([], { hostname: "node-2", managementLink: null }),
    [
      "host name node-1 -> node-2",
      "time servers a.example.com, b -> those of the system",
      "management interface eno1 -> that of the default route",
    ],
  ],
  [
    "hostile text",
    network([ethernet("a\nb")]),
    network([bond("bond0", ["; rm -rf /"], { options: { "x\u001b": "y".repeat(256) } })], { hostname: "%n 链" }),
    [
      `host name node-1 -> "%n 链"`,
      "bond0: bond added",
      "bond0: mode 802.3ad added",
      `bond0: option "x\\u001b" "${"y".repeat(27)}..." (256 characters) added`,
      `bond0: leg "; rm -rf /" added`,
      `"a\\nb": settings removed`,
    ],
  ],
];
for (const [what, before, after, lines] of changed)
  test(`a difference is told in lines: ${what}`, () => assert.deepEqual(words(before, after), lines));

test("of a rename that was asked for, only new names are told", () => {
  const after = network(
    [{ ...management, name: "lan" }, bond("bond0", ["left", "p5p2"]), vlan("lan.5", "lan", 5, four("10.2.0.5/24"))],
    { managementLink: "lan" },
  );
  const before = network([management, bond("bond0", ["p5p1", "p5p2"]), vlan("eno1.5", "eno1", 5, four("10.2.0.4/24"))]);
  assert.deepEqual(
    words(
      before,
      after,
      new Map([
        ["eno1", "lan"],
        ["p5p1", "left"],
      ]),
    ),
    [
      "left: name p5p1 -> left",
      "lan: name eno1 -> lan",
      "lan.5: name eno1.5 -> lan.5",
      "lan.5: address 10.2.0.4/24 -> 10.2.0.5/24",
    ],
  );
  assert.ok(words(before, after).includes("eno1: settings removed"));
});

test("equal configurations do not differ, in whatever order or form", () => {
  for (let seed = 0; seed < 300; seed++) {
    const { configuration } = randomNetwork(new Random(seed));
    const other = structuredClone({ ...configuration, links: configuration.links.toReversed() });
    assert.deepEqual(networkChanges(configuration, other), [], `seed ${seed}`);
  }
  assert.deepEqual(
    words(network([ethernet("eno1", six("fd00::5/64"))]), network([ethernet("eno1", six("FD00:0::5/64"))])),
    [],
  );
});

test("different configurations differ, and back again it is the other way round", () => {
  for (let seed = 0; seed < 200; seed++) {
    const [a, b] = [
      randomNetwork(new Random(seed)).configuration,
      randomNetwork(new Random(seed + 1000)).configuration,
    ];
    const sides = (changes: ReturnType<typeof networkChanges>, isTurned: boolean) =>
      changes
        .map(({ link, what, before, after }) =>
          JSON.stringify([link, what, ...(isTurned ? [after, before] : [before, after])]),
        )
        .sort();
    assert.deepEqual(sides(networkChanges(a, b), false), sides(networkChanges(b, a), true), `seed ${seed}`);
    assert.notDeepEqual(networkChanges(a, b), [], `seed ${seed}`);
  }
});

const activity: NetworkActivity = {
  managementAddresses: ["10.0.0.5"],
  managementLink: "eno1",
  sessions: [
    { console: "pts/0", address: "10.0.0.5" },
    { console: "pts/1", address: "192.168.93.3" },
    { console: "tty1", address: null },
  ],
  runningMigrations: 1,
  storageMounts: [
    { mount: "/primary", server: "192.168.93.9" },
    { mount: "/backup", server: "10.9.1.1" },
    { mount: "/far", server: "172.16.0.1" },
    { mount: "/named", server: "nfs.example.com" },
  ],
  runningVirtualMachines: 7,
};
const edited = (
  name: string,
  change: (link: NetworkConfiguration["links"][number]) => NetworkConfiguration["links"][number] | null,
) => ({
  ...whole,
  links: whole.links.flatMap((link) => (link.name === name ? (change(link) ?? []) : [link])),
});
const cut: [what: string, after: NetworkConfiguration, expected: string[]][] = [
  ["nothing", whole, []],
  ["a new host name", { ...whole, hostname: "node-2" }, []],
  [
    "one more address",
    edited("eno1", (link) => ({ ...link, ...four(["10.0.0.5/24", "10.0.0.6/24"], { gateway: "10.0.0.1" }) })),
    [],
  ],
  [
    "another management address",
    edited("eno1", (link) => ({ ...link, ...four("10.0.0.6/24", { gateway: "10.0.0.1" }) })),
    [
      "the management address 10.0.0.5",
      "the session of pts/0",
      "1 running migration",
      "the storage mounted at /far",
      "the storage mounted at /named",
    ],
  ],
  [
    "the MTU of the management interface",
    edited("eno1", (link) => ({ ...link, mtu: 1400 })),
    [
      "the management network on eno1",
      "1 running migration",
      "the storage mounted at /far",
      "the storage mounted at /named",
    ],
  ],
  [
    "a bond's mode",
    edited("bond0", (link) => (link.kind === "bond" ? { ...link, bond: { ...link.bond, mode: "balance-xor" } } : link)),
    [
      "the storage mounted at /primary",
      "the storage mounted at /backup",
      "the storage mounted at /named",
      "the network of 7 virtual machines",
    ],
  ],
  [
    "a storage address that moves",
    edited("br_bond0", (link) => ({ ...link, ...four("192.168.93.4/24") })),
    [
      "the session of pts/1",
      "the storage mounted at /primary",
      "the storage mounted at /backup",
      "the storage mounted at /named",
    ],
  ],
  ["a bridge that goes", edited("br_bond0.10", () => null), ["the network of 7 virtual machines"]],
  [
    "one more port",
    edited("br_bond0", (link) =>
      link.kind === "bridge" ? { ...link, bridge: { ...link.bridge, ports: ["bond0", "eno2"] } } : link,
    ),
    [],
  ],
];
for (const [what, after, expected] of cut)
  test(`what is cut off is told: ${what}`, () =>
    assert.deepEqual(cutOffs(whole, after, activity).map(cutOffWords), expected));

test("an address that moves to a bridge is away for a moment", () => {
  const after = network([bridge("br_eno1", ["eno1"], { ipv4: management.ipv4 })], { managementLink: "br_eno1" });
  const { storageMounts: _, ...rest } = activity;
  assert.deepEqual(cutOffs(network([management]), after, { ...rest, storageMounts: [] }), [
    { what: "managementAddress", detail: "10.0.0.5" },
    { what: "session", detail: "pts/0" },
    { what: "migration", detail: "1" },
  ]);
});

test("an address that DHCP gave goes with DHCP", () => {
  const before = network([ethernet("eno1", { ipv4: { ...noIpv4, method: "dhcp" } })]);
  const quiet = { ...activity, storageMounts: [], runningMigrations: 0 };
  assert.deepEqual(cutOffs(before, network([management]), quiet), [
    { what: "managementAddress", detail: "10.0.0.5" },
    { what: "session", detail: "pts/0" },
  ]);
  assert.deepEqual(cutOffs(before, before, quiet), []);
});

test("a rename takes a link down, under the name that people know", () => {
  const after = network([{ ...management, name: "lan" }], { managementLink: "lan" });
  const quiet = { ...activity, storageMounts: [], sessions: [] };
  assert.deepEqual(cutOffs(network([management]), after, quiet, new Map([["eno1", "lan"]])), [
    { what: "managementLink", detail: "eno1" },
    { what: "migration", detail: "1" },
  ]);
});

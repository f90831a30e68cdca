import assert from "node:assert/strict";
import { test } from "node:test";
import { parseBonding, parseLinks, parseNameServers, parseRoutes } from "../../../../core/node/facts/links.ts";
import { networkSource } from "../../../../core/node/facts/network.ts";
import { FactMissing } from "../../../../core/node/facts/source.ts";
import { fixtureMachine, recording } from "../../../../core/node/fixture.ts";
import type { Machine } from "../../../../core/node/machine.ts";

const signal = new AbortController().signal;
const addr = "ip -j -d -s addr show";
const up = ["BROADCAST", "MULTICAST", "UP", "LOWER_UP"];

const ether = (name: string, more: object = {}) => ({
  ifname: name,
  flags: up,
  mtu: 1500,
  operstate: "UP",
  link_type: "ether",
  address: "52:54:00:00:00:01",
  addr_info: [],
  stats64: { rx: { bytes: 10, errors: 1 }, tx: { bytes: 20, errors: 2 } },
  ...more,
});

function machine(links: object[], more: { files?: object; links?: object; commands?: object } = {}): Machine {
  return fixtureMachine(
    recording.parse({
      now: 0,
      files: { "/etc/resolv.conf": "nameserver 10.0.0.2\n", ...more.files },
      links: more.links ?? {},
      commands: {
        [addr]: { json: links },
        "ip -j route show default": {},
        "ip -j -6 route show default": {},
        ...more.commands,
      },
    }),
  );
}

const one = async (link: object, more: Parameters<typeof machine>[1] = {}) =>
  (await networkSource().read(machine([link], more), signal)).links[0];

test("a link that is down by administration has no carrier to speak of", async () => {
  assert.equal((await one(ether("eno1", { flags: ["BROADCAST", "MULTICAST"] })))?.carrier, null);
  assert.equal((await one(ether("eno1", { flags: ["NO-CARRIER", "BROADCAST", "MULTICAST", "UP"] })))?.carrier, false);
  assert.equal((await one(ether("eno1")))?.carrier, true);
});

for (const [text, speed] of [
  ["10000\n", 10000],
  ["-1\n", null],
  ["4294967295\n", null],
  ["", null],
] as const) {
  test(`a speed of ${JSON.stringify(text)} is ${speed}`, async () => {
    const link = await one(ether("eno1"), { files: { "/sys/class/net/eno1/speed": text } });
    assert.equal(link?.speedMbps, speed);
  });
}

const kinds: [string, object, string | undefined, string][] = [
  ["eno1", {}, "../../devices/pci0000:17/0000:17:00.0/0000:19:00.0/net/eno1", "physical"],
  ["ens3", {}, "../../devices/pci0000:00/0000:00:03.0/virtio0/net/ens3", "physical"],
  ["eno1", { parentbus: "pci", parentdev: "0000:19:00.0" }, undefined, "physical"],
  ["dummy", {}, "../../devices/virtual/net/dummy", "virtual"],
  [
    "vnet0",
    { linkinfo: { info_kind: "tun", info_data: { type: "tap" } } },
    "../../devices/virtual/net/vnet0",
    "virtual",
  ],
  ["veth0", { linkinfo: { info_kind: "veth" } }, undefined, "virtual"],
  ["vx5", { linkinfo: { info_kind: "vxlan", info_data: { id: 5, ttl: "auto" } } }, undefined, "tunnel"],
  ["br0", { linkinfo: { info_kind: "bridge", info_data: { forward_delay: 1500 } } }, undefined, "bridge"],
  ["new0", { linkinfo: { info_kind: "tomorrow", info_data: { mode: 7 } } }, undefined, "virtual"],
  ["lo", { link_type: "loopback" }, "../../devices/virtual/net/lo", "loopback"],
];
for (const [name, more, path, kind] of kinds) {
  test(`${name} with ${JSON.stringify(more)} at ${path} is ${kind}`, async () => {
    const links = path === undefined ? {} : { [`/sys/class/net/${name}`]: path };
    assert.equal((await one(ether(name, more), { links }))?.kind, kind);
  });
}

test("the bus is the last address on the way to the device", async () => {
  const bus = async (path: string) => (await one(ether("n"), { links: { "/sys/class/net/n": path } }))?.bus;
  assert.equal(await bus("../../devices/pci0000:17/0000:17:00.0/0000:19:00.0/net/n"), "0000:19:00.0");
  assert.equal(await bus("../../devices/pci0000:00/0000:00:03.0/virtio2/net/n"), "0000:00:03.0");
  assert.equal(await bus("../../devices/pci0000:00/0000:00:14.0/usb1/1-4/1-4.2/1-4.2:1.0/net/n"), "1-4.2");
});

const bonding = `Ethernet Channel Bonding Driver: v6.1.0-41-amd64

Bonding Mode: IEEE 802.3ad Dynamic link aggregation

802.3ad info
Active Aggregator Info:
	Partner Mac Address: 00:1c:73:00:00:01

Slave Interface: eno1
MII Status: up
details actor lacp pdu:
    system priority: 65535
    system mac address: b0:26:28:aa:00:01
details partner lacp pdu:
    system priority: 32768
    system mac address: 00:1c:73:00:00:01
    oper key: 32771

Slave Interface: eno2
MII Status: down
details actor lacp pdu:
    system mac address: b0:26:28:aa:00:01
details partner lacp pdu:
    system mac address: 00:00:00:00:00:00
`;

test("each leg's LACP partner; all zeros are nobody", () => {
  assert.deepEqual([...parseBonding(bonding)], [["eno1", "00:1c:73:00:00:01"]]);
  assert.deepEqual([...parseBonding("")], []);
});

test("a leg that is up but in another aggregator than the bond's is not active", async () => {
  const leg = (name: string, aggregator: number) =>
    ether(name, {
      master: "bond0",
      linkinfo: {
        info_slave_kind: "bond",
        info_slave_data: { state: "ACTIVE", mii_status: "UP", link_failure_count: 1, ad_aggregator_id: aggregator },
      },
    });
  const bond = ether("bond0", {
    linkinfo: { info_kind: "bond", info_data: { mode: "802.3ad", ad_info: { aggregator: 1 } } },
  });
  const { links } = await networkSource().read(
    machine([leg("eno1", 1), leg("eno2", 2), bond], { files: { "/proc/net/bonding/bond0": bonding } }),
    signal,
  );
  assert.deepEqual(
    links[2]?.bond?.legs.map(({ link, up: isUp, active }) => [link, isUp, active]),
    [
      ["eno1", true, true],
      ["eno2", true, false],
    ],
  );
});

test("routes: the lowest metric first, every hop of a multipath route, none without a family", () => {
  const text = JSON.stringify([
    { dst: "default", gateway: "10.0.0.2", dev: "eno2", metric: 200, flags: [] },
    { dst: "default", gateway: "10.0.0.1", dev: "eno1", metric: 100, flags: [] },
    { dst: "default", metric: 300, flags: [], nexthops: [{ gateway: "10.1.0.1", dev: "a", weight: 1 }, { dev: "b" }] },
    { dst: "default", via: { family: "inet6", host: "fe80::1" }, dev: "c", metric: 400, flags: [] },
    { type: "unreachable", dst: "default", metric: 4278198272, flags: [] },
  ]);
  assert.deepEqual(
    parseRoutes(text, "inet").map(({ link, address }) => [link, address]),
    [
      ["eno1", "10.0.0.1"],
      ["eno2", "10.0.0.2"],
      ["a", "10.1.0.1"],
      ["b", null],
      ["c", "fe80::1"],
    ],
  );
  assert.deepEqual(parseRoutes("", "inet6"), []);
});

const routed = {
  "ip -j route show default": { json: [{ dst: "default", gateway: "10.0.0.1", dev: "eno2", flags: [] }] },
};

test("the management link is the default route's, unless the node's file names one", async () => {
  const links = [ether("eno1"), ether("eno2")];
  const marked = async (files: object) =>
    (await networkSource().read(machine(links, { files, commands: routed }), signal)).links
      .filter(({ management }) => management)
      .map(({ name }) => name);
  assert.deepEqual(await marked({}), ["eno2"]);
  assert.deepEqual(await marked({ "/etc/binnacle/node.json": '{"role":"compute","managementLink":"eno1"}' }), ["eno1"]);
});

test("routes are asked for again only when the kernel's tables have changed", async () => {
  const tables = ["Iface\n", "Iface\n", "Iface\neno2\t00000000\t0100000A\n"];
  const inner = machine([ether("eno2")], {
    files: { "/proc/net/route": tables, "/proc/net/ipv6_route": "" },
    commands: routed,
  });
  let asked = 0;
  const counting: Machine = {
    ...inner,
    run(command, args, options) {
      if (args[1] === "route") asked += 1;
      return inner.run(command, args, options);
    },
  };
  const source = networkSource();
  await source.read(counting, signal);
  await source.read(counting, signal);
  assert.equal(asked, 1);
  const { gateways } = await source.read(counting, signal);
  assert.equal(asked, 2);
  assert.deepEqual(gateways, [{ link: "eno2", address: "10.0.0.1", family: "inet" }]);
});

test("behind systemd-resolved's own address stand the servers that it asks", async () => {
  const files = {
    "/etc/resolv.conf": "nameserver 127.0.0.53\noptions edns0\n",
    "/run/systemd/resolve/resolv.conf": "nameserver 10.0.0.2\nnameserver 2001:db8::53\n",
  };
  const { nameServers } = await networkSource().read(machine([ether("eno1")], { files }), signal);
  assert.deepEqual(nameServers, ["10.0.0.2", "2001:db8::53"]);
  assert.deepEqual(parseNameServers("# nameserver 1.1.1.1\n nameserver 2.2.2.2\nnameserver\t3.3.3.3\n"), ["3.3.3.3"]);
});

test("addresses: both families, with scope and whether a lease may take them away", async () => {
  const link = await one(
    ether("eno1", {
      addr_info: [
        { family: "inet", local: "10.0.0.5", prefixlen: 24, scope: "global", dynamic: true },
        { family: "inet6", local: "fe80::1", prefixlen: 64, scope: "link" },
        { family: "inet6", index: 4, prefixlen: 64 },
      ],
    }),
  );
  assert.deepEqual(link?.addresses, [
    { family: "inet", address: "10.0.0.5", prefix: 24, scope: "global", dynamic: true },
    { family: "inet6", address: "fe80::1", prefix: 64, scope: "link", dynamic: false },
  ]);
  assert.deepEqual([link?.receivedBytes, link?.sentBytes, link?.errors], [10, 20, 3]);
});

test("a link that went away while ip printed is an empty object and left out", () => {
  assert.deepEqual(
    parseLinks(JSON.stringify([{}, ether("eno1")])).map(({ ifname }) => ifname),
    ["eno1"],
  );
});

for (const text of ["", 'Object "addr" is unknown', "{}", '[{"ifname":"eno1"}]']) {
  test(`ip printing ${JSON.stringify(text)} is nonsense`, () => {
    assert.throws(() => parseLinks(text), FactMissing);
  });
}

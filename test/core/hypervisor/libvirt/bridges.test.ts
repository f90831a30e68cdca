import assert from "node:assert/strict";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, beforeEach, test } from "node:test";
import { Bridges, bridgeName } from "../../../../core/hypervisor/libvirt/network/bridges.ts";
import { Links } from "../../../../core/hypervisor/libvirt/network/links.ts";
import { Mtus } from "../../../../core/hypervisor/libvirt/network/mtus.ts";
import type { RunResult } from "../../../../core/node/machine.ts";
import { temporaryFolder } from "../../../support/programs.ts";
import { refuses } from "../conformance.ts";

/* VLANs, which the kernel of a test machine may lack, by what ip(8) says of them. */

const folder = temporaryFolder();
after(folder.dispose);
const file = join(folder.path, "mtus.json");
beforeEach(() => rmSync(file, { force: true }));

type Answer = Record<string, unknown>;

/** As `ip -json -details address show` has it, without what nobody looks at. */
function link(ifname: string, more: Answer = {}): Answer {
  return {
    ifname,
    flags: ["BROADCAST", "MULTICAST", "UP", "LOWER_UP"],
    mtu: 1500,
    group: "default",
    addr_info: [],
    ...more,
  };
}

function vlan(ifname: string, id: number, more: Answer = {}): Answer {
  const linkinfo = { info_kind: "vlan", info_data: { protocol: "802.1Q", id, flags: ["REORDER_HDR"] } };
  return link(ifname, { link: "eth0", linkinfo, ...more });
}

const ours = { group: "7070", flags: ["BROADCAST", "MULTICAST"] };
const hostsOwn = { addr_info: [{ family: "inet", local: "192.168.0.2", prefixlen: 24, scope: "global" }] };
const bridge = (name: string, more: Answer = {}) =>
  link(name, { linkinfo: { info_kind: "bridge", info_data: {} }, ...more });

/** A host whose interfaces are these, one list after the other with each change that adds one; and what it was told. */
function host(...states: Answer[][]) {
  const told: string[] = [];
  let state = 0;
  const run = async (program: string, args: readonly string[]): Promise<RunResult> => {
    if (args.includes("show")) return { code: 0, stdout: JSON.stringify([...(states[state] ?? []), {}]), stderr: "" };
    told.push([program, ...args].join(" "));
    if (args[1] === "add" && state < states.length - 1) state += 1;
    return { code: 0, stdout: "", stderr: "" };
  };
  const links = new Links({ run });
  const mtus = new Mtus(links, file);
  return { bridges: new Bridges(links, mtus), mtus, told };
}

const tagged = { physicalInterface: "eth0", vlan: 10, mtu: 1500 };

test("on an interface with the host's own address, a VLAN is made with a bridge on it", async () => {
  const eth0 = link("eth0", hostsOwn);
  const { bridges, told } = host([eth0], [eth0, vlan("eth0.10", 10, ours)]);
  assert.equal(await bridges.ensure({ ...tagged, mtu: 9000 }), "br_eth0.10");
  assert.deepEqual(told, [
    "ip link add link eth0 name eth0.10 group 7070 type vlan id 10",
    "ip link set dev eth0 mtu 9000",
    "sysctl -q -w net/ipv6/conf/eth0.10/disable_ipv6=1",
    "ip link set dev eth0.10 mtu 9000",
    "ip link set dev eth0.10 up",
    "ip link add name br_eth0.10 group 7070 type bridge stp_state 0 forward_delay 0",
    "sysctl -q -w net/ipv6/conf/br_eth0.10/disable_ipv6=1",
    "ip link set dev br_eth0.10 mtu 9000",
    "ip link set dev eth0.10 master br_eth0.10",
    "ip link set dev br_eth0.10 up",
  ]);
});

test("an administrator's VLAN is found by its id, and its bridge is used as it is", async () => {
  const { bridges, told } = host([
    link("eth0", { altnames: ["enp3s0"] }),
    vlan("eth0.11", 11),
    vlan("office", 10, { master: "lan" }),
    bridge("lan", hostsOwn),
  ]);
  assert.equal(await bridges.ensure({ ...tagged, physicalInterface: "enp3s0" }), "lan");
  assert.deepEqual(told, []);
  await refuses(bridges.ensure({ ...tagged, mtu: 9000 }), "HYPERVISOR.NETWORK_MTU");
});

test("what would cut the host off, or is used for something else, is refused before anything is changed", async () => {
  const own = host([link("eth0"), vlan("eth0.10", 10, hostsOwn)]);
  const error = await refuses(own.bridges.ensure(tagged), "HYPERVISOR.NETWORK_HOST_ADDRESS");
  assert.match(error.message, /eth0\.10 has addresses of the host itself \(192\.168\.0\.2\/24\)/);
  const bond = host([link("eth0", { master: "bond0" }), link("bond0", { linkinfo: { info_kind: "bond" } })]);
  await refuses(bond.bridges.ensure({ ...tagged, vlan: null }), "HYPERVISOR.NETWORK_TAKEN");
  const name = host([link("eth0"), link("eth0.10")]);
  await refuses(name.bridges.ensure(tagged), "HYPERVISOR.NETWORK_TAKEN");
  const strange = host([link("eth0"), bridge("br_eth0")]);
  await refuses(strange.bridges.ensure({ ...tagged, vlan: null }), "HYPERVISOR.NETWORK_TAKEN");
  for (const { told } of [own, bond, name, strange]) assert.deepEqual(told, []);
});

test("a VLAN of ours that an agent was killed at is finished, and goes with its bridge", async () => {
  const half = host([link("eth0"), vlan("eth0.10", 10, ours), bridge("br_eth0.10", ours)]);
  assert.equal(await half.bridges.ensure(tagged), "br_eth0.10");
  assert.ok(!half.told.some((command) => command.includes(" add ")));
  const whole = [link("eth0"), vlan("eth0.10", 10, { ...ours, master: "br_eth0.10" }), bridge("br_eth0.10", ours)];
  const used = host([...whole, link("vnet0", { master: "br_eth0.10", linkinfo: { info_kind: "tun" } })]);
  await used.bridges.removeOthers(new Set());
  assert.deepEqual(used.told, []);
  const needed = host(whole);
  await needed.bridges.removeOthers(new Set(["br_eth0.10"]));
  assert.deepEqual(needed.told, []);
  const gone = host([link("eth0"), vlan("eth0.10", 10, ours), bridge("br_eth0.10", ours), vlan("office", 11)]);
  await gone.bridges.removeOthers(new Set());
  assert.deepEqual(gone.told, ["ip link delete dev br_eth0.10", "ip link delete dev eth0.10"]);
});

test("a name that is too long for the kernel is a short one, always the same, and another for each network", () => {
  const of = (physicalInterface: string, id: number | null) => bridgeName({ physicalInterface, vlan: id, mtu: 1500 });
  assert.deepEqual([of("eth0", null), of("eth0", 10), of("bond0", 4094)], ["br_eth0", "br_eth0.10", "br_bond0.4094"]);
  const long = [of("enp129s0f0np0", null), of("enp129s0f0np0", 10), of("enp129s0f1np1", 10), of("enp129s0f0np0", 100)];
  for (const name of long) assert.match(name, /^br-[\da-f]{12}$/);
  assert.equal(new Set(long).size, long.length);
  assert.equal(of("enp129s0f0np0", 10), long[1]);
});

test("an interface that was widened for a network is as narrow as before when that is gone, and meanwhile as the others need it", async () => {
  const wide = { physicalInterface: "eth0", vlan: 10, mtu: 9000 };
  const middle = { physicalInterface: "eth0", vlan: 11, mtu: 4000 };
  const [eth0, at9000] = [link("eth0"), link("eth0", { mtu: 9000 })];
  await host([eth0], [eth0, vlan("eth0.10", 10, ours)]).bridges.ensure(wide);
  const lowered = async (segments: (typeof wide)[], ...links: Answer[]) => {
    const { mtus, told } = host(links);
    await mtus.lower(segments);
    return told;
  };
  const own = (name: string, mtu: number) => [
    vlan(name, Number(name.split(".")[1]), { ...ours, mtu, master: `br_${name}` }),
    bridge(`br_${name}`, { ...ours, mtu }),
  ];
  assert.deepEqual(await lowered([wide, middle], at9000, ...own("eth0.10", 9000), ...own("eth0.11", 4000)), []);
  assert.deepEqual(await lowered([middle], at9000, ...own("eth0.11", 4000)), ["ip link set dev eth0 mtu 4000"]);
  const at4000 = link("eth0", { mtu: 4000 });
  assert.deepEqual(await lowered([], at4000, vlan("office", 12, { mtu: 2000 })), ["ip link set dev eth0 mtu 2000"]);
  assert.deepEqual(await lowered([], link("eth0", { mtu: 2000 })), ["ip link set dev eth0 mtu 1500"]);
  assert.ok(!existsSync(file));
  assert.deepEqual(await lowered([], link("eth0", { mtu: 9000 })), [], "what somebody else gave it is theirs");
});

test("a network of ours that has become narrower is, and what somebody has changed since is not given back", async () => {
  const { bridges } = host([link("eth0"), bridge("br_eth0", ours)], [link("eth0", { mtu: 9000 })]);
  await bridges.ensure({ physicalInterface: "eth0", vlan: null, mtu: 9000 });
  const changed = link("eth0", { mtu: 8000, master: "br_eth0" });
  const narrow = host([changed, bridge("br_eth0", { ...ours, mtu: 9000 })]);
  await narrow.mtus.lower([{ physicalInterface: "eth0", vlan: null, mtu: 1500 }]);
  assert.deepEqual(narrow.told, ["ip link set dev br_eth0 mtu 1500"]);
});

test("machines know a bridge by the same name on all hosts; where that is taken, by its own", async () => {
  const segment = { physicalInterface: "eth0", vlan: null, mtu: 1500 };
  const eth0 = link("eth0", { master: "lan" });
  const named = async (...links: Answer[]) => {
    const { bridges, told } = host(links);
    return [await bridges.commonName(segment, "lan"), told];
  };
  const add = "ip link property add dev lan altname br_eth0";
  assert.deepEqual(await named(eth0, bridge("lan")), ["br_eth0", [add]]);
  assert.deepEqual(await named(eth0, bridge("lan", { altnames: ["br_eth0"] })), ["br_eth0", []]);
  assert.deepEqual(await named(eth0, bridge("lan"), bridge("br_eth0")), ["lan", []]);
  const former = "ip link property del dev old altname br_eth0";
  assert.deepEqual(await named(eth0, bridge("lan"), bridge("old", { altnames: ["br_eth0"] })), [
    "br_eth0",
    [former, add],
  ]);
  // What the interface has left gives it back, and is not taken for a bridge of ours.
  const { bridges, told } = host([link("eth0"), bridge("old", { altnames: ["br_eth0"] })]);
  assert.equal(await bridges.ensure(segment), "br_eth0");
  assert.equal(
    told.find((each) => each.includes("br_eth0")),
    former,
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import type { NetworkAnswers } from "../../../../core/model/installation/draft.ts";
import { linkOf, noIpv4, noIpv6 } from "../../../../core/model/network/configuration.ts";
import { networkFiles } from "../../../../iso/engine/configuration/network-files.ts";
import { countedUuids, nmcliFiles, reading } from "./profile-bed.ts";

const head = (name: string, more = "") => `[connection]\nid=${name}\ntype=ethernet\ninterface-name=${name}\n${more}\n`;
const linksOf = (texts: Record<string, string>) => reading(texts).configuration.links;
const only = (text: string) => linksOf({ a: text })[0];
const auto = { method: "auto" as const, addresses: [], gateway: null, routes: [], nameServers: [] };
const dhcp = { ...auto, method: "dhcp" as const };

test("the profiles that nmcli writes are read as what they set up", () => {
  const { configuration, others, problems } = reading(nmcliFiles());
  assert.deepEqual(problems, []);
  assert.deepEqual(
    others.map(({ link, code, what }) => [link, code, what]),
    [
      ["wg0", "type", "is for a WireGuard tunnel"],
      ["wlp1s0", "type", "is for a wireless network"],
      ["ens5f1", "feature", "has the IP method link-local, which is kept until addresses are set"],
      ["eno4", "feature", "signs on to the switch by 802.1X, which is kept as it is"],
    ],
  );
  assert.deepEqual(configuration.links, [
    {
      kind: "bond",
      name: "bond0",
      mtu: 9000,
      ipv4: {
        method: "static",
        addresses: [
          { address: "10.0.0.5", prefix: 24 },
          { address: "10.0.0.6", prefix: 24 },
        ],
        gateway: "10.0.0.1",
        routes: [
          { to: "10.1.0.0/16", via: "10.0.0.2", metric: 100 },
          { to: "10.2.0.0/16", via: null, metric: 50 },
          { to: "10.3.0.0/16", via: null, metric: null },
          { to: "10.4.0.0/16", via: "10.0.0.3", metric: null },
        ],
        nameServers: ["1.1.1.1", "8.8.8.8"],
      },
      ipv6: noIpv6,
      bond: { mode: "802.3ad", options: { miimon: "100", xmit_hash_policy: "layer2+3" }, legs: ["eno1", "eno2"] },
    },
    {
      kind: "vlan",
      name: "bond0.10",
      mtu: null,
      ipv4: noIpv4,
      ipv6: {
        method: "static",
        addresses: [{ address: "fd00::5", prefix: 64 }],
        gateway: "fd00::1",
        routes: [
          { to: "fd01::/48", via: "fd00::2", metric: 10 },
          { to: "fd02::/48", via: null, metric: null },
        ],
        nameServers: [],
      },
      vlan: { parent: "bond0", id: 10 },
    },
    { kind: "vlan", name: "bond0.20", mtu: null, ipv4: noIpv4, ipv6: noIpv6, vlan: { parent: "bond0", id: 20 } },
    {
      kind: "bridge",
      name: "br0",
      mtu: null,
      ipv4: { ...dhcp, addresses: [{ address: "192.168.0.2", prefix: 24 }] },
      ipv6: auto,
      bridge: { ports: ["bond0.20"], stp: false },
    },
    // A leg with an MTU of its own.
    { kind: "ethernet", name: "eno1", mtu: 9000, ipv4: noIpv4, ipv6: noIpv6 },
    { kind: "ethernet", name: "eno4", mtu: null, ipv4: dhcp, ipv6: auto },
    // Bound by its MAC address.
    { kind: "ethernet", name: "ens5f1", mtu: null, ipv4: dhcp, ipv6: noIpv6 },
  ]);
});

const answers: NetworkAnswers = {
  hostname: "node1",
  links: ["eno1", "eno2"],
  bond: { name: "bond0", mode: "802.3ad" },
  vlan: 12,
  ipv4: { method: "static", address: "10.0.0.5", prefix: 24, gateway: "10.0.0.1" },
  ipv6: { method: "none" },
  nameServers: ["10.0.0.2", "fd00::2"],
  timeServers: [],
};

function installed(network: NetworkAnswers) {
  const files = networkFiles({ network }, countedUuids());
  return Object.fromEntries(files.map(({ path, text }) => [path.split("/").at(-1) ?? "", text]));
}

test("the profiles that the installer writes are read as what was answered", () => {
  const ipv4 = {
    method: "static",
    addresses: [{ address: "10.0.0.5", prefix: 24 }],
    gateway: "10.0.0.1",
    routes: [],
    nameServers: ["10.0.0.2"],
  };
  const common = { mtu: null, ipv6: noIpv6 };
  const options = { miimon: "100", xmit_hash_policy: "layer2+3" };
  const bond = { mode: "802.3ad", options, legs: ["eno1", "eno2"] };
  assert.deepEqual(linksOf(installed(answers)), [
    { kind: "bond", name: "bond0", ...common, ipv4: noIpv4, bond },
    { kind: "vlan", name: "bond0.12", ...common, ipv4, vlan: { parent: "bond0", id: 12 } },
  ]);
  const plain = { ...answers, links: ["eno1"], bond: null, vlan: null };
  assert.deepEqual(linksOf(installed(plain)), [{ kind: "ethernet", name: "eno1", ...common, ipv4 }]);
  const lazy = { ...plain, ipv4: { method: "dhcp" as const }, ipv6: { method: "auto" as const } };
  const servers = { ipv4: { ...dhcp, nameServers: ["10.0.0.2"] }, ipv6: { ...auto, nameServers: ["fd00::2"] } };
  assert.deepEqual(linksOf(installed(lazy)), [{ kind: "ethernet", name: "eno1", mtu: null, ...servers }]);
});

test("an interface without IP groups asks for both addresses", () => {
  assert.deepEqual(only(head("eno1")), { kind: "ethernet", name: "eno1", mtu: null, ipv4: dhcp, ipv6: auto });
});

test("addresses are read in all the forms that were ever written, and in NetworkManager's order", () => {
  const text = `[ipv4]
method=manual
address=10.0.0.5/24,10.0.0.1
addresses1=10.0.0.6/24
address0=10.0.0.7/8
address1=1.1.1.1;24;1.1.1.2;
address-data=nonsense
address01=9.9.9.9/8
address2=10.0.0.8
`;
  const ipv4 = only(head("eno1", text))?.ipv4;
  const addresses = ipv4?.addresses.map(({ address, prefix }) => `${address}/${prefix}`);
  assert.deepEqual(addresses, ["10.0.0.5/24", "10.0.0.7/8", "1.1.1.1/24", "10.0.0.6/24", "10.0.0.8/24"]);
  assert.equal(ipv4?.gateway, "10.0.0.1");
});

test("a gateway of zeros is none, and the key goes before those at addresses", () => {
  const gateway = (lines: string) => only(head("eno1", `[ipv4]\nmethod=manual\n${lines}`))?.ipv4.gateway;
  assert.equal(gateway("address1=10.0.0.5/24,0.0.0.0\n"), null);
  assert.equal(gateway("address1=10.0.0.5/24,10.0.0.1\ngateway=10.0.0.2\n"), "10.0.0.2");
  assert.equal(gateway("address1=10.0.0.5/24\naddress2=10.0.0.6/24,10.0.0.3\n"), "10.0.0.3");
});

test("a value that NetworkManager skips is skipped and told", () => {
  const text =
    "[ipv4]\nmethod=auto\naddress1=10.0.0.5/33\nroute1=x\nroute2=10.1.0.0/16,10.0.0.1,5,6\naddress2=10.0.0.6/24\n";
  const { configuration, problems } = reading({ a: head("eno1", text) });
  assert.deepEqual(linkOf(configuration, "eno1")?.ipv4.addresses, [{ address: "10.0.0.6", prefix: 24 }]);
  assert.deepEqual(
    problems.map(({ code, values }) => [code, values["key"], values["value"]]),
    [
      ["NET.PROFILE_VALUE", "address1", "10.0.0.5/33"],
      ["NET.PROFILE_VALUE", "route1", "x"],
      ["NET.PROFILE_VALUE", "route2", "10.1.0.0/16,10.0.0.1,5,6"],
    ],
  );
});

test("routes of an IPv6 network may have the metric in the gateway's place", () => {
  const text = "[ipv6]\nmethod=auto\nroute1=fd00::/48,100\nroute2=fd01::/48,::,5\nroute3=fd02::\n";
  assert.deepEqual(only(head("eno1", text))?.ipv6.routes, [
    { to: "fd00::/48", via: null, metric: 100 },
    { to: "fd01::/48", via: null, metric: 5 },
    { to: "fd02::/128", via: null, metric: null },
  ]);
});

test("methods that the configuration has no word for are told and read as none", () => {
  const { configuration, others } = reading({ a: head("eno1", "[ipv4]\nmethod=shared\n[ipv6]\nmethod=ignore\n") });
  const eno1 = linkOf(configuration, "eno1");
  assert.deepEqual([eno1?.ipv4, eno1?.ipv6], [noIpv4, noIpv6]);
  assert.deepEqual(
    others.map(({ what }) => what),
    ["has the IP method shared, which is kept until addresses are set"],
  );
});

test("of several profiles for one interface that of the highest priority counts, if it comes up by itself", () => {
  const own = (mtu: number, more: string) => head("eno1", `${more}\n[ethernet]\nmtu=${mtu}\n`);
  const texts = {
    low: own(1400, "autoconnect-priority=-1"),
    best: own(1500, "autoconnect-priority=5"),
    manual: own(1600, "autoconnect-priority=9\nautoconnect=no"),
    none: own(1700, ""),
  };
  const { configuration, others } = reading(texts);
  assert.deepEqual([configuration.links.length, configuration.links[0]?.mtu], [1, 1500]);
  assert.deepEqual(others.map(({ file, code }) => [file, code]).sort(), [
    ["low", "outranked"],
    ["manual", "notAutomatic"],
    ["none", "outranked"],
  ]);
});

test("a profile is bound by its MAC address, in whatever letters", () => {
  const text = "[connection]\nid=a\ntype=802-3-ethernet\n[802-3-ethernet]\nmac-address=00-11-22-33-44-52\nmtu=1400\n";
  assert.deepEqual([only(text)?.name, only(text)?.mtu], ["eno3", 1400]);
  const { configuration, others } = reading({ a: text.replace("52", "99"), b: "[connection]\nid=b\ntype=ethernet\n" });
  assert.deepEqual(configuration.links, []);
  assert.deepEqual(
    others.map(({ code }) => code),
    ["unbound", "unbound"],
  );
});

test("bonds are read with numbers for modes and names in the old place", () => {
  const text = "[connection]\nid=b\ntype=bond\n[bond]\ninterface-name=bond7\nmode=1\nmiimon=50\n";
  const bond = only(text);
  assert.deepEqual(bond?.kind === "bond" && [bond.name, bond.bond], [
    "bond7",
    { mode: "active-backup", options: { miimon: "50" }, legs: [] },
  ]);
  const { others } = reading({ a: text.replace("mode=1", "mode=7") });
  assert.deepEqual(others[0]?.code, "invalid");
});

test("a VLAN without a name is called after the interface below it", () => {
  const text = "[connection]\nid=v\ntype=vlan\n[vlan]\nid=5\nparent=eno1\n";
  assert.equal(only(text)?.name, "eno1.5");
  const byMac =
    "[connection]\nid=v\ntype=vlan\ninterface-name=v5\n[ethernet]\nmac-address=00:11:22:33:44:50\n[vlan]\nid=5\n";
  const vlan = only(byMac);
  assert.deepEqual(vlan?.kind === "vlan" && vlan.vlan, { parent: "eno1", id: 5 });
  const { configuration, others } = reading({ a: text.replace("parent=eno1\n", "interface-name=v\n") });
  assert.deepEqual([configuration.links, others.map(({ code }) => code)], [[], ["invalid"]]);
});

test("a bridge has STP unless told otherwise", () => {
  const bridge = (more: string) => {
    const link = only(`[connection]\nid=b\ntype=bridge\ninterface-name=br0\n${more}`);
    return link?.kind === "bridge" && link.bridge.stp;
  };
  assert.deepEqual([bridge(""), bridge("[bridge]\nstp=false\n"), bridge("[bridge]\nstp=1\n")], [true, false, true]);
});

test("a port of what has no profile is told, and so is a port of such a port", () => {
  const bond = "[connection]\nid=bond0\ntype=bond\ninterface-name=bond0\nmaster=br0\nslave-type=bridge\n";
  // The leg is looked at first: its priority is higher.
  const leg = head("eno1", "master=bond0\nslave-type=bond\nautoconnect-priority=5\n");
  const { configuration, others } = reading({ bond, leg });
  assert.deepEqual(configuration.links, []);
  assert.deepEqual(others.map(({ link, code }) => [link, code]).sort(), [
    ["bond0", "controller"],
    ["eno1", "controller"],
  ]);
});

test("a port may leave it to its bond to bring it up", () => {
  const bond = (more: string) => `[connection]\nid=bond0\ntype=bond\ninterface-name=bond0\n${more}`;
  const leg = head("eno1", "master=bond0\nslave-type=bond\nautoconnect=false\n");
  const legs = (more: string) => {
    const link = linkOf(reading({ bond: bond(more), leg }).configuration, "bond0");
    return link?.kind === "bond" ? link.bond.legs : [];
  };
  assert.deepEqual([legs(""), legs("autoconnect-slaves=1\n"), legs("autoconnect-ports=1\n")], [[], ["eno1"], ["eno1"]]);
});

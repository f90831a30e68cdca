import assert from "node:assert/strict";
import { test } from "node:test";
import { linkOf, type NetworkConfiguration, noIpv4, noIpv6 } from "../../../../core/model/network/configuration.ts";
import { parseKeyFile, valueOf, withValue } from "../../../../core/node/network/keyfile.ts";
import { canonicalConfiguration } from "../../../../core/node/network/read-configuration.ts";
import { writeProfiles } from "../../../../core/node/network/write-profiles.ts";
import { Random } from "../../../support/random.ts";
import { applied, changed, countedUuids, nmcliFiles, present, reading } from "./profile-bed.ts";
import { randomConfiguration } from "./random-configuration.ts";

const staticIpv4 = (address: string, gateway: string | null) => ({
  method: "static" as const,
  addresses: [{ address, prefix: 24 }],
  gateway,
  routes: [],
  nameServers: [],
});

function link(configuration: NetworkConfiguration, name: string) {
  const found = linkOf(configuration, name);
  assert.ok(found, `there is ${name}`);
  return found;
}

test("a bond of two legs with a bridge on it is written as four profiles", () => {
  const { texts } = changed({}, ({ links }) => {
    const bond = { mode: "802.3ad" as const, options: { miimon: "100", xmit_hash_policy: "layer2+3" } };
    const none = { mtu: null, ipv4: noIpv4, ipv6: noIpv6 };
    links.push({ kind: "bond", name: "bond0", ...none, bond: { ...bond, legs: ["eno1", "eno2"] } });
    const ipv4 = staticIpv4("192.168.93.3", "192.168.93.1");
    const bridge = { ports: ["bond0"], stp: false };
    links.push({ kind: "bridge", name: "br_bond0", ...none, ipv4, bridge });
  });
  const expected = {
    "bond0.nmconnection": `[connection]
id=bond0
uuid=00000000-0000-4000-8000-000000000001
type=bond
interface-name=bond0
autoconnect-priority=10
autoconnect-slaves=1
master=br_bond0
slave-type=bridge

[bond]
mode=802.3ad
miimon=100
xmit_hash_policy=layer2+3
`,
    "leg-eno1.nmconnection": `[connection]
id=leg-eno1
uuid=00000000-0000-4000-8000-000000000002
type=ethernet
interface-name=eno1
autoconnect-priority=10
master=bond0
slave-type=bond

[ethernet]
`,
    "leg-eno2.nmconnection": `[connection]
id=leg-eno2
uuid=00000000-0000-4000-8000-000000000003
type=ethernet
interface-name=eno2
autoconnect-priority=10
master=bond0
slave-type=bond

[ethernet]
`,
    "br_bond0.nmconnection": `[connection]
id=br_bond0
uuid=00000000-0000-4000-8000-000000000004
type=bridge
interface-name=br_bond0
autoconnect-priority=10
autoconnect-slaves=1

[bridge]
stp=false

[ipv4]
method=manual
address1=192.168.93.3/24,192.168.93.1

[ipv6]
method=disabled
`,
  };
  assert.deepEqual(texts, expected);
});

test("nothing is written when nothing differs", () => {
  assert.deepEqual(changed(nmcliFiles(), () => {}).writes, []);
});

test("a changed address touches its own lines only", () => {
  const before = nmcliFiles();
  const { texts, writes } = changed(before, (configuration) => {
    const bond = link(configuration, "bond0");
    bond.ipv4.addresses = [{ address: "10.0.0.7", prefix: 24 }];
  });
  const name = "Bond of storage.nmconnection";
  assert.deepEqual(
    writes.map(({ file }) => file),
    [name],
  );
  const expected = before[name]?.replace("address1=10.0.0.5/24\naddress2=10.0.0.6/24\n", "address1=10.0.0.7/24\n");
  assert.equal(texts[name], expected);
});

test("routes keep their further options when others change", () => {
  const { texts } = changed(nmcliFiles(), (configuration) => {
    const bond = link(configuration, "bond0");
    bond.ipv4.routes = bond.ipv4.routes.slice(2).reverse();
  });
  const text = texts["Bond of storage.nmconnection"] ?? "";
  assert.match(text, /^route1=10\.4\.0\.0\/16,10\.0\.0\.3\nroute2=10\.3\.0\.0\/16\nroute1_options=mtu=1400,table=5$/m);
  assert.doesNotMatch(text, /route[34]/);
});

test("keys that the configuration does not know stay, comments and secrets too", () => {
  const before = nmcliFiles();
  before["dot1x.nmconnection"] += "# asked for by the switches' people\n";
  const { texts } = changed(before, (configuration) => {
    const secured = link(configuration, "eno4");
    secured.ipv4 = staticIpv4("10.9.0.2", null);
    secured.mtu = 9000;
  });
  const text = texts["dot1x.nmconnection"] ?? "";
  assert.match(text, /password=se;cret\\\\ x\n/);
  assert.match(text, /# asked for by the switches' people\n/);
  assert.match(text, /^addr-gen-mode=default$/m);
  assert.match(text, /^\[ethernet\]\nmtu=9000$/m);
  assert.match(text, /^\[ipv4\]\nmethod=manual\naddress1=10\.9\.0\.2\/24$/m);
});

test("an interface that becomes a leg keeps its profile, which loses its addresses", () => {
  const own = `[connection]
id=management
uuid=11111111-1111-4111-8111-111111111111
type=ethernet
interface-name=eno3

[ethernet]
wake-on-lan=64

[ipv4]
method=manual
address1=10.0.0.9/24

[ipv6]
method=disabled
`;
  const before = { ...nmcliFiles(), "management.nmconnection": own };
  const { texts } = changed(before, (configuration) => {
    configuration.links = configuration.links.filter(({ name }) => name !== "eno3");
    const bond = link(configuration, "bond0");
    if (bond.kind === "bond") bond.bond.legs.push("eno3");
  });
  const expected = own.replace("eno3\n", "eno3\nmaster=bond0\nslave-type=bond\n").replace(/\[ipv4\][\s\S]*$/, "");
  assert.equal(texts["management.nmconnection"], expected);
});

test("a leg that is let go and has no settings loses its profile; one that has settings gets its addresses", () => {
  const { texts, writes } = changed(nmcliFiles(), (configuration) => {
    const bond = link(configuration, "bond0");
    if (bond.kind === "bond") bond.bond.legs = [];
    link(configuration, "eno1").ipv4 = staticIpv4("10.0.1.1", null);
  });
  assert.deepEqual(
    writes.filter(({ text }) => text === null).map(({ file }) => file),
    ["bond0 port 2.nmconnection"],
  );
  const text = texts["bond0 port 1.nmconnection"] ?? "";
  assert.doesNotMatch(text, /controller|port-type|bond-port/);
  assert.match(text, /\[ipv4\]\nmethod=manual\naddress1=10\.0\.1\.1\/24\n\n\[ipv6\]\nmethod=disabled\n$/);
});

test("a renamed interface keeps its profile, and those that name it follow, but for those that name its UUID", () => {
  const before = nmcliFiles();
  const rename = (configuration: NetworkConfiguration) => {
    link(configuration, "bond0").name = "storage";
    const [ten, twenty] = [link(configuration, "bond0.10"), link(configuration, "bond0.20")];
    if (ten.kind === "vlan") ten.vlan.parent = "storage";
    if (twenty.kind === "vlan") twenty.vlan.parent = "storage";
  };
  const { texts, writes, configuration } = changed(before, rename, { renames: { bond0: "storage" } });
  assert.deepEqual(writes.map(({ file }) => file).sort(), [
    "Bond of storage.nmconnection",
    "bond0 port 1.nmconnection",
    "v20.nmconnection",
  ]);
  assert.match(texts["Bond of storage.nmconnection"] ?? "", /^interface-name=storage$/m);
  assert.match(texts["bond0 port 1.nmconnection"] ?? "", /^controller=storage$/m);
  assert.match(texts["v20.nmconnection"] ?? "", /^parent=storage$/m);
  assert.deepEqual(reading(texts).configuration, canonicalConfiguration(configuration));
});

test("names of UUIDs are made good when the profile that they mean goes", () => {
  const { texts, configuration } = changed(nmcliFiles(), (changing) => {
    const bond = link(changing, "bond0");
    // Another kind of interface under the same name: a profile can't change its kind.
    const bridge = { kind: "bridge" as const, bridge: { ports: ["eno1", "eno2"], stp: true } };
    const { name, mtu, ipv4, ipv6 } = bond;
    changing.links = [...changing.links.filter((each) => each !== bond), { ...bridge, name, mtu, ipv4, ipv6 }];
  });
  assert.deepEqual(reading(texts).configuration, canonicalConfiguration(configuration));
  const port = texts["bond0 port 2.nmconnection"] ?? "";
  assert.match(port, /^controller=bond0\n(.*\n)*port-type=bridge$/m);
  // NetworkManager refuses what is left of the other kind.
  assert.doesNotMatch(port, /\[bond-port\]/);
});

test("a gateway ends never-default, and no IPv4 takes away what NetworkManager refuses without it", () => {
  const text = `[connection]
id=a
uuid=11111111-1111-4111-8111-111111111111
type=ethernet
interface-name=eno1
[ipv4]
method=manual
address1=10.0.0.5/24
never-default=true
dns-search=example.org;
`;
  const gateway = changed({ a: text }, (c) => {
    link(c, "eno1").ipv4.gateway = "10.0.0.1";
  });
  assert.match(gateway.texts["a"] ?? "", /address1=10\.0\.0\.5\/24,10\.0\.0\.1\ndns-search=example\.org;\n$/);
  const none = changed({ a: text }, (c) => {
    link(c, "eno1").ipv4 = noIpv4;
  });
  assert.match(none.texts["a"] ?? "", /\[ipv4\]\nmethod=disabled\nnever-default=true\n$/);
});

test("a port of a bond that is gone is taken over by the settings of its interface", () => {
  const text = `[connection]
id=lost
uuid=11111111-1111-4111-8111-111111111111
type=ethernet
interface-name=eno1
master=bond7
slave-type=bond
`;
  const { texts, writes } = changed({ "lost.nmconnection": text }, ({ links }) => {
    links.push({ kind: "ethernet", name: "eno1", mtu: null, ipv4: staticIpv4("10.0.0.5", null), ipv6: noIpv6 });
  });
  assert.deepEqual(
    writes.map(({ uuid }) => uuid),
    ["11111111-1111-4111-8111-111111111111"],
  );
  assert.doesNotMatch(texts["lost.nmconnection"] ?? "", /bond/);
});

test("name servers are asked instead of those of DHCP, until there are none", () => {
  const plain = "[connection]\nid=a\nuuid=a\ntype=ethernet\ninterface-name=eno1\n\n[ipv4]\nmethod=auto\n";
  const given = changed({ a: plain }, (c) => {
    link(c, "eno1").ipv4.nameServers = ["10.0.0.2", "10.0.0.3"];
  });
  assert.equal(given.texts["a"], `${plain}dns=10.0.0.2;10.0.0.3;\nignore-auto-dns=true\n`.replace("uuid=a", "uuid=a"));
  const taken = changed(given.texts, (c) => {
    link(c, "eno1").ipv4.nameServers = [];
  });
  assert.equal(taken.texts["a"], plain);
});

test("name servers that were beside those of another method are asked alone with DHCP", () => {
  const own = "[connection]\nid=a\nuuid=a\ntype=ethernet\ninterface-name=eno1\n\n[ipv4]\n";
  const { texts } = changed({ a: `${own}method=manual\naddress1=10.0.0.5/24\ndns=10.0.0.2;\n` }, (c) => {
    Object.assign(link(c, "eno1").ipv4, { method: "dhcp", addresses: [] });
  });
  assert.equal(texts["a"], `${own}method=auto\ndns=10.0.0.2;\nignore-auto-dns=true\n`);
});

test("a route with a metric and without a gateway is written as NetworkManager writes it", () => {
  const own = "[connection]\nid=a\nuuid=a\ntype=ethernet\ninterface-name=eno1\n\n[ipv4]\nmethod=auto\n";
  const { texts } = changed({ a: own }, (c) => {
    link(c, "eno1").ipv4.routes = [{ to: "10.2.0.0/16", via: null, metric: 50 }];
  });
  assert.equal(texts["a"], `${own}route1=10.2.0.0/16,0.0.0.0,50\n`);
});

test("a profile that came after the configuration was read is left alone", () => {
  const { before, configuration } = reading(nmcliFiles());
  const empty = { ...configuration, links: [] };
  const change = { before, previous: empty, configuration: empty, present, newUuid: countedUuids() };
  assert.deepEqual(writeProfiles(change), []);
});

test("the name of a renamed interface may be given to a new one in the same change", () => {
  const { texts, writes, configuration } = changed(
    nmcliFiles(),
    (changing) => {
      const old = link(changing, "bond0");
      const bond = { mode: "active-backup" as const, options: {}, legs: ["eno3"] };
      changing.links.push({ kind: "bond", name: "bond0", mtu: null, ipv4: noIpv4, ipv6: noIpv6, bond });
      old.name = "bond1";
    },
    { renames: { bond0: "bond1" } },
  );
  assert.match(texts["Bond of storage.nmconnection"] ?? "", /^interface-name=bond1$/m);
  assert.ok(writes.some(({ file, was }) => file === "bond0.nmconnection" && was === null));
  assert.deepEqual(reading(texts).configuration, canonicalConfiguration(configuration));
});

test("an MTU stands in the group of Ethernet, whatever the interface is, and goes with it", () => {
  const name = "v10.nmconnection";
  const before = nmcliFiles();
  const given = changed(before, (c) => {
    link(c, "bond0.10").mtu = 9000;
  });
  assert.equal(given.texts[name], before[name]?.replace("[ethernet]\n", "[ethernet]\nmtu=9000\n"));
  const taken = changed(given.texts, (c) => {
    link(c, "bond0.10").mtu = null;
  });
  assert.doesNotMatch(taken.texts[name] ?? "", /mtu|\[ethernet\]/);
});

test("a file of /run that is written loses NetworkManager's notes, one without UUID and id gets them", () => {
  const text = "[connection]\ntype=ethernet\ninterface-name=eno1\n\n[.nmmeta]\nshadowed-storage=/etc/x\n";
  const { writes } = changed({ "a.nmconnection": text }, (c) => {
    link(c, "eno1").mtu = 1400;
  });
  assert.deepEqual(
    writes.map(({ file, text: now }) => [file, now]),
    [
      [
        "a.nmconnection",
        `[connection]\ntype=ethernet\ninterface-name=eno1\nid=a\nuuid=${writes[0]?.uuid}\n\n[ethernet]\nmtu=1400\n`,
      ],
    ],
  );
});

test("a new file has a name that is free, and stays in its folder whatever the interface is called", () => {
  const taken = { "eno1.nmconnection": "[connection]\nid=x\ntype=wifi\n", "eno1-2.nmconnection": "broken" };
  const names = (name: string) =>
    changed(taken, ({ links }) => {
      links.push({ kind: "ethernet", name, mtu: null, ipv4: noIpv4, ipv6: noIpv6 });
    }).writes.map(({ file }) => file);
  assert.deepEqual(names("eno1"), ["eno1-3.nmconnection"]);
  assert.deepEqual(names("../../x"), ["_._.._x.nmconnection"]);
});

test("an option's name that would break out of its line is refused", () => {
  for (const key of ["a\n[connection]", "a=b", "", "#a", "[x]", "a]"]) {
    const change = () =>
      changed(nmcliFiles(), (configuration) => {
        const bond = link(configuration, "bond0");
        if (bond.kind === "bond") bond.bond.options = { [key]: "1" };
      });
    assert.throws(change, { code: "NET.PROFILE_KEY" });
  }
  const { texts } = changed(nmcliFiles(), (configuration) => {
    const bond = link(configuration, "bond0");
    if (bond.kind === "bond") bond.bond.options = { primary: " x\n[connection]\nid=hacked\\" };
  });
  const { configuration } = reading(texts);
  const bond = link(configuration, "bond0");
  assert.deepEqual(bond.kind === "bond" && bond.bond.options, { primary: " x\n[connection]\nid=hacked\\" });
});

test("whatever is configured is read back as it was, from nothing and from any other configuration", () => {
  const seed = Number(process.env["BINNACLE_TEST_SEED"] ?? 20260101);
  const random = new Random(seed);
  for (let round = 0; round < 300; round += 1) {
    const newUuid = countedUuids();
    let texts: Record<string, string> = {};
    let count = 0;
    for (let step = 0; step < 3; step += 1) {
      const next = randomConfiguration(random);
      const { texts: written } = changed(texts, (configuration) => Object.assign(configuration, next), { newUuid });
      const said = `seed ${seed}, round ${round}, step ${step}\n${JSON.stringify(texts)}`;
      assert.deepEqual(reading(written).configuration, canonicalConfiguration(next), said);
      assert.deepEqual(reading(written).others, [], said);
      // A mark that nothing knows has to live as long as its profile does.
      for (const [file, text] of Object.entries(texts)) {
        const mark = valueOf(parseKeyFile(text, file), "user", "mark");
        const now = written[file];
        if (now !== undefined) assert.equal(valueOf(parseKeyFile(now, file), "user", "mark"), mark, said);
      }
      texts = Object.fromEntries(
        Object.entries(written).map(([file, text]) => {
          count += 1;
          const keyfile = withValue(parseKeyFile(text, file), "user", "mark", count);
          return [file, keyfile.lines.map((line) => line.text + line.end).join("")];
        }),
      );
    }
    assert.deepEqual(applied(texts, []), texts);
  }
});

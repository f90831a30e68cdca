import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type NetworkConfiguration, noIpv4, noIpv6 } from "../../../../core/model/network/configuration.ts";
import { operate } from "../../../../core/model/network/operate.ts";
import type { NetworkOperation } from "../../../../core/model/network/operation.ts";
import { activationSteps, touchedLinks } from "../../../../core/node/network/activation.ts";

const static4 = (address: string) => ({
  ...noIpv4,
  method: "static" as const,
  addresses: [{ address, prefix: 24 }],
});
const card = (name: string, address?: string) => ({
  kind: "ethernet" as const,
  name,
  mtu: null,
  ipv4: address === undefined ? noIpv4 : static4(address),
  ipv6: noIpv6,
});
const plain: NetworkConfiguration = {
  hostname: "node01",
  timeServers: [],
  managementLink: "eth0",
  links: [card("eth0", "10.0.0.5"), card("eth1"), card("eth2")],
};
const bond: NetworkOperation = {
  do: "bond",
  link: "bond0",
  mode: "802.3ad",
  options: { miimon: "100" },
  change: false,
};
const after = (start: NetworkConfiguration, ...operations: NetworkOperation[]) =>
  operate(start, operations, () => undefined);
const bonded = after(
  plain,
  bond,
  { do: "attach", bond: "bond0", leg: "eth1" },
  { do: "attach", bond: "bond0", leg: "eth2" },
  { do: "vlan", parent: "bond0", id: 10 },
  { do: "address", link: "bond0.10", ipv4: static4("10.0.10.5") },
);
const steps = (from: NetworkConfiguration, to: NetworkConfiguration) =>
  activationSteps(from, to).map((step) => `${step.do} ${step.link}`);

describe("the steps to another configuration", () => {
  it("are none when nothing differs", () => {
    assert.deepEqual(steps(bonded, bonded), []);
  });

  it("take over another address without starting the device anew", () => {
    assert.deepEqual(steps(plain, after(plain, { do: "address", link: "eth0", ipv4: static4("10.0.0.9") })), [
      "reapply eth0",
    ]);
  });

  it("make a bond before its legs, and the VLAN on it after it", () => {
    const made = steps(plain, bonded);
    assert.deepEqual([...made].sort(), ["activate bond0", "activate bond0.10", "activate eth1", "activate eth2"]);
    assert.equal(made[0], "activate bond0");
  });

  it("start legs and VLANs anew when the bond's mode changes", () => {
    const changed = after(bonded, { ...bond, mode: "active-backup", change: true });
    const made = steps(bonded, changed);
    assert.equal(made[0], "activate bond0");
    assert.deepEqual([...made].sort(), ["activate bond0", "activate bond0.10", "activate eth1", "activate eth2"]);
  });

  it("give a bond with a bridge on it to the bridge before its legs", () => {
    const bridged = after(bonded, { do: "bridge", link: "br_bond0", port: "bond0" });
    const made = steps(bonded, bridged);
    assert.ok(made.indexOf("activate br_bond0") < made.indexOf("activate bond0"), made.join(", "));
  });

  it("leave out a leg that loses its profile", () => {
    const detached = after(bonded, { do: "detach", bond: "bond0", leg: "eth2" });
    assert.ok(!steps(bonded, detached).some((step) => step.endsWith(" bond0")));
  });
});

describe("the links that a change touches", () => {
  it("are those with all that stands on them", () => {
    const changed = after(bonded, { do: "detach", bond: "bond0", leg: "eth2" });
    const touched = touchedLinks(bonded, changed);
    for (const link of ["bond0", "bond0.10"]) assert.ok(touched.includes(link), `${link} of ${touched.join(", ")}`);
    assert.ok(!touched.includes("eth0"));
  });
});

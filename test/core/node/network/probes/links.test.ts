import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Link } from "../../../../../core/model/facts.ts";
import { probeLinks } from "../../../../../core/node/network/probes/links.ts";
import { bond, ethernet, four, network } from "../../../model/network/networks.ts";
import { aContext, aLink, leg } from "./samples.ts";

/** The sentences of all probes but those that passed. */
const told = (context: ReturnType<typeof aContext>) =>
  probeLinks(context)
    .filter(({ outcome }) => outcome !== "passed")
    .map(({ outcome, description }) => `${outcome}: ${description}`);

describe("what is seen at the links", () => {
  const management = ethernet("eno1", four("10.0.0.5/24"));

  it("is all well with a carrier and the address that was asked for", () => {
    const context = aContext({
      configuration: network([management]),
      touched: ["eno1"],
      links: [aLink("eno1", { addresses: ["10.0.0.5/24"] })],
    });
    assert.deepEqual(
      probeLinks(context).map(({ code }) => code),
      ["CARRIER.OK", "ADDRESS.OK"],
    );
  });

  for (const [where, link, outcome] of [
    ["the management link", "eno1", "failed"],
    ["another link", "eno2", "warning"],
  ] as const)
    it(`is a ${outcome} when ${where} has no carrier`, () => {
      const context = aContext({
        configuration: network([ethernet(link, four("10.0.0.5/24"))]),
        touched: [link],
        links: [aLink(link, { carrier: false })],
      });
      assert.deepEqual(told(context), [`${outcome}: ${link} has no carrier: check the cable and the switch's port.`]);
    });

  it("names the one leg of a bond that has no carrier, and goes on", () => {
    const context = bonded([leg("p5p1"), leg("p5p2", { up: false, partnerMac: null })]);
    assert.deepEqual(told(context), ["warning: bond0 works, but p5p2 has no carrier: check the cable."]);
  });

  it("names a leg that the bond never got", () => {
    assert.deepEqual(told(bonded([leg("p5p1")])), ["warning: bond0 works, but p5p2 has no carrier: check the cable."]);
  });

  it("names all legs when none has a carrier", () => {
    const dead = { up: false, partnerMac: null };
    const context = bonded([leg("p5p1", dead), leg("p5p2", dead)], { carrier: false });
    assert.deepEqual(told(context), [
      "warning: bond0 has no leg with a carrier (p5p1, p5p2): check the cable and the switch's port.",
    ]);
  });

  it("skips a bond that has no legs yet", () => {
    const context = aContext({
      configuration: network([bond("bond0", [])]),
      touched: ["bond0"],
      links: [aLink("bond0", { carrier: false, bond: { mode: "802.3ad", legs: [] } })],
    });
    assert.deepEqual(told(context), ["skipped: bond0 has no legs yet."]);
  });

  it("says which legs' partner does not speak LACP", () => {
    const context = bonded([leg("p5p1"), leg("p5p2", { partnerMac: null })]);
    assert.deepEqual(told(context), [
      "warning: Nobody speaks LACP at the other end of p5p2: switch it on at the switch, or use active-backup.",
    ]);
  });

  it("says that two legs end in different switches", () => {
    const context = bonded([leg("p5p1"), leg("p5p2", { partnerMac: "00:00:5e:00:53:02" })]);
    assert.match(told(context).join(), /The legs of bond0 end in different LACP partners \(00:00:5e:00:53:01, .*02\)/);
  });

  it("asks no partner of a bond that is not 802.3ad", () => {
    const context = bonded([leg("p5p1", { partnerMac: null }), leg("p5p2", { partnerMac: null })], {
      bond: { mode: "active-backup" },
    });
    assert.deepEqual(told(context), []);
  });

  it("says that legs differ in speed", () => {
    const context = bonded([leg("p5p1"), leg("p5p2")], {}, [
      aLink("p5p1", { speedMbps: 10_000 }),
      aLink("p5p2", { speedMbps: 1000 }),
    ]);
    assert.match(told(context).join(), /differ in speed \(Mbit\/s: p5p1 10000, p5p2 1000\)/);
  });

  it("is a failure when an address was not taken", () => {
    const context = aContext({
      configuration: network([management]),
      touched: ["eno1"],
      links: [aLink("eno1")],
    });
    assert.deepEqual(told(context), ["failed: eno1 did not take the address 10.0.0.5: another machine may have it."]);
  });

  it("says that DHCP gave nothing, and what it gave", () => {
    const dhcp = { ipv4: { ...four([]).ipv4, method: "dhcp" as const } };
    const at = (addresses: string[]) =>
      aContext({
        configuration: network([ethernet("eno1", dhcp)]),
        touched: ["eno1"],
        links: [aLink("eno1", { addresses, dynamic: true })],
      });
    assert.deepEqual(told(at([])), [
      "failed: No DHCP server has given eno1 an address yet: check the VLAN and the server.",
    ]);
    assert.match(JSON.stringify(probeLinks(at(["10.0.0.77/24"]))), /eno1 was given 10\.0\.0\.77\/24\./);
  });

  function bonded(
    legs: ReturnType<typeof leg>[],
    more: Parameters<typeof aLink>[1] = {},
    others: Link[] = [],
  ): ReturnType<typeof aContext> {
    return aContext({
      configuration: network([bond("bond0", ["p5p1", "p5p2"])]),
      touched: ["bond0"],
      links: [aLink("bond0", { ...more, bond: { mode: "802.3ad", ...more.bond, legs } }), ...others],
    });
  }
});

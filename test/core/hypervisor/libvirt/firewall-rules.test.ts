import assert from "node:assert/strict";
import { test } from "node:test";
import { FirewallOrder, type FirewallRule, hostFirewall } from "../../../../core/hypervisor/firewall.ts";
import { firewallChains, shutChains } from "../../../../core/hypervisor/libvirt/network/firewall-rules.ts";
import { nicOf, refuses, uuidOf } from "../conformance.ts";

const [groupUuid, other] = [uuidOf(7), uuidOf(8)];
const { mac } = nicOf(11);
const card = { mac, groupUuids: [groupUuid], ends: ["bnc52540000000b", "vnet3"] };

function chainsOf(rules: FirewallRule[], members: [string, string][] = []): string {
  const groups = [{ uuid: groupUuid, rules }];
  return firewallChains({ cards: [], groups, members: [{ groupUuid: other, ranges: members }] }, [card], []).join("\n");
}

/** The lines of one chain, or set. */
function part(text: string, name: string): string[] {
  const [, lines] = new RegExp(`(?:chain|set) ${name} \\{\\n([^]*?)\\n  \\}`).exec(text) ?? [];
  return (lines ?? "missing").split("\n").map((line) => line.trim());
}

test("each rule lets through what it names, of each family that it is about, and a card drops the rest", () => {
  const rule = { way: "in", protocol: "all", ports: null, peer: null } as const;
  const text = chainsOf(
    [
      { ...rule, peer: { groupUuid: other } },
      { ...rule, protocol: "tcp", ports: [22, 22], peer: { range: ["10.0.0.0", "10.0.0.255"] } },
      { ...rule, protocol: "udp", ports: [53, 54], peer: { range: ["fd00::", "fd00::ffff"] } },
      { ...rule, protocol: "tcp", peer: { range: ["0.0.0.0", "255.255.255.255"] } },
      { ...rule, protocol: "icmp" },
      { ...rule, way: "out", protocol: "udp" },
    ],
    [
      ["10.0.0.11", "10.0.0.14"],
      ["10.0.0.20", "10.0.0.20"],
    ],
  );
  assert.deepEqual(part(text, `in_${groupUuid}`), [
    `ether type ip ip saddr @members4_${other} accept`,
    `ether type ip6 ip6 saddr @members6_${other} accept`,
    "ether type ip ip saddr 10.0.0.0-10.0.0.255 tcp dport 22 accept",
    "ether type ip6 ip6 saddr fd00::-fd00::ffff udp dport 53-54 accept",
    "ether type ip meta l4proto 6 accept",
    "ether type ip meta l4proto 1 accept",
    "ether type ip6 meta l4proto 58 accept",
  ]);
  assert.deepEqual(part(text, `out_${groupUuid}`), [
    "ether type ip meta l4proto 17 accept",
    "ether type ip6 meta l4proto 17 accept",
  ]);
  assert.deepEqual(part(text, "card_in_52540000000b"), [
    "jump answers",
    "jump always_in",
    `jump in_${groupUuid}`,
    "drop",
  ]);
  assert.match(text, /elements = \{ 10\.0\.0\.11-10\.0\.0\.14, 10\.0\.0\.20 \}/);
  // Both names that the host's end may have.
  assert.equal(text.match(/"vnet3" : jump card_in_52540000000b/g)?.length, 1);
});

test("a group of which nothing is known lets nothing through; without cards in groups there is nothing", () => {
  const text = firewallChains({ cards: [], groups: [], members: [] }, [card], []).join("\n");
  assert.match(text, new RegExp(`chain in_${groupUuid} \\{\\n  \\}`));
  assert.deepEqual(firewallChains({ cards: [], groups: [], members: [] }, [], ["br_eth0"]), []);
  assert.match(shutChains([card]).join("\n"), /iifname \{ "bnc52540000000b", "vnet3" \} drop/);
});

test("what would say something else to nft is no firewall", () => {
  const good = { cards: [{ mac, groupUuids: [groupUuid] }], groups: [], members: [] };
  assert.ok(hostFirewall.safeParse(good).success);
  const rule = { way: "in", protocol: "tcp", ports: [1, 2], peer: null };
  for (const wrong of [
    { cards: [{ mac: `${mac} accept`, groupUuids: [groupUuid] }] },
    { cards: [{ mac, groupUuids: [] }] },
    { cards: [{ mac, groupUuids: ["x } drop"] }] },
    { groups: [{ uuid: groupUuid, rules: [{ ...rule, ports: [0, 2] }] }] },
    { groups: [{ uuid: groupUuid, rules: [{ ...rule, protocol: "tcp accept" }] }] },
    { groups: [{ uuid: groupUuid, rules: [{ ...rule, peer: { range: ["10.0.0.1", "fd00::1"] } }] }] },
    { groups: [{ uuid: groupUuid, rules: [{ ...rule, peer: { range: ["10.0.0.2", "10.0.0.1"] } }] }] },
    { members: [{ groupUuid, ranges: [["10.0.0.1", "10.0.0.1 }"]] }] },
    { more: true },
  ])
    assert.equal(hostFirewall.safeParse({ ...good, ...wrong }).success, false, JSON.stringify(wrong));
});

test("what is older does not replace what is newer, but for records that were restored meanwhile", async () => {
  const order = new FirewallOrder();
  order.check(10, 0);
  order.check(10, 1);
  order.check(12, 2);
  await refuses((async () => order.check(11, 3))(), "HYPERVISOR.FIREWALL_OLD");
  order.check(5, 120_000);
});

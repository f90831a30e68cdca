import assert from "node:assert/strict";
import { test } from "node:test";
import type { HostFirewall } from "../../../../core/hypervisor/firewall.ts";
import { CardGuard } from "../../../../core/hypervisor/libvirt/network/card-guard.ts";
import { Links } from "../../../../core/hypervisor/libvirt/network/links.ts";
import type { RunOptions, RunResult } from "../../../../core/node/machine.ts";
import { nicOf, refuses, uuidOf } from "../conformance.ts";

/* What becomes of the rules of cards when the kernel does not take them, by a table that takes only what it is to. */

const groupUuid = uuidOf(7);
const [one, two, three] = [nicOf(11), nicOf(12), nicOf(13)];
const nameOf = ({ mac }: { mac: string }) => mac.replaceAll(":", "");

function firewallOf(...cards: { mac: string }[]): HostFirewall {
  const rules = [{ way: "in", protocol: "tcp", ports: [22, 22], peer: null }] as const;
  return {
    cards: cards.map(({ mac }) => ({ mac, groupUuids: [groupUuid] })),
    groups: [{ uuid: groupUuid, rules: rules.map((rule) => ({ ...rule, ports: [22, 22] })) }],
    members: [],
  };
}

/** `refuses`: answers whether the kernel refuses a load. `tables`: what it has, by their names. */
function kernel() {
  const all = {
    refuses: (_rules: string): boolean => false,
    isListed: true,
    loads: 0,
    tables: new Map<string, string>(),
  };
  const done = (code: number, stdout = "", stderr = ""): RunResult => ({ code, stdout, stderr });
  const run = async (program: string, args: readonly string[], { input = "" }: RunOptions): Promise<RunResult> => {
    if (program === "ip") return done(0, "[]");
    if (args[0] === "list") return all.isListed ? done(0, listed(all.tables)) : done(1, "", "Cannot allocate memory");
    const rules = String(input);
    if (rules.includes("table bridge binnacle_cards {")) all.loads += 1;
    if (all.refuses(rules)) return done(1, "", "Could not process rule: Cannot allocate memory");
    for (const [, name = ""] of rules.matchAll(/^delete table bridge (\w+)$/gm)) all.tables.delete(name);
    for (const [, name = "", text = ""] of rules.matchAll(/^table bridge (\w+) \{\n([\s\S]*?)^\}/gm))
      all.tables.set(name, text);
    return done(0);
  };
  const start = () => new CardGuard(new Links({ run }));
  return { all, start, guard: start() };
}

/** As nft(8) lists chains: without their rules, one family at a time. */
function listed(tables: ReadonlyMap<string, string>): string {
  const chains = (text: string) => [...text.matchAll(/chain (\w+) \{/g)].map(([, name]) => `\tchain ${name} {\n\t}\n`);
  return [...tables].map(([name, text]) => `table bridge ${name} {\n${chains(text).join("")}}\n`).join("");
}

const look = { isThorough: false };
const needsConntrack = (rules: string) => rules.includes(" ct ");

test("rules that the kernel did not take at first are taken by the second try, and nobody is told", async () => {
  const { all, guard } = kernel();
  all.refuses = () => all.loads === 1;
  await guard.guard([one], firewallOf(one), look);
  assert.equal(all.loads, 2);
  assert.match(all.tables.get("binnacle_cards") ?? "", new RegExp(`chain card_in_${nameOf(one)} `));
  await guard.guard([one], firewallOf(one), look);
  assert.equal(all.loads, 2, "they are known to be there");
});

test("when the second try fails, too, the former verdicts stay, only who has none is shut off, and it is told and tried again", async () => {
  const { all, guard, start } = kernel();
  await guard.guard([one, two], firewallOf(one), look);
  const former = all.tables.get("binnacle_cards");
  all.refuses = (rules) => rules.includes("card_in_");
  await refuses(guard.guard([one, two], firewallOf(one, two), look), "HYPERVISOR.NETWORK_FAILED");
  assert.equal(all.tables.get("binnacle_cards"), former, "the guest that had rules has them still");
  const shut = all.tables.get("binnacle_shut") ?? "";
  assert.match(shut, new RegExp(`iifname \\{ "bnc${nameOf(two)}" \\} drop`));
  assert.ok(!shut.includes(nameOf(one)));
  // An agent that is started anew finds the same.
  await refuses(start().guard([one, two], firewallOf(one, two), look), "HYPERVISOR.NETWORK_FAILED");
  assert.equal(all.tables.get("binnacle_cards"), former);
  all.refuses = () => false;
  await guard.guard([one, two], firewallOf(one, two), look);
  assert.match(all.tables.get("binnacle_cards") ?? "", new RegExp(`chain card_in_${nameOf(two)} `));
  assert.equal(all.tables.get("binnacle_shut"), undefined);
});

test("a host that can't keep rules of groups at all shuts off the cards in one, and gives all others theirs", async () => {
  const { all, guard } = kernel();
  all.refuses = needsConntrack;
  await guard.guard([one], firewallOf(), look);
  await refuses(guard.guard([one, two], firewallOf(two), look), "HYPERVISOR.NETWORK_FIREWALL");
  for (const cards of [
    [one, two],
    [one, two, three],
  ]) {
    await refuses(guard.guard(cards, firewallOf(two), look), "HYPERVISOR.NETWORK_FIREWALL");
    const table = all.tables.get("binnacle_cards") ?? "";
    assert.match(table, new RegExp(`iifname \\{ "bnc${nameOf(two)}" \\} drop`));
    for (const card of cards) assert.ok(table.includes(`chain from_${nameOf(card)} `));
  }
  await guard.guard([one, two], firewallOf(), look);
  assert.doesNotMatch(all.tables.get("binnacle_cards") ?? "", /shut/);
});

test("while nobody can say what the kernel has, nothing is shut off", async () => {
  const { all, guard } = kernel();
  await guard.guard([one], firewallOf(one), look);
  const former = all.tables.get("binnacle_cards");
  all.refuses = (rules) => rules.includes("card_in_");
  all.isListed = false;
  await refuses(guard.guard([one, two], firewallOf(one, two), look), "HYPERVISOR.NETWORK_FAILED");
  assert.equal(all.tables.get("binnacle_cards"), former);
  assert.equal(all.tables.get("binnacle_shut"), undefined);
});

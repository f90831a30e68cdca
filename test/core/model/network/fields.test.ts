import assert from "node:assert/strict";
import { test } from "node:test";
import {
  addressFieldProblem,
  gatewayFieldProblem,
  interfaceNameProblem,
  mtuFieldProblem,
  parsePrefix,
  prefixFieldProblem,
  vlanIdProblem,
} from "../../../../core/model/network/fields.ts";
import { networkProblems } from "../../../../core/model/network/problems.ts";
import { bond, ethernet, four, network, own, vlan } from "./networks.ts";

test("a prefix is taken as a number, with a slash, or as a netmask", () => {
  const forms: [text: string, family: 4 | 6, prefix: number][] = [
    ["24", 4, 24],
    ["/24", 4, 24],
    [" 24 ", 4, 24],
    ["255.255.255.0", 4, 24],
    ["255.255.255.255", 4, 32],
    ["128.0.0.0", 4, 1],
    ["32", 4, 32],
    ["64", 6, 64],
    ["/128", 6, 128],
  ];
  for (const [text, family, prefix] of forms) assert.deepEqual(parsePrefix(text, family), { prefix }, text);
});

test("what is no prefix is refused with its reason", () => {
  const reasons: [text: string, family: 4 | 6, why: string, description: string][] = [
    ["", 4, "empty", "The length of the network's prefix is missing."],
    ["33", 4, "range", "33 can't be the length of an IPv4 prefix."],
    ["0", 4, "range", "0 can't be the length of an IPv4 prefix."],
    ["0.0.0.0", 4, "netmask", "0.0.0.0 is no netmask: its bits are not ones followed by zeros."],
    ["255.0.255.0", 4, "netmask", "255.0.255.0 is no netmask: its bits are not ones followed by zeros."],
    ["wide", 4, "text", `"wide" is not the length of an IPv4 prefix or a netmask.`],
    ["-1", 4, "text", `"-1" is not the length of an IPv4 prefix or a netmask.`],
    ["255.255.255.0", 6, "text", `"255.255.255.0" is not the length of an IPv6 prefix.`],
    ["129", 6, "range", "129 can't be the length of an IPv6 prefix."],
  ];
  for (const [text, family, why, description] of reasons) {
    const result = parsePrefix(text, family, "field");
    assert.ok("problem" in result, text);
    assert.deepEqual(
      [result.problem.code, result.problem.field, result.problem.values["why"], result.problem.description],
      ["NET.PREFIX", "field", why, description],
    );
  }
  const long = parsePrefix("9".repeat(10_000), 4);
  assert.ok("problem" in long && long.problem.description.length < 160 && JSON.stringify(long.problem).length < 1000);
});

test("a form says of a field what the whole configuration says of it", () => {
  const text = (problem: { description: string } | undefined) => problem?.description;
  const plan = (link: Parameters<typeof network>[0][number]) =>
    networkProblems(network([link]), null).map(({ description }) => description);
  for (const address of ["", "10.0.0.0", "10.0.0.255", "127.0.0.1", "x", "fd00::1"])
    assert.ok(
      plan(ethernet("eno1", four(`${address}/24`))).includes(text(addressFieldProblem(address, 4, 24)) ?? "?"),
      address,
    );
  for (const gateway of ["", "10.0.1.1", "10.0.0.5", "router"])
    assert.ok(
      plan(ethernet("eno1", four("10.0.0.5/24", { gateway }))).includes(
        text(gatewayFieldProblem(gateway, [own("10.0.0.5/24")], 4)) ?? "?",
      ),
      gateway,
    );
  for (const name of ["", "bond0123456789ab", "a b", "all"])
    assert.ok(plan(bond(name, [])).includes(text(interfaceNameProblem(name)) ?? "?"), name);
  assert.ok(plan(ethernet("eno1", four("10.0.0.5/99"))).includes(text(prefixFieldProblem(99, 4)) ?? "?"));
  assert.ok(plan(ethernet("eno1", { mtu: 1 })).includes(text(mtuFieldProblem(1)) ?? "?"));
  assert.ok(plan(vlan("eno1.0", "eno1", 0)).includes(text(vlanIdProblem(0)) ?? "?"));
});

test("nothing is said of right fields", () => {
  assert.equal(addressFieldProblem("10.0.0.5", 4), undefined);
  assert.equal(gatewayFieldProblem("10.0.0.1", [], 4), undefined);
  assert.equal(gatewayFieldProblem("10.0.0.1", [own("x/24")], 4), undefined);
  assert.equal(interfaceNameProblem("br_bond0.10"), undefined);
  for (const mtu of [68, 9216]) assert.equal(mtuFieldProblem(mtu), undefined);
  for (const id of [1, 4094]) assert.equal(vlanIdProblem(id), undefined);
});

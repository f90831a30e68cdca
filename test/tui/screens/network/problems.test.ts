import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { NodeError } from "../../../../core/model/error.ts";
import type { NetworkProblem } from "../../../../core/model/network/transaction.ts";
import { addressScreen } from "../../../../tui/screens/network/address.ts";
import { NetworkDesk } from "../../../../tui/screens/network/desk.ts";
import { networksScreen } from "../../../../tui/screens/network/networks.ts";
import { addressPlan } from "../../../support/fake-network.ts";
import { styleOf } from "../support.ts";
import { type NetworkBed, networkBed } from "./bed.ts";

const taken: NetworkProblem = {
  code: "NET.ADDRESS_TWICE",
  field: "links.br_bond0.ipv4.addresses.0.address",
  severity: "error",
  description: "In use.",
  remedy: "Another one.",
  values: { given: "172.16.0.5", link: "br_bond0", other: "eno3" },
};
const ofTomorrow: NetworkProblem = {
  code: "NET.OF_TOMORROW",
  field: "links.bond0.100.mtu",
  severity: "error",
  description: "That is for a newer console.",
  remedy: "Upgrade it.",
  values: {},
};
const [warning] = addressPlan().problems;
assert.ok(warning !== undefined);

/** The form of the management interface, whose address was changed and which an agent refuses with these problems. */
async function refused(problems: NetworkProblem[], options: Parameters<typeof networkBed>[0] = {}) {
  const console = await networkBed(options);
  const { configuration } = console.network;
  console.network.plan = { problems, changes: [], cutsOff: [], configuration };
  const desk = new NetworkDesk(console.control);
  await desk.load();
  console.control.open(addressScreen(console.control, desk, "br_bond0"));
  await console.keys("tab", "^u", "172.16.0.5", "tab", "tab", "172.16.0.1", "tab", "tab", "tab", "enter");
  return console;
}

const squeezed = (console: NetworkBed) => console.text().replaceAll(/\n +/g, " ");

describe("what is wrong with a draft", () => {
  it("is all on one page, each with its field, the reason, and what to do, errors first", async () => {
    const console = await refused([warning, taken, ofTomorrow]);
    assert.equal(console.top().title, "network.problems.title");
    const text = squeezed(console);
    assert.match(text, /Nothing can be changed before this is put right \(2\)\./);
    assert.match(
      text,
      /br_bond0 address +eno3 has the address 172\.16\.0\.5 already\. Give each interface addresses of its own\./,
    );
    assert.match(text, /bond0\.100 MTU +That is for a newer console\. Upgrade it\./);
    assert.match(
      text,
      /These are warnings only: br_bond0 name servers +There is no name server, and nobody to learn of one\. Give one,/,
    );
    assert.ok(text.indexOf("newer console") < text.indexOf("warnings only"));
    const cells = console.frame(console.top(), 80, 24);
    assert.equal(styleOf(cells, "eno3 has the address"), "bad");
    assert.equal(styleOf(cells, "There is no name server"), "warn");
  });

  it("is left with Enter or Esc, for the first field that is to blame, with everything that was typed", async () => {
    for (const key of ["enter", "esc"]) {
      const console = await refused([taken, ofTomorrow]);
      await console.keys(key);
      assert.match(squeezed(console), /br_bond0 address: eno3 has the address .* of its own\. \(first of 2\)/);
      await console.keys("^u", "172.16.0.8");
      assert.match(console.text(), /Address +172\.16\.0\.8\n +Netmask +255\.255\.255\.0\n +Gateway +172\.16\.0\.1/);
    }
  });

  it("scrolls where there is more of it than the screen has lines, and says how much is out of sight", async () => {
    const many = Array.from({ length: 40 }, (_, n) => ({
      ...taken,
      values: { ...taken.values, given: `10.0.0.${n}` },
    }));
    for (const [width, height] of [
      [80, 24],
      [60, 20],
    ] as const) {
      const console = await refused(many);
      const page = () => console.lines(console.top(), width, height);
      assert.match(page().join("\n"), /v \d+ more/);
      await console.keys("end");
      assert.match(page().join("\n"), /the address 10\.0\.0\.39/);
      for (const line of page()) assert.ok(line.length <= width, line);
    }
  });

  it("is told in Chinese to whom reads Chinese", async () => {
    const console = await refused([taken, ofTomorrow], { language: "zh", rich: true });
    assert.match(console.text(), /br_bond0 地址 +地址 172\.16\.0\.5 已被 eno3 使用。\n +每个网卡的地址不能重复。/);
  });

  it("stands at the foot of the form when it is one thing only, however long it is", async () => {
    const long = { ...ofTomorrow, description: "A long story. ".repeat(14).trim(), field: "links.br_bond0.mtu" };
    const console = await refused([long]);
    assert.equal(console.opened.length, 1);
    assert.match(squeezed(console), /br_bond0 MTU: (A long story\. ){14}Upgrade it\./);
    // What was typed stays in sight above it.
    assert.match(console.text(), /Address +172\.16\.0\.5/);
  });

  it("is told where there is no form as well", async () => {
    const console = await networkBed();
    const { configuration } = console.network;
    console.network.plan = { problems: [taken], changes: [], cutsOff: [], configuration };
    console.control.open(networksScreen(console.control));
    await console.keys();
    await console.keys("d");
    assert.match(console.notice(), /br_bond0 address: eno3 has the address 172\.16\.0\.5 already\. Give each/);
    console.network.plan = { problems: [taken, ofTomorrow], changes: [], cutsOff: [], configuration };
    await console.keys("d");
    assert.equal(console.top().title, "network.problems.title");
  });

  it("has no places that nobody fills in, whatever the agent gives with an error", async () => {
    const console = await refused([{ ...taken, values: {} }]);
    assert.match(squeezed(console), /br_bond0 address: In use\. Give each interface/);
    const desk = new NetworkDesk(console.control);
    await desk.load();
    console.network.plan = new NodeError("NET.LINK_NAME", "No.", {
      remedy: "Other.",
      values: { given: "x y", why: "character" },
    });
    await console.keys("enter");
    assert.doesNotMatch(console.text(), /\{\w+\}/);
  });
});

it("names what was given, away from the field where it was typed", async () => {
  const wrong = { ...taken, code: "NET.ADDRESS", values: { given: "10.0.0.300", family: 4 } };
  const console = await refused([wrong, ofTomorrow]);
  assert.match(squeezed(console), /br_bond0 address +10\.0\.0\.300: That is no IPv4 address\. Give one such as/);
});

describe("warnings of a change that can be begun", () => {
  it("stand above it with their field and what to do", async () => {
    const console = await refused([]);
    console.network.plan = addressPlan();
    await console.keys("enter");
    assert.equal(console.top().title, "network.plan.title");
    assert.match(
      squeezed(console),
      /br_bond0 name servers +There is no name server, .* Give one, unless other machines/,
    );
  });
});

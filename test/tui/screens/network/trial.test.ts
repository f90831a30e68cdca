import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type EndReason, endReasons } from "../../../../core/model/network/transaction.ts";
import { addressScreen } from "../../../../tui/screens/network/address.ts";
import { NetworkDesk } from "../../../../tui/screens/network/desk.ts";
import { probes } from "../../../support/fake-network.ts";
import { styleOf } from "../support.ts";
import { type NetworkBed, networkBed } from "./bed.ts";

/** A form that was filled in, and the page of what it changes on top of it. */
async function planned(options: Parameters<typeof networkBed>[0] = {}): Promise<NetworkBed> {
  const console = await networkBed(options);
  const desk = new NetworkDesk(console.control);
  await desk.load();
  console.control.open(addressScreen(console.control, desk, "br_bond0"));
  await console.keys("tab", "^u", "10.0.0.6", "tab", "tab", "10.0.0.254", "tab", "tab", "tab", "enter");
  assert.equal(console.top().title, "network.plan.title");
  return console;
}

async function waiting(remainingMs = 60_000, options: Parameters<typeof networkBed>[0] = {}): Promise<NetworkBed> {
  const console = await planned(options);
  await console.keys("y");
  console.network.tell({ phase: "waiting", remainingMs, probes });
  return console;
}

const called = (console: NetworkBed, call: string) => console.network.calls.filter(({ name }) => name === call).length;

describe("what changes", () => {
  it("stands old beside new, what it cuts off in red above, warnings below that", async () => {
    const console = await planned();
    assert.match(console.text(), /br_bond0 address +10\.0\.0\.5\/24 +10\.0\.0\.6\/24/);
    assert.match(console.text(), /NOW +NEW/);
    const cells = console.frame(console.top(), 80, 24);
    assert.equal(styleOf(cells, "The management address changes"), "bad");
    assert.equal(styleOf(cells, "There is no name server"), "warn");
    assert.match(console.text(), /also when this console locks or its line\s+breaks/);
  });

  it("is left with Esc or N, and everything typed is there again", async () => {
    for (const key of ["esc", "n"]) {
      const console = await planned();
      await console.keys(key);
      assert.match(console.text(), /Address +10\.0\.0\.6\n +Netmask +255\.255\.255\.0\n +Gateway +10\.0\.0\.254/);
      assert.equal(called(console, "changeNetwork"), 0);
    }
  });

  it("begins at Y alone, and once", async () => {
    const console = await planned();
    await console.keys("enter", "space", "x");
    console.top().key({ name: "paste", text: "y" });
    console.top().key({ name: "char", text: "y", inBurst: true });
    assert.equal(called(console, "changeNetwork"), 0);
    const plan = console.top();
    plan.key({ name: "char", text: "y" });
    plan.key({ name: "char", text: "y" });
    await console.keys();
    assert.equal(called(console, "changeNetwork"), 1);
    assert.equal(console.top().title, "network.trial.title");
  });
});

describe("the page of a change", () => {
  it("tells its phase, and each test as it ends", async () => {
    const console = await planned();
    await console.keys("y");
    assert.match(console.text(), /Saving the present network/);
    console.network.tell({ phase: "applying" });
    assert.match(console.text(), /Applying the new network/);
    console.network.tell({ phase: "probing", remainingMs: 60_000, probes: probes.slice(0, 1) });
    assert.match(console.text(), /ok +eno1 carrier/);
    assert.doesNotMatch(console.text(), /\[Y\]/);
    console.network.tell({ phase: "waiting", remainingMs: 55_000, probes });
    assert.match(console.text(), /FAILED +br_bond0 gateway: The gateway 10\.0\.0\.254 does not answer on\s+br_bond0\./);
    assert.match(console.text(), /Tests that failed: 1/);
  });

  it("counts down by its own clock from what the agent told, and gets urgent", async () => {
    const console = await waiting(52_400);
    assert.match(console.text(), /Kept only if you press Y within 53 s; otherwise the old network comes back\./);
    console.pass(42_500);
    assert.match(console.text(), /within 10 s/);
    assert.equal(styleOf(console.frame(console.top(), 80, 24), "Kept only"), "bad");
    console.pass(10_000);
    assert.match(console.text(), /The time is up: the old network comes back\./);
    await console.keys("y");
    assert.equal(called(console, "keepNetwork"), 0);
  });

  it("keeps at Y, and goes back to where the form was opened", async () => {
    const console = await waiting();
    await console.keys("y");
    assert.match(console.text(), /The new network is in force, and kept: Y was pressed\./);
    await console.keys("enter");
    assert.equal(console.opened.length, 0);
  });

  it("takes the old network back at N, in every phase that can be turned back", async () => {
    for (const phase of ["saving", "applying", "probing", "waiting"] as const) {
      const console = await planned();
      await console.keys("y");
      console.network.tell({ phase, remainingMs: 30_000 });
      await console.keys("n");
      assert.match(console.text(), /The old network is in force again, as it was asked for\./);
      await console.keys("enter");
      assert.match(console.text(), /Address +10\.0\.0\.6/);
    }
  });

  it("does nothing at Enter, at a pasted y, and at a y that came with others", async () => {
    const console = await waiting();
    await console.keys("enter");
    console.top().key({ name: "paste", text: "y\n" });
    console.top().key({ name: "char", text: "y", inBurst: true });
    await console.keys();
    assert.equal(called(console, "keepNetwork"), 0);
  });

  it("asks again when a Y came too late to be heard", async () => {
    const console = await waiting();
    console.network.transaction = { ...(console.network.transaction ?? assert.fail()), phase: "rollingBack" };
    await console.keys("y");
    assert.match(console.notice(), /does not wait for an answer/);
    console.network.tell({ phase: "rolledBack", why: "timeout", remainingMs: null });
    assert.match(console.text(), /The old network is in force again: nobody pressed Y in time\./);
  });

  it("has a sentence for each way in which the old network comes back, in both languages", async () => {
    const notBack: readonly EndReason[] = ["confirmed", "probesPassed", "unattended"];
    for (const language of ["en", "zh"] as const) {
      const console = await waiting(60_000, { language });
      const seen = new Set<string>();
      for (const why of endReasons.filter((reason) => !notBack.includes(reason))) {
        console.network.tell({ phase: "rolledBack", why });
        seen.add(console.lines(console.top())[2] ?? "");
      }
      assert.equal(seen.size, endReasons.length - notBack.length);
    }
  });

  it("says what failed", async () => {
    const console = await waiting();
    const error = { code: "NET.APPLY_FAILED", description: "NetworkManager refused br_bond0." };
    console.network.tell({ phase: "failed", why: "applyFailed", error, remainingMs: null });
    assert.match(console.text(), /could not\s+be\s+taken\s+back\s+whole/);
    assert.match(console.text(), /NetworkManager refused br_bond0\./);
  });

  it("scrolls where a change is larger than the screen, and never hides what is asked", async () => {
    const console = await waiting();
    const changes = Array.from({ length: 60 }, (_, n) => ({
      link: `eth${n}`,
      what: "address" as const,
      key: "",
      before: "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff/128",
      after: "2001:db8:aaaa:bbbb:cccc:dddd:eeee:fffe/128",
    }));
    console.network.tell({ changes });
    // A frame tells the keys how large a page is.
    assert.match(console.text(), /v \d+ more/);
    await console.keys("end");
    assert.match(console.text(), /eth59 address/);
    assert.match(console.text(), /\[Y\] Keep the new network/);
    for (const line of console.lines(console.top())) assert.ok(line.length <= 80, line);
    await console.keys("y");
    assert.equal(called(console, "keepNetwork"), 1);
  });
});

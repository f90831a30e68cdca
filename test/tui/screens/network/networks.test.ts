import assert from "node:assert/strict";
import { test } from "node:test";
import { networksScreen } from "../../../../tui/screens/network/networks.ts";
import { networkWithRoute } from "../../../support/fake-network.ts";
import { press } from "../../widgets/support.ts";
import { styleOf } from "../support.ts";
import { networkBed } from "./bed.ts";

async function opened(options: Parameters<typeof networkBed>[0] = {}) {
  const console = await networkBed(options);
  console.control.open(networksScreen(console.control));
  await console.until(console.control.view().t("network.configured"));
  return console;
}

test("every interface has its state, speed, address, MN, what it is part of and its switch port", async () => {
  const console = await opened();
  const text = console.text();
  assert.match(text, /bond0 +UP +10G +802\.3ad 1\/2/);
  assert.match(text, / {2}eno1 +UP +10G +in bond0 +sw1 Gi1\/0\/3/);
  assert.match(text, /br_bond0 +UP +10G +MN +10\.0\.0\.5\/24 \+1 +of bond0/);
  assert.match(text, /bond0\.100 +UP +10G +10\.0\.100\.5\/24 +VLAN 100/);
});

test("an interface without a cable is there too, dimmed", async () => {
  const console = await opened();
  assert.match(console.text(), /eno4 +DOWN/);
  assert.equal(styleOf(console.frame(console.top(), 80, 24), "eno4"), "dim");
});

test("no line is wider than 80 cells, in either language, and nothing of the table is cut in English", async () => {
  for (const language of ["en", "zh"] as const) {
    const console = await opened({ language, rich: language === "zh" });
    for (const line of console.lines(console.top())) assert.ok(line.length <= 80, line);
  }
});

test("routes of the selected interface stand below the list, in the console's language", async () => {
  for (const [language, says] of [
    ["en", /Routes +10\.9\.0\.0\/16 via 172\.16\.0\.9/],
    ["zh", /路由 +10\.9\.0\.0\/16 经 172\.16\.0\.9/],
  ] as const) {
    const console = await networkBed({ language, rich: true });
    console.network.configuration = networkWithRoute();
    console.control.open(networksScreen(console.control));
    await console.keys();
    assert.doesNotMatch(console.text(), says);
    await console.keys("down", "down", "down", "down");
    assert.match(console.text(), says);
  }
});

test("an interface of other means is left alone, and says by what it is configured", async () => {
  const console = await networkBed();
  console.network.others = [{ link: "eno3", what: "a profile of its own" }];
  console.control.open(networksScreen(console.control));
  await console.until("left alone");
  await console.keys("down", "down", "down", "down", "enter");
  assert.equal(console.opened.length, 1);
  assert.match(console.notice(), /eno3 is configured by other means.*a profile of its own/);
});

test("l lets the LED of a card blink for 30 s and says so; l again ends it", async () => {
  const console = await opened();
  await console.keys("down", "l");
  await console.until("The LED of eno1 blinks for 30 s; l ends it.");
  await console.keys("l");
  const blinks = console.network.calls.filter(({ name }) => name === "blinkLink").map(({ request }) => request);
  assert.deepEqual(blinks, [
    { params: { link: "eno1" }, body: { seconds: 30 } },
    { params: { link: "eno1" }, body: { seconds: 0 } },
  ]);
  assert.doesNotMatch(console.text(), /The LED of/);
});

test("only what has a socket has an LED", async () => {
  const console = await opened();
  await console.keys("l");
  assert.match(console.notice(), /bond0 is no socket/);
  assert.ok(!console.network.calls.some(({ name }) => name === "blinkLink"));
});

test("d shows what would go before anything does, and has nothing to do where nothing is set", async () => {
  const console = await opened();
  await console.keys("d");
  assert.equal(console.top().title, "network.plan.title");
  const asked = console.network.calls.find(({ name }) => name === "planNetwork");
  assert.deepEqual(asked?.request, { body: { operations: [{ do: "delete", link: "bond0", kind: "bond" }] } });
  await console.keys("n", "end", "d");
  assert.equal(console.top().title, "network.title");
  assert.match(console.notice(), /ens1f1np1 has no settings/);
});

test("a change that ends while the configuration is being read has it read once more", async () => {
  const console = await networkBed();
  console.control.open(networksScreen(console.control));
  // The answer to the first question is on its way.
  console.network.answer("changeNetwork", {}, "ttyS0");
  console.network.tell({ phase: "committed", why: "confirmed" });
  await console.keys();
  assert.equal(console.network.calls.filter(({ name }) => name === "network").length, 2);
});

test("a key that comes before the configuration does is not lost, and acts once", async () => {
  const console = await networkBed();
  console.control.open(networksScreen(console.control));
  press(console.top(), "v", "d", "d");
  assert.equal(console.opened.length, 1);
  await console.keys();
  assert.equal(console.top().title, "network.plan.title");
  assert.equal(console.opened.length, 2);
});

test("a key that comes before the configuration opens nothing on a console that was left meanwhile", async () => {
  const console = await networkBed();
  console.control.open(networksScreen(console.control));
  press(console.top(), "d");
  console.control.goHome();
  await console.keys();
  assert.equal(console.opened.length, 0);
  assert.ok(!console.network.calls.some(({ name }) => name === "planNetwork"));
});

test("the footer names what can be done with the selected interface, and always how to get help and out", async () => {
  const console = await networkBed();
  console.network.others = [{ link: "ens1f1np1", what: "a profile of its own" }];
  console.control.open(networksScreen(console.control));
  await console.until("left alone");
  const footer = (width = 80) => console.lines(console.top(), width, 24).at(-1) ?? "";
  assert.match(footer(), /^ Enter Open {2}e Legs {2}v VLAN {2}r Bridge {2}d Delete {2}F1 Help {2}Esc Back/);
  await console.keys("down");
  assert.match(footer(), /^ Enter Open {2}e Legs {2}l LED {2}F1 Help/);
  await console.keys("down", "down");
  assert.match(footer(), /^ Enter Open {2}a Routes {2}v VLAN {2}d Delete {2}F1 Help/);
  await console.keys("down");
  assert.match(footer(), /^ Enter Open {2}a Routes {2}b Bond {2}v VLAN {2}r Bridge {2}d Delete {2}F1 Help {2}Esc Back/);
  assert.match(footer(60), /^ Enter Open {2}a Routes {2}b Bond {2}v VLAN {2}F1 Help {2}Esc Back$/);
  await console.keys("end");
  assert.match(footer(), /^ l LED {2}F1 Help/);
});

test("letters are text while a filter is typed", async () => {
  const console = await opened();
  await console.keys("/", "d", "v");
  assert.equal(console.top().title, "network.title");
  assert.ok(!console.network.calls.some(({ name }) => name === "planNetwork"));
});

test("the configuration is read again when a change has ended", async () => {
  const console = await opened();
  console.network.answer("changeNetwork", {}, "ttyS0");
  const before = console.network.calls.filter(({ name }) => name === "network").length;
  console.network.tell({ phase: "committed", why: "confirmed" });
  await console.keys();
  assert.equal(console.network.calls.filter(({ name }) => name === "network").length, before + 1);
});

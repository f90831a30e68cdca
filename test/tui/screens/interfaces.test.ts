import assert from "node:assert/strict";
import { test } from "node:test";
import type { Link } from "../../../core/model/facts.ts";
import { interfacesScreen } from "../../../tui/screens/interfaces.ts";
import { press } from "../widgets/support.ts";
import { bed, type Recorded, recordedFacts, styleOf } from "./support.ts";

function withLink({ facts, now }: Recorded, name: string, change: Partial<Link>): Recorded {
  if (facts.network.state !== "value") throw new Error("the recording has a network");
  const { value } = facts.network;
  const links = value.links.map((link) => (link.name === name ? { ...link, ...change } : link));
  return { now, facts: { ...facts, network: { ...facts.network, value: { ...value, links } } } };
}

/** The whole screen of one interface, as Enter opens it. */
async function detailsOf(recorded: Recorded, name: string): Promise<string> {
  const { control, lines, opened } = await bed(recorded);
  const screen = interfacesScreen(control);
  lines(screen);
  press(screen, "/", name, "enter", "enter");
  const [one] = opened;
  assert.ok(one, `${name} was opened`);
  return lines(one, 100, 37).join("\n");
}

test("the order is that of the home screen, a bond's legs below it; gateways and name servers stand above", async () => {
  const { control, lines } = await bed(await recordedFacts("bonded-server"));
  const shown = lines(interfacesScreen(control), 100, 37);
  assert.deepEqual(shown.slice(1, 4), [
    "  10 interfaces   7 up   3 down",
    "  Gateway 10.0.0.1 (br_bond0)  2001:db8:0:1::1 (br_bond0)   Name servers 10.0.0.2  10.0.0.3",
    "",
  ]);
  assert.match(
    shown.join("\n"),
    /> bond0 +UP 1 of 2 legs +10G.*\n +eno1 +UP .*sw1 Gi1\/0\/3.*\n +eno2 +DOWN no carrier.*\n +br_bond0 +UP +10G +MN +10\.0\.0\.5\/24 \+1/,
  );
});

test("at 80 columns name, state, speed and address are whole; at 132 MAC, driver and MTU come", async () => {
  const { control, lines } = await bed(await recordedFacts("bonded-server"));
  const screen = interfacesScreen(control);
  const narrow = lines(screen);
  assert.match(narrow.join("\n"), /NAME +STATE +SPEED +MN +ADDRESS +SWITCH PORT\n/);
  assert.doesNotMatch(narrow.slice(5, 14).join("\n"), /~/);
  assert.match(lines(screen, 132, 43).join("\n"), /SWITCH PORT +ERRORS +MAC +DRIVER +MTU\n/);
});

test("an interface that is down says why, switched off or without a carrier", async () => {
  const { control, lines, frame } = await bed(await recordedFacts("bonded-server"));
  const screen = interfacesScreen(control);
  const text = lines(screen, 100, 37).join("\n");
  assert.match(text, /eno4 +DOWN switched off/);
  assert.match(text, /ens1f1np1 +DOWN no carrier/);
  assert.equal(styleOf(frame(screen, 100, 37), "DOWN switched off"), "warn");
});

test("a bond shows its mode and each leg: state, failures, who answers LACP", async () => {
  const text = await detailsOf(await recordedFacts("bonded-server"), "bond0 legs");
  assert.match(text, /Mode +802\.3ad\n/);
  assert.match(text, /Leg +eno1: up {2}active {2}failures 0 {2}LACP partner 00:1c:73:00:00:01\n/);
  assert.match(text, /Leg +eno2: down {2}not active {2}failures 3 {2}no LACP partner\n/);
});

test("a leg with a cable that its LACP bundle leaves out is no leg that works", async () => {
  const recorded = await recordedFacts("bonded-server");
  const bond = { mode: "802.3ad", legs: [leg("eno1", true), leg("eno2", false)] };
  const changed = withLink(withLink(recorded, "bond0", { bond }), "eno2", { carrier: true, speedMbps: 10000 });
  const { control, lines, frame } = await bed(changed);
  const screen = interfacesScreen(control);
  assert.match(lines(screen).join("\n"), /eno2 +UP not in bundle/);
  assert.equal(styleOf(frame(screen, 80, 24), "UP not in bundle"), "warn");
});

function leg(link: string, active: boolean) {
  return { link, up: true, active, failures: 0, partnerMac: active ? "00:1c:73:00:00:01" : null };
}

test("the second leg of active-backup is a standby, and nothing to worry about", async () => {
  const { control, lines, frame } = await bed(await recordedFacts("storage-failing"));
  const screen = interfacesScreen(control);
  assert.match(lines(screen).join("\n"), /eno2 +UP standby +1G +231/);
  assert.equal(styleOf(frame(screen, 80, 24), "UP standby"), "good");
  assert.equal(styleOf(frame(screen, 80, 24), "231"), "warn");
});

test("the burned-in MAC is shown where it differs, and only there", async () => {
  const recorded = await recordedFacts("bonded-server");
  assert.match(await detailsOf(recorded, "eno2"), /MAC +b0:26:28:aa:00:01\n *Burned-in +b0:26:28:aa:00:02\n/);
  assert.doesNotMatch(await detailsOf(recorded, "eno3"), /Burned-in/);
});

test("VLAN, bridge ports, switch, gateway and every address stand in the details", async () => {
  const recorded = await recordedFacts("bonded-server");
  assert.match(await detailsOf(recorded, "bond0.100"), /VLAN +100 on bond0\n/);
  const bridge = await detailsOf(recorded, "br_bond0 MN");
  assert.match(bridge, /Role +MN: carries the management network\n/);
  assert.match(bridge, /10\.0\.0\.5\/24, {2}2001:db8:0:1::5\/64, {2}fe80::b226:28ff:feaa:1\/64 link-local\n/);
  assert.match(bridge, /Gateway +10\.0\.0\.1, {2}2001:db8:0:1::1\n/);
  assert.match(bridge, /Ports +bond0\n/);
  assert.match(await detailsOf(recorded, "eno3"), /Switch +sw-stor, port Ethernet7\n/);
  assert.match(await detailsOf(recorded, "eno4"), /Switch +nothing heard by LLDP\n/);
});

test("no speed, no switch: a dash and the reason", async () => {
  const recorded = await recordedFacts("laptop-vm");
  const text = await detailsOf(recorded, "ens3");
  assert.match(text, /Speed +- {2}the driver does not tell\n/);
  assert.match(text, /Switch +- {2}lldpcli not installed\n/);
  assert.match(text, /192\.0\.2\.15\/24 dynamic/);
  const bare = withLink(recorded, "ens3", { driver: null, bus: null });
  assert.match(await detailsOf(bare, "ens3"), /Driver +- {2}the kernel does not tell\n/);
});

test("half duplex stands out", async () => {
  const recorded = withLink(await recordedFacts("bonded-server"), "eno3", { speedMbps: 100, duplex: "half" });
  assert.match(await detailsOf(recorded, "eno3"), /Speed +100M half duplex\n/);
});

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { noIpv4, noIpv6 } from "../../../../core/model/network/configuration.ts";
import { bondScreen } from "../../../../tui/screens/network/bond.ts";
import { bridgeScreen } from "../../../../tui/screens/network/bridge.ts";
import { NetworkDesk } from "../../../../tui/screens/network/desk.ts";
import { earlierScreen } from "../../../../tui/screens/network/earlier.ts";
import { managementScreen } from "../../../../tui/screens/network/management.ts";
import { namesScreen } from "../../../../tui/screens/network/names.ts";
import { renameScreen } from "../../../../tui/screens/network/rename.ts";
import { vlanScreen } from "../../../../tui/screens/network/vlan.ts";
import type { Control, Screen } from "../../../../tui/screens/screen.ts";
import { savedConfigurations } from "../../../support/fake-network.ts";
import { type NetworkBed, networkBed } from "./bed.ts";

type Make = (control: Control, desk: NetworkDesk) => Screen | Promise<Screen>;

async function opened(make: Make, console?: NetworkBed): Promise<NetworkBed> {
  const bed = console ?? (await networkBed());
  const desk = new NetworkDesk(bed.control);
  await desk.load();
  bed.control.open(await make(bed.control, desk));
  await bed.keys();
  return bed;
}

function operationsOf(console: NetworkBed): unknown {
  const asked = console.network.calls.findLast(({ name }) => name === "planNetwork");
  return asked === undefined ? undefined : (asked.request as { body: { operations: unknown } }).body.operations;
}

const toButton = "backtab";
const lacp = { miimon: "100", xmit_hash_policy: "layer2+3" };

describe("a bond", () => {
  it("is made of the interface that was selected, and takes over its addresses", async () => {
    const console = await opened((control, desk) => bondScreen(control, desk, { firstLeg: "eno3" }));
    await console.keys(toButton, "enter");
    const address = console.network.configuration.links.find(({ name }) => name === "eno3");
    assert.deepEqual(operationsOf(console), [
      { do: "bond", link: "bond1", mode: "802.3ad", options: lacp, change: false },
      { do: "attach", bond: "bond1", leg: "eno3" },
      { do: "address", link: "bond1", ipv4: address?.ipv4, ipv6: noIpv6 },
    ]);
  });

  it("gets the management network with the addresses of its leg", async () => {
    const console = await networkBed();
    console.network.configuration = { ...console.network.configuration, managementLink: "eno3" };
    await opened((control, desk) => bondScreen(control, desk, { firstLeg: "eno3" }), console);
    await console.keys(toButton, "enter");
    const operations = operationsOf(console);
    assert.ok(Array.isArray(operations));
    assert.deepEqual(operations.at(-1), { do: "management", link: "bond1" });
  });

  it("leaves the addresses away when the technician says so", async () => {
    const console = await opened((control, desk) => bondScreen(control, desk, { firstLeg: "eno3" }));
    await console.keys(toButton, "backtab", "right", "tab", "enter");
    const operations = operationsOf(console);
    assert.ok(Array.isArray(operations));
    assert.equal(operations.length, 2);
  });

  it("brings the options of its mode, which can be edited and must look like options", async () => {
    const console = await opened((control, desk) => bondScreen(control, desk, { firstLeg: "eno4" }));
    await console.keys("tab", "left", "left", "left");
    assert.match(console.text(), /Mode +< 1 active-backup .*\n +Options +miimon=100$/m);
    await console.keys("tab", " primary", "tab");
    assert.match(console.text(), /Options look like miimon=100\./);
    await console.keys("up", "=eno4", toButton, toButton, toButton, "enter", "enter");
    assert.deepEqual(operationsOf(console), [
      {
        do: "bond",
        link: "bond1",
        mode: "active-backup",
        options: { miimon: "100", primary: "eno4" },
        change: false,
      },
      { do: "attach", bond: "bond1", leg: "eno4" },
    ]);
  });

  it("that is there gets and loses legs in one change; its name and mode stay", async () => {
    const console = await opened((control, desk) => bondScreen(control, desk, { bond: "bond0" }));
    assert.doesNotMatch(console.text(), /Name /);
    // Mode, options, then the legs in the order of the table.
    await console.keys("tab", "tab", "tab", "right", "tab", "right", toButton, toButton, toButton, toButton, "up");
    await console.keys("enter");
    assert.deepEqual(operationsOf(console), [
      { do: "detach", bond: "bond0", leg: "eno2" },
      { do: "attach", bond: "bond0", leg: "eno3" },
    ]);
  });

  it("offers no interface that is configured by other means", async () => {
    const bed = await networkBed();
    bed.network.others = [{ link: "ens1f1np1", what: "a profile of its own" }];
    const console = await opened((control, desk) => bondScreen(control, desk, { firstLeg: "eno3" }), bed);
    assert.match(console.text(), /Leg ens1f0np0/);
    assert.doesNotMatch(console.text(), /Leg ens1f1np1/);
  });

  it("offers no leg of another bond", async () => {
    const console = await opened((control, desk) => bondScreen(control, desk, { firstLeg: "eno4" }));
    assert.doesNotMatch(console.text(), /Leg eno1/);
    assert.match(console.text(), /Leg eno3 +\[[ x]\] \w+ +UP 1G/);
  });
});

describe("a VLAN and a bridge", () => {
  it("of an id that there is not is refused at once", async () => {
    for (const id of ["", "0", "4095"]) {
      const console = await opened((control, desk) => vlanScreen(control, desk, "bond0"));
      if (id !== "") await console.keys(id);
      await console.keys("enter");
      assert.match(console.text(), /Give a number from 1 to 4094\./);
      assert.equal(operationsOf(console), undefined);
    }
  });

  it("are asked for by interface and id, or by interface and name", async () => {
    const vlan = await opened((control, desk) => vlanScreen(control, desk, "bond0"));
    await vlan.keys("200", "enter");
    assert.deepEqual(operationsOf(vlan), [{ do: "vlan", parent: "bond0", id: 200 }]);
    const bridge = await opened((control, desk) => bridgeScreen(control, desk, "eno3"));
    await bridge.keys("enter");
    assert.deepEqual(operationsOf(bridge), [{ do: "bridge", link: "br_eno3", port: "eno3" }]);
  });

  it("with a name that the kernel refuses says how long it may be", async () => {
    const console = await opened((control, desk) => bridgeScreen(control, desk, "enp129s0f0np0"));
    await console.keys("enter");
    assert.match(console.text(), /br_enp129s0f0np0 is longer than 15 characters/);
  });
});

describe("Rename NIC", () => {
  it("asks which, then the name, and shows what else changes before Y", async () => {
    const console = await opened(renameScreen);
    await console.keys("down", "down", "down", "enter", "lan0", "enter");
    assert.deepEqual(operationsOf(console), [{ do: "rename", link: "eno3", to: "lan0" }]);
    assert.equal(console.top().title, "network.plan.title");
    await console.keys("esc");
    assert.match(console.text(), /New name +lan0/);
  });

  it("refuses what can't be a name, and has nothing to do for the same one", async () => {
    const console = await opened(renameScreen);
    await console.keys("enter", "enter");
    assert.match(console.notice(), /nothing changes/);
    await console.keys("0lan", "enter");
    assert.match(console.text(), /A name is a letter/);
    assert.equal(operationsOf(console), undefined);
  });
});

describe("Set Management Network", () => {
  it("offers what can have an address, and asks for the change", async () => {
    const console = await opened(managementScreen);
    assert.doesNotMatch(console.text(), /eno1/);
    assert.match(console.text(), /takes a while/);
    await console.keys("down", "enter");
    assert.deepEqual(operationsOf(console), [{ do: "management", link: "eno3" }]);
    await console.keys("y");
    console.network.tell({ phase: "waiting", remainingMs: 30_000 });
    await console.keys("y", "enter");
    assert.equal(console.top().title, "network.management.title");
  });
});

describe("Host Name and Time", () => {
  it("sends what was changed and nothing else", async () => {
    const console = await opened(namesScreen);
    await console.keys("^u", "node-7", "tab", "tab", " 10.0.0.9", "enter");
    assert.deepEqual(operationsOf(console), [
      { do: "hostname", hostname: "node-7" },
      { do: "timeServers", servers: ["ntp1.example.com", "10.0.0.9"] },
    ]);
  });

  it("puts name servers into the settings of the management network's interface, by family", async () => {
    const console = await opened(namesScreen);
    await console.keys("tab", "^u", "10.0.0.2, fd00::2", "tab", "enter");
    const bridge = console.network.configuration.links.find(({ name }) => name === "br_bond0");
    assert.deepEqual(operationsOf(console), [
      {
        do: "address",
        link: "br_bond0",
        others: "stay",
        ipv4: { ...(bridge?.ipv4 ?? noIpv4), nameServers: ["10.0.0.2"] },
        ipv6: { ...noIpv6, nameServers: ["fd00::2"] },
      },
    ]);
  });

  it("refuses a host name that can't be one, and servers that can't be reached", async () => {
    const console = await opened(namesScreen);
    await console.keys("^u", "tab");
    assert.match(console.text(), /Give a host name, such as node-1\./);
    await console.keys("^u", "ns1.example.com", "tab", "^u", "not_a_name", "tab");
    assert.match(console.text(), /Name servers are addresses/);
    assert.match(console.text(), /not_a_name can't be a time server\./);
  });
});

describe("Earlier Configurations", () => {
  it("says when each was in force and what replaced it, and goes back to one in the way of any change", async () => {
    const console = await networkBed();
    console.network.history = savedConfigurations();
    await opened(earlierScreen, console);
    assert.match(console.text(), /2026-11-20 .*ttyS0 +eno3 address, host name/);
    assert.match(console.text(), /eno3 address: 172\.16\.0\.4\/24 -> 172\.16\.0\.5\/24\n +host name: node1 -> mgmt01/);
    await console.keys("down", "enter");
    assert.deepEqual(operationsOf(console), [{ do: "restore", id: "first" }]);
    assert.equal(console.top().title, "network.plan.title");
  });

  it("says that there are none yet", async () => {
    assert.match((await opened(earlierScreen)).text(), /has not been changed yet/);
  });
});

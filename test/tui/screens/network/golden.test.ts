import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import type { NetworkConfiguration } from "../../../../core/model/network/configuration.ts";
import { networkProblems } from "../../../../core/model/network/problems.ts";
import type { Language } from "../../../../core/model/records.ts";
import { addressScreen } from "../../../../tui/screens/network/address.ts";
import { bondScreen } from "../../../../tui/screens/network/bond.ts";
import { bridgeScreen } from "../../../../tui/screens/network/bridge.ts";
import { NetworkDesk } from "../../../../tui/screens/network/desk.ts";
import { earlierScreen } from "../../../../tui/screens/network/earlier.ts";
import { entriesScreen } from "../../../../tui/screens/network/entries.ts";
import { managementScreen } from "../../../../tui/screens/network/management.ts";
import { namesScreen } from "../../../../tui/screens/network/names.ts";
import { networksScreen } from "../../../../tui/screens/network/networks.ts";
import { problemsScreen } from "../../../../tui/screens/network/problems.ts";
import { renameScreen } from "../../../../tui/screens/network/rename.ts";
import { vlanScreen } from "../../../../tui/screens/network/vlan.ts";
import { displayWidth } from "../../../../tui/terminal/width.ts";
import { networkWithRoute, probes, savedConfigurations } from "../../../support/fake-network.ts";
import { root } from "../../../support/programs.ts";
import { type NetworkBed, networkBed } from "./bed.ts";

/*
 * The screens of the network at 80x24, kept as text below test/fixtures/golden.
 * UPDATE_GOLDEN=1 node --test test/tui/screens/network/golden.test.ts keeps them anew; read what it changed.
 */

const looks: readonly { profile: "rich" | "basic"; language: Language }[] = [
  { profile: "rich", language: "en" },
  { profile: "basic", language: "en" },
  { profile: "rich", language: "zh" },
];

describe("the screens of the network at 80x24", () => {
  for (const { profile, language } of looks)
    it(`are as they were kept, ${profile}, ${language}`, async () => {
      const console = await networkBed({ language, rich: profile === "rich" });
      const desk = new NetworkDesk(console.control);
      await desk.load();
      const shows = (screen: string) => matches(console, `network-${screen}.80x24.${profile}.${language}.txt`);
      const { control, network } = console;
      const home = () => control.goHome();

      control.open(networksScreen(control));
      await console.keys();
      shows("interfaces");
      await console.keys("down", "l");
      shows("blink");
      home();

      control.open(addressScreen(control, desk, "br_bond0"));
      await console.keys("tab", "tab", "tab");
      shows("address");
      await console.keys("tab", "up", "10.0.1.1", "tab");
      shows("address-refused");
      await console.keys("up", "^u", "10.0.0.254", "tab", "tab", "tab", "enter");
      shows("plan");
      await console.keys("y");
      network.tell({ phase: "probing", remainingMs: 58_000, probes: probes.slice(0, 1) });
      shows("probing");
      network.tell({ phase: "waiting", remainingMs: 52_000, probes });
      shows("waiting");
      console.know({ connection: { state: "lost", code: "AGENT.ABSENT", values: {} } });
      shows("agent-away");
      console.know({ connection: { state: "up" } });
      network.tell({ phase: "rolledBack", why: "timeout", remainingMs: null });
      shows("rolled-back");
      home();

      control.open(problemsScreen(control, wrongDraft(network.configuration)));
      shows("problems");
      home();

      control.open(bondScreen(control, desk, { firstLeg: "eno3" }));
      shows("bond");
      home();
      control.open(bondScreen(control, desk, { bond: "bond0" }));
      shows("legs");
      home();
      control.open(vlanScreen(control, desk, "bond0"));
      await console.keys("4095", "enter");
      shows("vlan-refused");
      home();
      control.open(bridgeScreen(control, desk, "ens1f0np0"));
      shows("bridge");
      home();
      control.open(renameScreen(control));
      await console.keys();
      shows("rename");
      await console.keys("enter");
      shows("rename-new");
      home();
      control.open(managementScreen(control));
      await console.keys();
      shows("management");
      home();
      control.open(await namesScreen(control));
      shows("names");
      home();
      network.configuration = networkWithRoute();
      network.plan = "reckoned";
      const withRoute = new NetworkDesk(control);
      await withRoute.load();
      control.open(addressScreen(control, withRoute, "eno3"));
      shows("address-more");
      home();
      control.open(entriesScreen(control, withRoute, "eno3"));
      shows("routes");
      await console.keys("r", "10.8.1.0/16", "tab");
      shows("route-refused");
      await console.keys("up", "^u", "10.8.0.0/16", "enter", "172.16.9.1", "enter", "enter", "up", "d");
      shows("routes-draft");
      await console.keys("s");
      shows("routes-plan");
      home();
      network.history = savedConfigurations();
      control.open(earlierScreen(control));
      await console.keys();
      shows("earlier");
    });
});

/** What may be cut at its end or beginning: a text being typed, a port's name, the words behind a mode, which its hint has. */
const mayBeCut = /hash_policy|Ethernet|sw-stor|< \d [\w.-]+ {2}|^ Binnacle/;

/** The smallest console has everything too: no line is cut, and the keys that help and lead out are named. */
function fitsTheSmallest(console: NetworkBed, name: string): void {
  const [width, height] = [60, 20];
  const lines = console.lines(console.top(), width, height);
  for (const line of lines) {
    assert.ok(displayWidth(line) <= width, `${name}: ${line}`);
    // What ends in dots of its own goes on: a phase, a hint.
    const isCut = /[…~]/.test(line.replace(/ ?(…|\.\.\.)$/, "")) || /\S…$/.test(line);
    assert.ok(!isCut || mayBeCut.test(line), `${name} is cut at 60x20: ${line}`);
  }
  assert.match(lines.at(-1) ?? "", /F1 \S+ {2}Esc \S+/, name);
}

/** What is wrong when the storage network's interface gets an address of the management network, and jumbo frames. */
function wrongDraft(configuration: NetworkConfiguration) {
  return networkProblems(
    {
      ...configuration,
      links: configuration.links.map((link) =>
        link.name === "eno3"
          ? { ...link, ipv4: { ...link.ipv4, addresses: [{ address: "10.0.0.5", prefix: 24 }], gateway: "10.0.1.1" } }
          : link.name === "bond0.100"
            ? { ...link, mtu: 9000 }
            : link,
      ),
    },
    null,
  );
}

function matches(console: NetworkBed, name: string): void {
  const lines = console.lines(console.top());
  for (const line of lines) assert.ok(displayWidth(line) <= 80, `${name}: ${line}`);
  fitsTheSmallest(console, name);
  const file = join(root, "test/fixtures/golden/bonded-server", name);
  const text = `${lines.join("\n")}\n`;
  if (process.env["UPDATE_GOLDEN"] === "1") {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    return;
  }
  assert.ok(existsSync(file), `There is no ${file}. UPDATE_GOLDEN=1 makes it; read it before you keep it.`);
  assert.equal(text, readFileSync(file, "utf8"), name);
}

import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { ensureBuilt } from "../../scripts/dev/build.ts";
import { emulator, root, skipFor, whyNot } from "../support/bed-needs.ts";
import { networkDrives } from "../support/configuration/network-drives.ts";
import { fetchProgram, nodeDrives } from "../support/configuration/node-drives.ts";
import {
  type Drive,
  fields,
  type Node,
  openFromAnywhere,
  type Place,
  type Role,
  roles,
  secondCard,
  selectRow,
  settled,
  submit,
  toConfiguration,
} from "../support/configuration/place.ts";
import { watchDrives } from "../support/configuration/watch-drives.ts";
import {
  type ConfigurationItem,
  type Console,
  configurationItems,
  isHome,
  untilHome,
  untilTitle,
} from "../support/steps.ts";
import { fakeManagerFiles, roleProgram, storeProgram } from "../support/vm/fake-manager.ts";
import { guestPassword, NetworkGuest } from "../support/vm/network-guest.ts";
import { screenSeat, serialSeat } from "../support/vm/seats.ts";

/*
 * Every entry of System Configuration, driven as a technician does it, by keys at a real node's screen and at a serial
 * line of 9,600 baud, for each role. What it has done is looked at by other means than the product's own.
 */

const why = await whyNot([emulator, root]);
const roleNames = { compute: "Compute Node", storage: "Storage Node", management: "Management Node" } as const;
const baud = 9600;

const drives: Readonly<Record<ConfigurationItem, Drive>> = { ...networkDrives, ...nodeDrives, ...watchDrives };

/** Entries that only a management node has. */
const ofManagement: readonly ConfigurationItem[] = ["consoleProxy", "backup", "service", "reset", "resetDrop"];

function itemsOf(role: Role): ConfigurationItem[] {
  const all = Object.keys(configurationItems) as ConfigurationItem[];
  return all.filter((item) => role === "management" || !ofManagement.includes(item));
}

/** Walks the list and tells each line's label. */
async function walkedList(seat: Console): Promise<string[]> {
  const labels = new Set<string>();
  for (;;) {
    const lines = await settled(seat);
    for (const line of lines) labels.add(line.replace(/^ *>? */, "").split(/ {2,}/)[0] ?? "");
    if (!lines.some((line) => /(^|\s)(▼|v) \d/.test(line))) break;
    seat.press("pagedown");
  }
  return Object.values(configurationItems).filter((label) => labels.has(label));
}

describe("System Configuration on a real node", { skip: skipFor(why) }, () => {
  let folder: string;
  let node: Node;
  let places: readonly Place[] = [];

  before(async () => {
    assert.equal(why, undefined);
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "binnacle-configuration-"));
    await ensureBuilt();
    const guest = NetworkGuest.make(folder, "consoles", {
      ...fakeManagerFiles(folder),
      "root/role": roleProgram,
      "root/store.mjs": storeProgram,
      "root/fetch.mjs": fetchProgram,
      "etc/hosts": "127.0.0.1 localhost\n",
    });
    node = { guest, role: "compute", password: guestPassword };
    await guest.powerOn();
    places = [
      { seat: screenSeat(guest.vm), name: "tty1", node },
      { seat: serialSeat(guest.vm.serial), name: "ttyS0", node },
    ];
    for (const { seat } of places) await untilHome(seat);
    guest.vm.serial.pace(baud);
  });
  after(async () => {
    await node?.guest.stop();
    if (folder !== undefined) fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });
  const placeOf = (name: string): Place => {
    const found = places.find((place) => place.name === name);
    if (found === undefined) throw new Error("The guest did not start.");
    return found;
  };

  for (const role of roles)
    describe(`of a ${role} node`, () => {
      before(async () => {
        const { guest } = node;
        node.role = role;
        const text = JSON.stringify({ role, managementLink: "eno1" });
        await guest.run(`echo '${text}' | tee /etc/binnacle/node.json >/root/node.json`);
        await guest.reset();
        // All sessions end with the agent, and both consoles go home.
        await guest.run("hostnamectl set-hostname node01; systemctl stop binnacle-agent");
        for (const { seat } of places) await seat.until("The agent is not running");
        await guest.run("systemctl start binnacle-agent");
        await guest.waitForAgent();
        for (const { seat } of places)
          await seat.until((text) => isHome(text) && text.includes(roleNames[role]) && !/agent/.test(text));
      });
      for (const name of ["tty1", "ttyS0"] as const)
        describe(name === "tty1" ? "at its screen and keyboard" : `at a serial line of ${baud} baud`, () => {
          beforeEach(() => toConfiguration(placeOf(name)));
          it("lists the entries of its role, and no others", async () => {
            const labels = itemsOf(role).map((item) => configurationItems[item]);
            assert.deepEqual(await walkedList(placeOf(name).seat), labels);
          });
          for (const item of itemsOf(role)) it(configurationItems[item], () => drives[item](placeOf(name)));
        });
    });

  it("shows a change that the screen begins on the serial line, which can't begin its own until it ends", async (t) => {
    const [screen, line] = [placeOf("tty1"), placeOf("ttyS0")];
    const link = await secondCard(node);
    await openFromAnywhere(line, "networks");
    await openFromAnywhere(screen, "networks");
    await selectRow(screen.seat, link);
    screen.seat.press("enter");
    await untilTitle(screen.seat, "Interface");
    await screen.seat.until("fixed address");
    screen.seat.type(`\t${fields("10.5.0.12", "255.255.255.0", "-")}`);
    submit(screen.seat, 3);
    await untilTitle(screen.seat, "What changes");
    screen.seat.type("y");
    await untilTitle(screen.seat, "Network Change");
    const begun = performance.now();
    await line.seat.until("tty1 changes the network");
    t.diagnostic(
      `seen on the serial line ${((performance.now() - begun) / 1000).toFixed(1)} s after it was on the screen`,
    );
    line.seat.press("enter");
    await untilTitle(line.seat, "Network Change");
    await line.seat.until("one change at a time");
    line.seat.type("n");
    await screen.seat.until("The old network is in force again, as it was asked for.");
    await line.seat.until("The old network is in force again, as it was asked for.");
    assert.ok(!(await node.guest.run(`ip addr show dev ${link}`)).includes("10.5.0.12"));
  });
});

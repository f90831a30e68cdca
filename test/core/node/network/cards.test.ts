import assert from "node:assert/strict";
import { it } from "node:test";
import { fixtureMachine, recording } from "../../../../core/node/fixture.ts";
import { readCards } from "../../../../core/node/network/cards.ts";
import type { Present } from "../../../../core/node/network/present.ts";
import { aLink } from "./probes/samples.ts";

const mac = "52:54:00:00:00:01";
const present: Pick<Present, "network" | "hardware"> = {
  network: { links: [aLink("eno1", { mac }), aLink("bond0", { mac, bond: {} })], gateways: [], nameServers: [] },
  hardware: { links: [{ name: "eno1", mac, speedMbps: null, carrier: true, maxMtu: null }], otherNames: [] },
};

const path = "udevadm info --query=property --property=ID_PATH --value --path=/sys/class/net/eno1";
const told = (text: string) => ({ "ethtool -P eno1": { stdout: `Permanent address: ${text}\n` } });

const answers: [what: string, commands: object, permanentMac: string | null, path: string | null][] = [
  [
    "its own MAC address and its place",
    { ...told(mac), [path]: { stdout: "pci-0000:03:00.0\n" } },
    mac,
    "pci-0000:03:00.0",
  ],
  ["the MAC address that it had before another one was set", told("00:00:5E:00:53:01"), "00:00:5e:00:53:01", null],
  ["no MAC address where it has none", told("not set"), null, null],
  ["no MAC address where ethtool shows zeros", told("00:00:00:00:00:00"), null, null],
  ["the present MAC address where nobody can be asked", {}, mac, null],
  ["no place where udev has none", { ...told(mac), [path]: { code: 1 } }, mac, null],
];
for (const [what, commands, permanentMac, place] of answers)
  it(`a card is known by ${what}`, async () => {
    const machine = fixtureMachine(recording.parse({ now: 0, files: {}, commands }));
    const cards = await readCards(machine, present, new AbortController().signal);
    assert.deepEqual(cards, [{ name: "eno1", mac, permanentMac, path: place, driver: null }]);
  });

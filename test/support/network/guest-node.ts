import { setTimeout as pause } from "node:timers/promises";
import { NodeError } from "../../../core/model/error.ts";
import type { NetworkGuest } from "../vm/network-guest.ts";
import type { CampaignNode } from "./campaign.ts";
import { takenAddress } from "./random-change.ts";

/** The guest in a campaign: with bonds, VLANs, udev, systemd, and power cuts of a whole machine. */
export async function guestNode(guest: NetworkGuest): Promise<CampaignNode> {
  const take = () => guest.onSwitch(`ip addr replace ${takenAddress}/24 dev mgmt`);
  await take();
  return {
    bed: "guest",
    operations: [
      "address",
      "gateway",
      "mtu",
      "bridge",
      "rename",
      "second card",
      "bond",
      "vlan",
      "management bond",
      "wrong gateway",
      "taken address",
    ],
    cards: { first: "eno1", second: "p7p1" },
    changeMs: 12_000,
    client: () => guest.client(),
    answers: (address) => guest.answers(address),
    links: async () => (await guest.run("ls /sys/class/net")).split("\n"),
    async killAgent() {
      await guest.run("systemctl kill --signal KILL binnacle-agent");
    },
    async startAgent() {
      await guest.waitForAgent();
      await answers(guest);
    },
    async powerCut() {
      await guest.powerCut();
      await guest.powerOn();
      await take();
    },
    setCable: (isIn) => guest.setCable("eno1", isIn),
    async killManager() {
      await guest.run("systemctl kill --signal KILL NetworkManager");
    },
    async stopManager() {
      await guest.run("systemctl stop NetworkManager");
    },
    async hangManager() {
      await guest.run("systemctl kill --signal STOP NetworkManager");
    },
    async startManager() {
      await guest.run("systemctl kill --signal CONT NetworkManager; systemctl start NetworkManager");
    },
    async fillDisk() {
      await guest.try(
        "fallocate --length $(stat --file-system --format '%f*%S' / | sh -c 'echo $(($(cat)))') /var/filler",
      );
      await guest.try("cat /dev/zero >>/var/filler2");
    },
    async freeDisk() {
      await guest.run("rm -f /var/filler /var/filler2");
    },
    evidence: () => guest.evidence(),
  };
}

/** The agent opens its socket before it can answer. */
async function answers(guest: NetworkGuest): Promise<void> {
  const until = performance.now() + 60_000;
  for (;;) {
    try {
      await guest.client().call("network", {});
      return;
    } catch (error) {
      if (!(error instanceof NodeError) || performance.now() > until) throw error;
    }
    await pause(200);
  }
}

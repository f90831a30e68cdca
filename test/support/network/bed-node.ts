import { setTimeout as pause } from "node:timers/promises";
import type { Client } from "../../../core/api/client.ts";
import type { NetworkBed } from "./bed.ts";
import type { CampaignNode } from "./campaign.ts";
import { takenAddress } from "./random-change.ts";

/** The node of namespaces in a campaign. It has neither bonds nor VLANs; its power cut ends all of its processes. */
export async function bedNode(bed: NetworkBed): Promise<CampaignNode> {
  bed.partner("ip", ["addr", "add", `${takenAddress}/24`, "dev", "sw0"]);
  let client: Client | undefined = await bed.startAgent();
  const startAgent = async () => {
    client?.close();
    client = await bed.startAgent();
  };
  return {
    bed: "namespaces",
    operations: ["address", "gateway", "mtu", "bridge", "rename", "second card", "wrong gateway", "taken address"],
    cards: { first: "eth0", second: "eth1" },
    changeMs: 1_500,
    client: () => {
      if (client === undefined) throw new Error("The agent does not run.");
      return client;
    },
    answers: async (address) => bed.answers(address),
    links: async () => bed.run("ls", ["/sys/class/net"]).stdout.trim().split("\n"),
    killAgent: () => bed.killAgent(),
    startAgent: async () => {
      if (!bed.agentRuns) await startAgent();
    },
    async powerCut() {
      await bed.powerCut();
      await bed.powerOn();
      await startAgent();
    },
    setCable: async (isIn) => bed.setCable(0, isIn),
    async killManager() {
      bed.run("pkill", ["-KILL", "-x", "NetworkManager"]);
      // As long as systemd waits.
      await pause(100);
      bed.startManager();
    },
    async stopManager() {
      bed.run("pkill", ["-TERM", "-x", "NetworkManager"]);
    },
    async hangManager() {
      bed.run("pkill", ["-STOP", "-x", "NetworkManager"]);
    },
    startManager: async () => bed.startManager(),
    fillDisk: async () => bed.fillDisk(),
    freeDisk: async () => bed.freeDisk(),
    evidence: async () =>
      [
        bed.run("ip", ["addr"]).stdout,
        bed.run("nmcli", ["device"]).stdout,
        bed.run("sh", ["-c", "ls -l /run/NetworkManager/system-connections /etc/NetworkManager/system-connections"])
          .stdout,
        bed.run("tail", ["-n", "5", "/var/log/agent.log"]).stdout,
      ].join("\n"),
  };
}

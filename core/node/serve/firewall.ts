import { NodeError } from "../../model/error.ts";
import type { Effects } from "../effects.ts";

/**
 * Ports that are open for a while: iso/overlay/etc/nftables.conf. The kernel itself takes an element out when its time
 * is over, whatever became of the agent.
 */
const table = "inet binnacle";
const set = `${table} served`;
const addSet = `add set ${set} { type inet_service; flags timeout; }; add rule ${table} input tcp dport @served accept`;
const timeoutMs = 10_000;
const limits = { timeoutMs, reason: "addresses of archives" };

export type Firewall = {
  /**
   * Opens a TCP port for so long, or for longer when it is open already. `none`: this machine has no firewall of ours.
   * `closed`: it could not be opened.
   */
  open(port: number, seconds: number): Promise<"open" | "none" | "closed">;
  close(port: number): Promise<void>;
  /** Closes whatever a former agent opened. */
  closeAll(): Promise<void>;
};

export function firewallOf(change: Effects["change"]): Firewall {
  const nft = async (command: string, isOpening = false): Promise<"open" | "none" | "closed"> => {
    try {
      const { code, stderr } = await change("nft", [command], limits);
      if (code === 0) return "open";
      if (!/No such file or directory|does not exist/i.test(stderr)) return "closed";
      // Another machine's firewall, or none at all: not ours to open.
      if ((await change("nft", [`list table ${table}`], limits)).code !== 0) return "none";
      // Ours, loaded from a file of a former version.
      if (!isOpening) return "closed";
      return (await change("nft", [`${addSet}; ${command}`], limits)).code === 0 ? "open" : "closed";
    } catch (error) {
      return error instanceof NodeError && error.code === "RUN.NOT_FOUND" ? "none" : "closed";
    }
  };
  return {
    open: (port, seconds) =>
      nft(`${without(port)}; add element ${set} { ${port} timeout ${Math.ceil(seconds)}s }`, true),
    async close(port) {
      await nft(without(port));
    },
    async closeAll() {
      await nft(`flush set ${set}`);
    },
  };
}

/**
 * Takes an element out, whether it is there or not; with what follows it is one transaction. `add` alone would leave
 * the time of one that is there as it was, and `delete` fails without one.
 */
function without(port: number): string {
  return `add element ${set} { ${port} timeout 1s }; delete element ${set} { ${port} }`;
}

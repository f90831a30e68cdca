import type { Client } from "../../core/api/client.ts";
import { NodeError } from "../../core/model/error.ts";
import { hasEnded, type NetworkTransaction } from "../../core/model/network/transaction.ts";
import { underWayText } from "./wording.ts";

/* Errors of the agent, as the person at a command needs them. */

const remedies: Readonly<Record<string, string>> = {
  "AGENT.ABSENT": "See: systemctl status binnacle-agent",
  "AGENT.TIMEOUT": "See: systemctl status binnacle-agent",
  "AGENT.NONSENSE": "Agent and command may be of different releases: systemctl restart binnacle-agent",
};

export function forCommand(error: unknown): unknown {
  if (!(error instanceof NodeError)) return error;
  if (error.code === "AGENT.DENIED")
    return new NodeError("NET.NOT_ROOT", "Only root may see and change the network of this node.", {
      remedy: "Run it with sudo.",
    });
  const remedy = remedies[error.code];
  return remedy === undefined
    ? error
    : new NodeError(error.code, error.message, { remedy, values: error.values, cause: error });
}

/** @throws NodeError NET.BUSY: while somebody's change is under way, there is no other one */
export function requireIdle(transaction: NetworkTransaction | null): void {
  if (transaction === null || hasEnded(transaction)) return;
  const remedy = "Try again when it has ended: zs-show-network tells, and so does the console.";
  const { id, console, phase } = transaction;
  throw new NodeError("NET.BUSY", `The network is being changed: ${underWayText(transaction, Date.now())}.`, {
    remedy,
    values: { id, console, phase },
  });
}

/** The agent said that it is busy: says with what, when it still tells. */
export async function explainBusy(client: Client, error: unknown): Promise<unknown> {
  if (!(error instanceof NodeError) || error.code !== "NET.BUSY") return error;
  try {
    requireIdle((await client.call("network", {})).transaction);
    return error;
  } catch (better) {
    return better instanceof NodeError && better.code === "NET.BUSY" ? better : error;
  }
}

import { NodeError } from "../../../model/error.ts";
import type { ProbeResult } from "../../../model/network/transaction.ts";
import { probeLinks } from "./links.ts";
import { type ProbeContext, probed } from "./probe.ts";
import { probeReach } from "./reach.ts";

/** Everything that is asked about a network that was just changed. A probe that can't be run is skipped, and says why. */
export async function probeNetwork(context: ProbeContext): Promise<ProbeResult[]> {
  const links = await probeLinks(context);
  try {
    return [...links, ...(await probeReach(context))];
  } catch (error) {
    if (!(error instanceof NodeError)) throw error;
    return [...links, probed("gateway", "", "skipped", "PROBE.UNABLE", error.message)];
  }
}

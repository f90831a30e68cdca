import type { ProbeResult } from "../../../model/network/transaction.ts";
import { probeLinks } from "./links.ts";
import type { ProbeContext } from "./probe.ts";
import { probeReach } from "./reach.ts";

/** Everything that is asked about a network that was just changed. */
export async function probeNetwork(context: ProbeContext): Promise<ProbeResult[]> {
  return [...probeLinks(context), ...(await probeReach(context))];
}

import type { Millis } from "../reading.ts";
import type { EndReason, KeepMode, ProbeResult } from "./transaction.ts";

/** What is known of a change that is in force and not kept yet. */
export type Pending = {
  keep: KeepMode;
  /** When it is taken back, on the clock that `now` is of. */
  deadline: Millis;
  /** The outcome of the newest round of probes; null while the first one runs. */
  probes: readonly ProbeResult[] | null;
  /** What a person has asked for meanwhile. */
  asked: "keep" | "rollBack" | null;
};

export type Decision = { do: "wait" } | { do: "commit" | "rollBack"; why: EndReason };

/**
 * Whether a change that is in force is kept, taken back, or goes on waiting. A probe may fail at first, for a switch's
 * port may forward nothing for half a minute after its link came up: only the end of the countdown makes it final.
 */
export function decide({ keep, deadline, probes, asked }: Pending, now: Millis): Decision {
  if (asked === "rollBack") return { do: "rollBack", why: "asked" };
  if (asked === "keep") return { do: "commit", why: "confirmed" };
  if (keep === "always") return { do: "commit", why: "unattended" };
  const hasFailed = probes?.some(({ outcome }) => outcome === "failed") ?? false;
  if (keep === "probes" && probes !== null && !hasFailed) return { do: "commit", why: "probesPassed" };
  if (now < deadline) return { do: "wait" };
  return { do: "rollBack", why: keep === "probes" ? "probeFailed" : "timeout" };
}

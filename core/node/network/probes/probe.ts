import type { FactValue, Link } from "../../../model/facts.ts";
import type { NetworkConfiguration } from "../../../model/network/configuration.ts";
import type { ProbeKind, ProbeResult } from "../../../model/network/transaction.ts";
import type { Resolver } from "../../diagnostics/resolver.ts";
import type { Machine } from "../../machine.ts";

/** What probes look at: the configuration that was applied, and the machine as it is now. */
export type ProbeContext = {
  machine: Machine;
  resolver: Resolver;
  configuration: NetworkConfiguration;
  /** Links whose working the change may have touched. */
  touched: readonly string[];
  /** The link of the management network as it is now. */
  management: string | undefined;
  /** Where a manager listens, as far as the node knows one. */
  managerAddress: { host: string; port: number } | null;
  network: FactValue<"network">;
  /** What did not answer before the change either: {@link questionOf} of each. */
  deafBefore: ReadonlySet<string>;
  /** Addresses that nobody else had just before the change. */
  free: ReadonlySet<string>;
  signal: AbortSignal;
};

type Outcome = ProbeResult["outcome"];

export function probed(
  kind: ProbeKind,
  link: string,
  outcome: Outcome,
  code: string,
  description: string,
  values: ProbeResult["values"] = {},
): ProbeResult {
  return { kind, link, outcome, code, description, values };
}

/** Names who was asked what, so that a silence can be compared with one of before. */
export function questionOf({ kind, values }: Pick<ProbeResult, "kind" | "values">): string {
  return `${kind} ${values["target"] ?? ""}`;
}

/** A silence that was there before the change is no reason to take the change back. */
export function comparedWithBefore(context: ProbeContext, result: ProbeResult): ProbeResult {
  if (result.outcome !== "failed" || !context.deafBefore.has(questionOf(result))) return result;
  const description = `${result.description} It did not before the change either.`;
  return { ...result, outcome: "warning", description, values: { ...result.values, before: "silent" } };
}

export function linkNow({ network }: ProbeContext, name: string): Link | undefined {
  return network.links.find((link) => link.name === name);
}

/** A failure of the management link takes a change back; of another one it is told, for its cable may come later. */
export function unlessManagement(context: ProbeContext, link: string): "failed" | "warning" {
  return link === context.management ? "failed" : "warning";
}

import * as z from "zod/mini";
import { networkConfiguration } from "./configuration.ts";

/* How a change of the network goes on: validated, shown, applied, probed, and kept or taken back. */

/** What is wrong with a draft. `field` is its path, as `links.bond0.ipv4.gateway`; a warning lets it go on. */
export const networkProblem = z.object({
  code: z.string(),
  field: z.string(),
  severity: z.enum(["error", "warning"]),
  description: z.string(),
  remedy: z.string(),
  values: z.record(z.string(), z.union([z.string(), z.number()])),
});
export type NetworkProblem = z.infer<typeof networkProblem>;

/** One thing that a draft changes. `null` on one side: it was not there, or is not there any more. */
export const networkChange = z.object({
  /** What it belongs to: an interface, or "" for the node. */
  link: z.string(),
  what: z.enum([
    "link",
    "name",
    "address",
    "address6",
    "method",
    "method6",
    "gateway",
    "gateway6",
    "route",
    "nameServers",
    "mtu",
    "mode",
    "option",
    "leg",
    "port",
    "parent",
    "stp",
    "hostname",
    "timeServers",
    "managementLink",
  ]),
  /** Which of several, as the name of an option; "" where there is one only. */
  key: z.string(),
  before: z.nullable(z.string()),
  after: z.nullable(z.string()),
});
export type NetworkChange = z.infer<typeof networkChange>;

/** What a change interrupts or ends. `detail` is data: an address, a mount, a count. */
export const cutOff = z.object({
  what: z.enum(["managementAddress", "managementLink", "session", "migration", "storage", "virtualMachines"]),
  detail: z.string(),
});
export type CutOff = z.infer<typeof cutOff>;

/** A change as it would be: nothing of it has happened yet. */
export const networkPlan = z.object({
  problems: z.array(networkProblem),
  changes: z.array(networkChange),
  cutsOff: z.array(cutOff),
  configuration: networkConfiguration,
});
export type NetworkPlan = z.infer<typeof networkPlan>;

export const probeKinds = [
  "carrier",
  "speed",
  "lacp",
  "address",
  "duplicate",
  "dhcp",
  "gateway",
  "manager",
  "dns",
  "pathMtu",
  "time",
] as const;
export type ProbeKind = (typeof probeKinds)[number];

/**
 * The outcome of one probe. `failed` keeps a change from being kept by itself; `warning` is told. The English sentence
 * is for commands and logs; a console has its own by `code` and `values`.
 */
export const probeResult = z.object({
  kind: z.enum(probeKinds),
  /** The interface that it is about; "" for the node. */
  link: z.string(),
  outcome: z.enum(["passed", "warning", "failed", "skipped"]),
  code: z.string(),
  description: z.string(),
  values: z.record(z.string(), z.union([z.string(), z.number()])),
});
export type ProbeResult = z.infer<typeof probeResult>;

/**
 * Where a change is. `waiting`: it is in force, and is taken back when nobody keeps it in time. The last three are
 * ends.
 */
export const transactionPhases = [
  "saving",
  "applying",
  "probing",
  "waiting",
  "committing",
  "rollingBack",
  "committed",
  "rolledBack",
  "failed",
] as const;
export type TransactionPhase = (typeof transactionPhases)[number];

export const transactionEnds = ["committed", "rolledBack", "failed"] as const satisfies readonly TransactionPhase[];

/** Why a change was kept or taken back. */
export const endReasons = [
  "confirmed",
  "probesPassed",
  "unattended",
  "asked",
  "timeout",
  "probeFailed",
  "applyFailed",
  "commitFailed",
  "agentRestarted",
  "machineRestarted",
] as const;
export type EndReason = (typeof endReasons)[number];

export const networkTransaction = z.object({
  id: z.string(),
  /** The console or command that asked for it. */
  console: z.string(),
  phase: z.enum(transactionPhases),
  startedAt: z.number(),
  endedAt: z.nullable(z.number()),
  /** Milliseconds until it is taken back, when this was told; null: it isn't, or not any more. */
  remainingMs: z.nullable(z.number()),
  changes: z.array(networkChange),
  probes: z.array(probeResult),
  why: z.nullable(z.enum(endReasons)),
  /** What went wrong, in a sentence. */
  error: z.nullable(z.object({ code: z.string(), description: z.string() })),
});
export type NetworkTransaction = z.infer<typeof networkTransaction>;

export function hasEnded({ phase }: Pick<NetworkTransaction, "phase">): boolean {
  return transactionEnds.some((end) => end === phase);
}

/** How a change is kept. */
export const keepModes = [
  /** By a person, before the countdown ends. */
  "confirm",
  /** By itself when no probe failed; otherwise it is taken back at once. */
  "probes",
  /** Whatever the probes say: never taken back once it could be applied. */
  "always",
] as const;
export type KeepMode = (typeof keepModes)[number];

/** One of the last good configurations. */
export const savedConfiguration = z.object({
  id: z.string(),
  /** When it stopped being in force. */
  at: z.number(),
  console: z.string(),
  /** What the change that replaced it was about, in short. */
  changes: z.array(networkChange),
  configuration: networkConfiguration,
  /** MAC addresses of the cards by the names that they had. */
  cards: z.optional(z.record(z.string(), z.string())),
});
export type SavedConfiguration = z.infer<typeof savedConfiguration>;

/** Seconds that a change waits for somebody who keeps it. Source: the network specification, "Transactions". */
export const countdown = { defaultSeconds: 60, leastSeconds: 10, mostSeconds: 600 } as const;
/** Last good configurations that are kept. Source: the same. */
export const keptConfigurations = 10;

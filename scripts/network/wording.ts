import type { CutOff, EndReason, NetworkChange, NetworkTransaction } from "../../core/model/network/transaction.ts";

/* The sentences of the commands about changes of the network. */

const names: Partial<Record<NetworkChange["what"], string>> = {
  address: "IPv4 address",
  address6: "IPv6 address",
  method: "IPv4 method",
  method6: "IPv6 method",
  gateway: "IPv4 gateway",
  gateway6: "IPv6 gateway",
  nameServers: "name servers",
  mtu: "MTU",
  stp: "spanning tree",
  hostname: "host name",
  timeServers: "time servers",
  managementLink: "management interface",
};

/** One line for one change, old beside new: `bond0: IPv4 address: none -> 10.0.0.2/24`. */
export function changeLine({ link, what, key, before, after }: NetworkChange): string {
  const subject = link === "" ? "" : `${link}: `;
  const name = [names[what] ?? what, key].filter((part) => part !== "").join(" ");
  if (what === "link") return `${subject}${after === null ? `deleted (${before})` : `new ${after}`}`;
  if (what === "name") return `${subject}renamed from ${before} to ${after}`;
  if (what === "leg" || what === "port")
    return `${subject}${what} ${after ?? before ?? key} ${after === null ? "removed" : "added"}`;
  return `${subject}${name}: ${before ?? "none"} -> ${after ?? "none"}`;
}

const cutOffs: Record<CutOff["what"], (detail: string) => string> = {
  managementAddress: (detail) => `the management address ${detail}`,
  managementLink: (detail) => `the management interface ${detail}`,
  session: (detail) => `the session from ${detail}`,
  migration: (detail) => `the migration of ${detail}`,
  storage: (detail) => `the storage ${detail}`,
  virtualMachines: (detail) => `virtual machines: ${detail}`,
};

/** What a change interrupts, to stand behind "It cuts off". */
export function cutOffText({ what, detail }: CutOff): string {
  return cutOffs[what](detail);
}

/** Why a change ended as it did, to stand behind "The new network is kept" or "The change was taken back". */
const reasons: Record<EndReason, string> = {
  confirmed: "as asked",
  probesPassed: "its probes passed",
  unattended: "whatever its probes say",
  asked: "as asked",
  timeout: "nobody kept it in time",
  probeFailed: "a probe failed",
  applyFailed: "it could not be put in force",
  commitFailed: "it could not be saved",
  agentRestarted: "the agent was started anew",
  machineRestarted: "the node was restarted",
};

export function endLine({ phase, why }: Pick<NetworkTransaction, "phase" | "why">): string {
  const reason = why === null ? "" : `: ${reasons[why]}`;
  if (phase === "committed") return `The new network is kept${reason}.`;
  if (phase === "rolledBack") return `The change was taken back${reason}. The old network is in force again.`;
  return `The change failed${reason}, and the old network could not be put in force again. See: zs-show-network`;
}

/** What happens without the command, when it ends before the change has. */
export function leavingLine({ phase, remainingMs }: NetworkTransaction): string {
  const watch = "See: zs-show-network";
  if (phase === "rollingBack") return `The old network is being put in force again. ${watch}`;
  if (phase === "committing") return `The new network is being saved. ${watch}`;
  if (remainingMs === null)
    return `The agent goes on with the change: it keeps the new network, or takes it back when a probe fails. ${watch}`;
  return `Unless somebody keeps the new network, it is taken back in ${seconds(remainingMs)} s. ${watch}`;
}

/** Somebody's change that is under way: `a change by tty1, begun 12 s ago; it waits to be kept, 43 s left`. */
export function underWayText(transaction: NetworkTransaction, now: number): string {
  const { console, phase, startedAt, remainingMs } = transaction;
  const left = remainingMs === null ? "" : `, ${seconds(remainingMs)} s left`;
  return `a change by ${console}, begun ${seconds(Math.max(0, now - startedAt))} s ago; ${states[phase]}${left}`;
}

/** What the agent is at, for a person who waits at a terminal; undefined for what needs no line of its own. */
export function progressLine(phase: NetworkTransaction["phase"]): string | undefined {
  if (phase !== "applying" && phase !== "probing" && phase !== "rollingBack") return;
  const [first = "", ...more] = states[phase];
  return `${first.toUpperCase()}${more.join("")} ...`;
}

const states: Record<NetworkTransaction["phase"], string> = {
  saving: "the present network is being saved",
  applying: "the new network is being put in force",
  probing: "the new network is being probed",
  waiting: "it waits to be kept",
  committing: "the new network is being saved",
  rollingBack: "the change is being taken back",
  committed: "it is kept",
  rolledBack: "it was taken back",
  failed: "it failed",
};

/** Whole seconds, the started one included. */
export function seconds(ms: number): number {
  return Math.max(0, Math.ceil(ms / 1000));
}

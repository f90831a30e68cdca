import * as z from "zod/mini";
import { shown } from "../quote.ts";
import { agentAddress, bytes, count, record, say, tags, uuid } from "./fields.ts";
import { done, type Outcome, type Refusal, refusalOf, refuse } from "./refusal.ts";
import { connectionMachine, nextState, type StateMachine } from "./state-machine.ts";

/*
 * State is the administrator's wish; status is the command channel. They do not depend on each other.
 * Source: ../shared/spec/cloud.md, "Host: state and status".
 */

export const hostStates = ["Enabled", "Disabled", "PreMaintenance", "Maintenance"] as const;
export type HostState = (typeof hostStates)[number];
type HostEvent = "enable" | "disable" | "preMaintain" | "maintained" | "restoreEnabled" | "restoreDisabled";

/** What an administrator may ask for (`stateEvent` of ChangeHostState). */
export const hostStateEvents = ["enable", "disable", "preMaintain"] as const satisfies readonly HostEvent[];

export const hostStateMachine = {
  resource: "Host",
  attribute: "state",
  code: "HOST.1001",
  initial: "Enabled",
  states: {
    Enabled: "Takes new virtual machines.",
    Disabled: "Takes no new virtual machines; those that run go on.",
    PreMaintenance: "Its virtual machines are being moved away or stopped.",
    Maintenance: "Nothing runs on it; it may be switched off, repaired or deleted.",
  },
  events: {
    enable: "An administrator puts it into use.",
    disable: "An administrator keeps new virtual machines off it.",
    preMaintain: "An administrator wants it free of virtual machines.",
    maintained: "All virtual machines are moved or stopped, or errors are ignored (maintenanceMode.ignoreError).",
    restoreEnabled: "Moving or stopping failed on a host that was Enabled before.",
    restoreDisabled: "Moving or stopping failed on a host that was Disabled before.",
  },
  table: {
    Enabled: { disable: "Disabled", preMaintain: "PreMaintenance" },
    Disabled: { enable: "Enabled", preMaintain: "PreMaintenance" },
    PreMaintenance: { maintained: "Maintenance", restoreEnabled: "Enabled", restoreDisabled: "Disabled" },
    Maintenance: { enable: "Enabled", disable: "Disabled" },
  },
} as const satisfies StateMachine<HostState, HostEvent>;

export const hostStatusMachine = connectionMachine("Host", "HOST.1002", {
  connected: "Its agent answers and takes commands.",
  lost: "Its agent does not answer; its virtual machines are Unknown.",
});
export const hostStatuses = ["Connecting", "Connected", "Disconnected"] as const;
export type HostStatus = (typeof hostStatuses)[number];

/** What a host's state and status allow. `command`: anything that its agent must carry out. */
export const hostPermits = {
  newMachine: { states: ["Enabled"], statuses: ["Connected"] },
  command: { states: hostStates, statuses: ["Connected"] },
} as const satisfies Record<string, { states: readonly HostState[]; statuses: readonly HostStatus[] }>;

/** What of a host changes by events. `earlierState`: before the maintenance that is under way; null without one. */
export type HostLife = {
  state: HostState;
  status: HostStatus;
  earlierState: "Enabled" | "Disabled" | null;
  /** Pings in a row that got no answer. */
  failedPings: number;
};

export const newHost: HostLife = { state: "Enabled", status: "Connecting", earlierState: null, failedPings: 0 };

/** The host after `enable`, `disable` or `preMaintain`. */
export function changeHostState(
  name: string,
  host: HostLife,
  event: (typeof hostStateEvents)[number],
): Outcome<HostLife> {
  const outcome = nextState(hostStateMachine, name, host.state, event);
  if (!outcome.done) return { done: false, refusal: forPeople(outcome.refusal, host.state) };
  const earlierState = event === "preMaintain" ? earlierStateOf(host.state) : null;
  return done({ ...host, state: outcome.next, earlierState });
}

/** The table has events that nobody can ask for. */
function forPeople(refusal: Refusal, state: HostState): Refusal {
  const known = hostStateMachine.table[state];
  const possible = hostStateEvents.filter((event) => Object.hasOwn(known, event)).join(", ");
  const remedy =
    possible === "" ? "Wait until its maintenance has ended, or cancel that task." : `Possible now: ${possible}.`;
  return { ...refusal, remedy, values: { ...refusal.values, possible } };
}

function earlierStateOf(state: HostState): HostLife["earlierState"] {
  return state === "Enabled" || state === "Disabled" ? state : null;
}

/** The host when moving or stopping its virtual machines has ended. */
export function endPreMaintenance(
  name: string,
  host: HostLife,
  ended: { failed: boolean; ignoreErrors: boolean },
): Outcome<HostLife> {
  const back = host.earlierState === "Disabled" ? "restoreDisabled" : "restoreEnabled";
  const event = ended.failed && !ended.ignoreErrors ? back : "maintained";
  const outcome = nextState(hostStateMachine, name, host.state, event);
  return outcome.done ? done({ ...host, state: outcome.next, earlierState: null }) : outcome;
}

/** The host after an event of its command channel. */
export function changeHostStatus(
  name: string,
  host: HostLife,
  event: keyof typeof hostStatusMachine.events,
): Outcome<HostLife> {
  const outcome = nextState(hostStatusMachine, name, host.status, event);
  return outcome.done ? done({ ...host, status: outcome.next, failedPings: 0 }) : outcome;
}

/** The host after a ping. A Connected one that misses `threshold` in a row is Disconnected; others stay as they are. */
export function afterPing(host: HostLife, answered: boolean, threshold: number): HostLife {
  if (host.status !== "Connected") return host;
  if (answered) return host.failedPings === 0 ? host : { ...host, failedPings: 0 };
  const failedPings = host.failedPings + 1;
  return failedPings < threshold ? { ...host, failedPings } : { ...host, status: "Disconnected", failedPings: 0 };
}

/** Why a host can't be asked for something; undefined when it can. */
export function hostRefusal(name: string, host: HostLife, what: keyof typeof hostPermits): Refusal | undefined {
  const { states, statuses }: { states: readonly HostState[]; statuses: readonly HostStatus[] } = hostPermits[what];
  const where = `Host ${shown(name)}`;
  const values = { state: host.state, status: host.status };
  if (!statuses.includes(host.status)) {
    const details = `Its status is ${host.status}; it must be ${statuses.join(" or ")}.`;
    return refusalOf("HOST.1002", {
      where,
      details,
      remedy: "Look at its agent and network, then reconnect it.",
      values,
    });
  }
  if (states.includes(host.state)) return;
  const details = `Its state is ${host.state}; it must be ${states.join(" or ")}.`;
  return refusalOf("HOST.1004", { where, details, remedy: "Enable it, or choose another host.", values });
}

/** Only a host in maintenance, or one that is disconnected, may be deleted. */
export function deleteHost(name: string, host: HostLife): Outcome<null> {
  if (host.state === "Maintenance" || host.status === "Disconnected") return done(null);
  return refuse("HOST.1003", {
    where: `Host ${shown(name)}`,
    details: `It is ${host.state} and ${host.status}: it may still run virtual machines.`,
    remedy: "Put it into maintenance first (ChangeHostState stateEvent=preMaintain).",
    values: { state: host.state, status: host.status },
  });
}

export const host = record({
  clusterUuid: say(uuid, "The cluster that it belongs to."),
  managementIp: say(agentAddress, "Where its agent listens."),
  state: say(z.enum(hostStates), "The administrator's wish."),
  status: say(z.enum(hostStatuses), "The command channel to its agent."),
  earlierState: say(z.nullable(z.enum(["Enabled", "Disabled"])), "State before the maintenance under way; or null."),
  failedPings: say(count, "Pings in a row without an answer."),
  cpuCores: say(count, "Threads of its processors."),
  cpuUsed: say(count, "Virtual processors of the machines that it is charged for."),
  memoryTotal: say(bytes, "Bytes of memory."),
  memoryUsed: say(bytes, "Bytes that its virtual machines are charged with, over-provisioning counted in."),
  memoryReserved: say(bytes, "Bytes kept for the host itself."),
  tags: say(tags, "Facts such as os::distribution::debian, hvm::vmx and capability:liveSnapshot."),
});

import { shown } from "../quote.ts";
import { done, type Outcome, refuse } from "./refusal.ts";
import { callsFor } from "./vm-operation-calls.ts";
import {
  type Route,
  unmetConditions,
  type VmCondition,
  type VmGuard,
  type VmOperation,
  type VmOperationFacts,
  vmConditions,
  vmOperationNames,
  vmOperations,
} from "./vm-operations.ts";
import { type Observation, observationTable, type VmState, vmStates, vmWaysOut } from "./vm-states.ts";

/* How a virtual machine goes from state to state. Nothing else may change these fields. */

/**
 * What of a machine changes by operations. `operation`: the one that runs; `earlierState`: where the machine was when
 * it began, null for a new machine; `stateBeforeRescue`: null without a rescue; `locked`: the accident guard.
 */
export type VmLife = {
  state: VmState;
  operation: VmOperation | null;
  earlierState: VmState | null;
  stateBeforeRescue: "Running" | "Stopped" | null;
  locked: boolean;
};

export type Holding = Readonly<Partial<Record<VmCondition, boolean>>>;
/** Who asks: the guard against accidents stops people, never the recovery of a machine by the manager. */
export type Asker = "person" | "manager";

function isFrom(route: Route, state: VmState | "none"): boolean {
  if (route.from !== "all") return route.from.includes(state);
  return state !== "none" && state !== "Destroyed" && vmStates[state].settled;
}

/** The way of an operation from a state; undefined: there is none. */
export function routeOf(operation: VmOperation, state: VmState | "none"): Route | undefined {
  const { routes }: VmOperationFacts = vmOperations[operation];
  return routes.find((route) => isFrom(route, state));
}

/** Operations that a state allows, whether or not their conditions hold. */
export function allowedOperations(state: VmState | "none"): VmOperation[] {
  return vmOperationNames.filter((operation) => routeOf(operation, state) !== undefined);
}

/** Those of them that can be asked for with success. */
export function offeredOperations(state: VmState | "none"): VmOperation[] {
  const isMet = (condition: VmCondition) => !unmetConditions.has(condition);
  return allowedOperations(state).filter((operation) => routeOf(operation, state)?.needs?.every(isMet) ?? true);
}

/** The machine (null: none yet) with the operation begun. Codes: VM.1001, VM.1002, VM.1003, VM.1004. */
export function beginVm(
  name: string,
  life: VmLife | null,
  operation: VmOperation,
  holding: Holding,
  asker: Asker = "person",
): Outcome<VmLife> {
  const where = `VmInstance ${shown(name)}`;
  const state = life?.state ?? "none";
  if (life !== null && life.operation !== null) {
    const details = `${operation} has to wait: ${life.operation} is running, and the state is ${state}.`;
    const values = { state, operation, running: life.operation };
    return refuse("VM.1002", {
      where,
      details,
      remedy: "Try again when its task has ended, or cancel that task.",
      values,
    });
  }
  const route = routeOf(operation, state);
  if (route === undefined) {
    const allowed = callsFor(offeredOperations(state)).join(", ");
    const details = `${operation} is not possible: the state is ${state}.`;
    const possible = allowed === "" ? "Nothing can be asked of it now." : `Allowed now: ${allowed}.`;
    const wayOut = state === "none" ? undefined : vmWaysOut[state];
    const remedy = wayOut === undefined ? possible : `${possible} ${wayOut}`;
    return refuse("VM.1001", { where, details, remedy, values: { state, operation, allowed } });
  }
  if (life?.locked === true && asker === "person") {
    const details = `${operation} is refused: somebody has locked it against accidents.`;
    return refuse("VM.1003", {
      where,
      details,
      remedy: "Unlock it first, if you are sure.",
      values: { state, operation },
    });
  }
  const lacking = route.needs?.find((condition) => holding[condition] !== true);
  if (lacking !== undefined) {
    const { details, remedy } = vmConditions[lacking];
    const values = { state, operation, condition: lacking };
    return refuse("VM.1004", { where, details: `${operation} is not possible: ${details}.`, remedy, values });
  }
  return done(begun(life, operation, route));
}

function begun(life: VmLife | null, operation: VmOperation, route: Route): VmLife {
  const start: VmLife = life ?? {
    state: "Created",
    operation: null,
    earlierState: null,
    stateBeforeRescue: null,
    locked: false,
  };
  return { ...start, state: route.through ?? start.state, operation, earlierState: life?.state ?? null };
}

/**
 * How an operation ends. `failed`: what was begun is taken back; `broken`: that failed too; `lost`: the host stopped
 * answering, so nobody knows how it ended.
 */
export const vmEnds = ["done", "failed", "broken", "lost"] as const;
export type VmEnd = (typeof vmEnds)[number];

/** The machine after its operation has ended; null when there is none any more. Code: VM.1005. */
export function endVm(name: string, life: VmLife, end: VmEnd): Outcome<VmLife | null> {
  const route = life.operation === null ? undefined : routeOf(life.operation, life.earlierState ?? "none");
  if (route === undefined) {
    return refuse("VM.1005", {
      where: `VmInstance ${shown(name)}`,
      details: `Nothing runs on it: the state is ${life.state}.`,
      remedy: "Read the virtual machine again: the operation has ended before.",
      values: { state: life.state, end },
    });
  }
  const state = endState(life, route, end);
  if (state === "gone") return done(null);
  return done({ ...life, state, operation: null, earlierState: null, stateBeforeRescue: rescueAfter(life, state) });
}

function endState(life: VmLife, route: Route, end: VmEnd): VmState | "gone" {
  if (end === "broken") return "Error";
  const earlier = life.earlierState ?? life.state;
  if (end === "lost" && mayBeAlive(route, life.earlierState)) return "Unknown";
  const target = end === "done" ? route.to : route.failed;
  if (target === "same") return earlier;
  return target === "beforeRescue" ? (life.stateBeforeRescue ?? "Stopped") : target;
}

/** A process may be alive when the machine was on a host, or was to be there. */
function mayBeAlive({ to }: Route, earlier: VmState | null): boolean {
  const isTargetOnHost = to === "beforeRescue" || (to !== "same" && to !== "gone" && vmStates[to].onHost);
  return isTargetOnHost || (earlier !== null && vmStates[earlier].onHost);
}

/**
 * A rescue lasts while the machine is Rescued, or may be so again when its host is back: of one that was only begun when
 * its host was lost nobody knows which disk it runs from, if it runs.
 */
function rescueAfter(life: VmLife, state: VmState): VmLife["stateBeforeRescue"] {
  if (life.operation === "rescue" && (state === "Rescued" || state === "Unknown"))
    return life.earlierState === "Running" ? "Running" : "Stopped";
  return state === "Rescued" || state === "Unknown" ? life.stateBeforeRescue : null;
}

/** The machine when its host has become Disconnected. Whatever ran there has an unknown end. */
export function hostLost(name: string, life: VmLife): VmLife | null {
  if (life.operation !== null) {
    const ended = endVm(name, life, "lost");
    return ended.done ? ended.next : life;
  }
  // An error waits for a person, whatever its host does.
  if (!vmStates[life.state].onHost || life.state === "Error") return life;
  return { ...life, state: "Unknown" };
}

/**
 * The machine after its host has said what there is. While an operation runs, the host's word says nothing that its
 * end will not say better. Code VM.1006: a process that must be stopped, before anything else touches its disks.
 */
export function observeVm(name: string, life: VmLife, seen: Observation): Outcome<VmLife> {
  if (life.operation !== null) return done(life);
  const table: Partial<Record<VmState, Record<Observation, VmState | "same" | "stray">>> = observationTable;
  const next = table[life.state]?.[seen] ?? "same";
  if (next === "same") return done(life);
  if (next === "stray") {
    return refuse("VM.1006", {
      where: `VmInstance ${shown(name)}`,
      details: `Its host has a ${seen} process of it, though the state is ${life.state}.`,
      remedy: "Stop that process on the host: somebody started it past the manager.",
      values: { state: life.state, seen },
    });
  }
  if (life.state === "Unknown" && next !== "Stopped" && life.stateBeforeRescue !== null)
    return done({ ...life, state: "Rescued" });
  return done({ ...life, state: next, stateBeforeRescue: null });
}

/** Whether a machine can be so: what a store or a backup holds is checked by it. */
export function isVmLife({ state, operation, earlierState, stateBeforeRescue }: Omit<VmLife, "locked">): boolean {
  if (operation === null)
    return vmStates[state].settled && earlierState === null && (state !== "Rescued" || stateBeforeRescue !== null);
  const route = routeOf(operation, earlierState ?? "none");
  return route !== undefined && state === (route.through ?? earlierState);
}

/** The accident guard, in any state and at any time. */
export function guardVm(life: VmLife, event: VmGuard): VmLife {
  return { ...life, locked: event === "lock" };
}

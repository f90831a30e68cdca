import { shown } from "../quote.ts";
import { type Outcome, refuse, done as settled } from "./refusal.ts";
import { offeredOperations, type VmLife } from "./vm-life.ts";
import { callsFor } from "./vm-operation-calls.ts";
import { type VmState, vmStates, vmWaysOut } from "./vm-states.ts";

/* The consoles of a virtual machine: its screen and its serial line. Pure. */

export const consoleKinds = ["vnc", "serial"] as const;
/** `vnc`: the screen, with keyboard and mouse. `serial`: the first serial line. */
export type ConsoleKind = (typeof consoleKinds)[number];

/** States in which there is a process whose consoles can be shown. */
export const consoleStates: ReadonlySet<VmState> = new Set<VmState>(["Running", "Paused", "Rescued"]);

/**
 * Whether the consoles of a machine can be shown. A machine that is being moved or stopped has one only until that is
 * done, so nobody is given a way to it. Codes: VM.1001, VM.1002, VM.1004.
 */
export function checkConsole(
  name: string,
  { state, operation }: Pick<VmLife, "state" | "operation">,
  hostConnected: boolean,
): Outcome<null> {
  const where = `VmInstance ${shown(name)}`;
  if (!consoleStates.has(state)) {
    if (operation !== null)
      return refuse("VM.1002", {
        where,
        details: `Its console has to wait: ${operation} is running, and the state is ${state}.`,
        remedy: "Try again when its task has ended.",
        values: { state, running: operation },
      });
    const allowed = callsFor(offeredOperations(state)).join(", ");
    const possible = allowed === "" ? "Nothing can be asked of it now." : `Allowed now: ${allowed}.`;
    const wayOut = vmWaysOut[state];
    return refuse("VM.1001", {
      where,
      details: `It has no console: the state is ${state}.`,
      remedy: wayOut === undefined ? possible : `${possible} ${wayOut}`,
      values: { state, allowed },
    });
  }
  if (hostConnected) return settled(null);
  return refuse("VM.1004", {
    where,
    details: "Its console is not reached: its host does not answer.",
    remedy: "Look at the host's agent and network, then reconnect the host.",
    values: { state, condition: "hostConnected" },
  });
}

/**
 * Why a console that was opened while its machine was on a host is over, as a sentence; undefined while it is not. What
 * passes on the same host, such as a reboot, ends none. `machine`: undefined when it is gone.
 */
export function consoleEnd(
  machine: { state: VmState; hostUuid: string | null } | undefined,
  hostUuid: string,
): string | undefined {
  if (machine === undefined) return "The machine was deleted.";
  const { state } = machine;
  if (state === "Unknown") return "The machine's host does not answer: the machine may run or not.";
  if (!vmStates[state].onHost || machine.hostUuid === null) return `The machine does not run any more: it is ${state}.`;
  return machine.hostUuid === hostUuid ? undefined : "The machine was moved to another host.";
}

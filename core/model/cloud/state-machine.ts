import { shown } from "../quote.ts";
import type { CloudErrorCode } from "./error-codes.ts";
import { done, type Outcome, refuse } from "./refusal.ts";

/** For each state the events that it knows, with the state that follows. What is not in it is refused. */
type StateTable<State extends string, Event extends string> = Readonly<
  Record<State, Readonly<Partial<Record<Event, State>>>>
>;

/** A table of states with what a person should know of them: the API's documentation is made of it. */
export type StateMachine<State extends string = string, Event extends string = string> = {
  resource: string;
  attribute: "state" | "status";
  /** The code of a refusal. */
  code: CloudErrorCode;
  /** The state of a new resource. */
  initial: State;
  states: Readonly<Record<State, string>>;
  events: Readonly<Record<Event, string>>;
  table: StateTable<State, Event>;
};

/** The state after an event; a refusal that names the state and what is possible in it. `name`: the resource's. */
export function nextState<State extends string, Event extends string>(
  machine: StateMachine<State, Event>,
  name: string,
  state: State,
  event: NoInfer<Event>,
): Outcome<State> {
  const known = machine.table[state];
  const next = Object.hasOwn(known, event) ? known[event] : undefined;
  if (next !== undefined) return done(next);
  const possible = Object.keys(known).join(", ");
  return refuse(machine.code, {
    where: `${machine.resource} ${shown(name)}`,
    details: `${event} is not possible: its ${machine.attribute} is ${state}.`,
    remedy: possible === "" ? `${state} is an end: nothing follows it.` : `Possible now: ${possible}.`,
    values: { [machine.attribute]: state, event, possible },
  });
}

/** States of a resource that can only be switched on and off. */
export function onOffMachine(resource: string, code: CloudErrorCode, disabled: string) {
  return {
    resource,
    attribute: "state",
    code,
    initial: "Enabled",
    states: { Enabled: "In use.", Disabled: disabled },
    events: { enable: "An administrator switches it on.", disable: "An administrator switches it off." },
    table: { Enabled: { disable: "Disabled" }, Disabled: { enable: "Enabled" } },
  } as const satisfies StateMachine<"Enabled" | "Disabled", "enable" | "disable">;
}

/** The command channel to something that a host or the manager must reach. */
export function connectionMachine(resource: string, code: CloudErrorCode, words: { connected: string; lost: string }) {
  return {
    resource,
    attribute: "status",
    code,
    initial: "Connecting",
    states: {
      Connecting: "Being reached; nothing is asked of it yet.",
      Connected: words.connected,
      Disconnected: words.lost,
    },
    events: {
      connected: "It has answered.",
      lost: "It could not be reached.",
      reconnect: "The manager, by itself or asked by an administrator, tries again.",
    },
    table: {
      Connecting: { connected: "Connected", lost: "Disconnected" },
      Connected: { lost: "Disconnected", reconnect: "Connecting" },
      Disconnected: { reconnect: "Connecting" },
    },
  } as const satisfies StateMachine<"Connecting" | "Connected" | "Disconnected", "connected" | "lost" | "reconnect">;
}

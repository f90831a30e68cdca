import type { AgentStatus } from "../core/api/contract.ts";
import type { SomeFacts } from "../core/model/facts.ts";
import { addSample, emptySeries, type Histories } from "../core/model/history.ts";
import type { NetworkTransaction } from "../core/model/network/transaction.ts";
import type { Missing } from "../core/model/reading.ts";
import type { Job, NodeSettings } from "../core/model/records.ts";
import { type FollowedChange, follow } from "./network-change.ts";

/** Whether the agent answers; `code` and `description` are of the error that says why not. */
export type Connection =
  | { state: "connecting" }
  | { state: "up" }
  | { state: "lost"; code: string; values: Record<string, string | number | boolean> };

/** All that the console knows. Screens look at it; only the functions below make the next one. */
export type State = {
  readonly connection: Connection;
  readonly status: AgentStatus | undefined;
  readonly facts: SomeFacts;
  readonly histories: Histories;
  readonly jobs: readonly Job[];
  readonly nodeSettings: NodeSettings | undefined;
  /** What the agent tells of a change of the network; undefined when it knows of none. */
  readonly networkChange: FollowedChange | undefined;
  /** True while this console holds a session: the full view, and rights to change things. */
  readonly unlocked: boolean;
  readonly console: string;
};

export function initialState(console: string): State {
  return {
    connection: { state: "connecting" },
    status: undefined,
    facts: {},
    histories: { cpu: emptySeries(), memory: emptySeries() },
    jobs: [],
    nodeSettings: undefined,
    networkChange: undefined,
    unlocked: false,
    console,
  };
}

/** Facts that came in; their CPU and memory figures also become the newest samples of the histories. */
export function withFacts(state: State, changed: SomeFacts): State {
  let { cpu, memory } = state.histories;
  if (changed.cpu?.state === "value") cpu = addSample(cpu, changed.cpu.at, changed.cpu.value.usage);
  if (changed.memory?.state === "value" && changed.memory.value.totalBytes > 0)
    memory = addSample(memory, changed.memory.at, changed.memory.value.usedBytes / changed.memory.value.totalBytes);
  return { ...state, facts: { ...state.facts, ...changed }, histories: { cpu, memory } };
}

/** The job is new or went on: newest first, each once. */
export function withJob(state: State, job: Job): State {
  const known = state.jobs.some((j) => j.id === job.id);
  const jobs = known ? state.jobs.map((j) => (j.id === job.id ? job : j)) : [job, ...state.jobs];
  return { ...state, jobs: jobs.slice(0, 200) };
}

/** A change of the network as it was told at `monotonic`; null when there is none. */
export function withNetworkChange(state: State, change: NetworkTransaction | null, monotonic: number): State {
  return { ...state, networkChange: change === null ? undefined : follow(change, monotonic) };
}

/** Why there are no figures, from why the agent does not answer. */
export function whyNoFigures(code: string): Missing["code"] {
  if (code === "AGENT.DENIED") return "denied";
  if (code === "AGENT.TIMEOUT") return "timeout";
  return code === "AGENT.NONSENSE" || code === "AGENT.PROTOCOL" ? "nonsense" : "notRunning";
}

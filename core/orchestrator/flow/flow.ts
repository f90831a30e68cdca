import type { CloudErrorContent } from "../../model/cloud/refusal.ts";
import type { JsonObject } from "../../store/record.ts";
import type { Tx } from "../records.ts";

/** What a step knows of the flow that it belongs to. */
export type FlowEnv = {
  /** The task's uuid, which is the flow's too. */
  readonly task: string;
  /**
   * Grows whenever the flow gets another manager and whenever a step fails: whoever has seen a later one of the same
   * flow refuses an older one.
   */
  readonly epoch: number;
  /**
   * The same when a step is carried out again because a manager ended; another one for the undoing, and for each
   * further attempt at it, as an agent answers a command that it knows with what came of it. A step that needs several
   * adds to it.
   */
  readonly commandId: string;
  /** The manager has lost its place or ends, or the step takes too long: come to an end. */
  readonly signal: AbortSignal;
  /**
   * Only when undoing: the step failed itself, so that what it did outside may be done, half done or not done at all,
   * and its `change` and `data` were never written. Otherwise all of it was done.
   */
  readonly isHalfDone: boolean;
};

/**
 * `data` joins what the flow knows. `change` is written in the transaction that notes the step as done: its effects
 * on the store happen exactly once. It may be called several times, has no other effects, and when it throws the step
 * has failed. `isTooLateToCancel`: a cancellation that came meanwhile is not obeyed before the next step.
 */
export type StepResult<Data> =
  | { data?: Partial<Data>; change?: (tx: Tx) => void; isTooLateToCancel?: boolean }
  | undefined;

/**
 * One step. Whatever it does outside of the store may happen again after a manager ended in the midst of it: such an
 * effect finds itself done (`env.commandId`). What it needs to be taken back, such as the host that was chosen, has to
 * be in `data` by an earlier step.
 */
export type Step<Data extends JsonObject> = {
  /** Stored while the flow runs: a version that renames it can't carry on the flows of the version before. */
  readonly name: string;
  /** For people, as `Task.step`: what is being done. */
  readonly title: string;
  /** @throws what the task's error is to be; the step itself and those before it are taken back then */
  run(data: Data, env: FlowEnv): Promise<StepResult<Data>>;
  /** Takes back what `run` did. It is tried several times. Without it there is nothing to take back. */
  undo?(data: Data, env: FlowEnv): Promise<StepResult<Data>>;
  /** Whether a cancellation is obeyed before this step; false unless told. */
  readonly cancellable?: boolean;
  /** Milliseconds until run or undo has failed; the engine's own limit unless told. */
  readonly timeoutMs?: number;
};

export type FlowFailure = {
  readonly isCancelled: boolean;
  /** Titles of the steps that could not be taken back. */
  readonly notUndone: readonly string[];
};

/** What a task has to do. The hooks are written in the transaction that ends the task, exactly one of them. */
export type Flow<Data extends JsonObject = JsonObject> = {
  readonly name: string;
  readonly steps: readonly Step<Data>[];
  /** When it throws, the last step has failed. */
  succeeded?(tx: Tx, data: Data): void;
  /** After everything was taken back as far as that went; of a cancelled task `error` is SYS.1021. */
  failed?(tx: Tx, data: Data, error: CloudErrorContent, how: FlowFailure): void;
  /** The result of the task. */
  result?(data: Data): JsonObject | null;
};

/** `Task.step` takes 128 characters, with "Taking back: " before the title. */
const longestTitle = 100;

/** The flows that a manager can carry out, by name. */
export class FlowTable {
  readonly #flows = new Map<string, Flow>();

  /** @throws Error when a name is there twice, or a flow can't be carried out */
  constructor(flows: readonly Flow[]) {
    for (const flow of flows) {
      if (this.#flows.has(flow.name)) throw new Error(`There are two flows named ${flow.name}.`);
      const names = new Set(flow.steps.map(({ name }) => name));
      if (names.size !== flow.steps.length || names.size === 0)
        throw new Error(`The flow ${flow.name} has no steps, or two of the same name.`);
      for (const { title } of flow.steps)
        if (title === "" || title.length > longestTitle)
          throw new Error(`The flow ${flow.name} has a step whose title is empty or longer than ${longestTitle}.`);
      this.#flows.set(flow.name, flow);
    }
  }

  get(name: string): Flow | undefined {
    return this.#flows.get(name);
  }
}

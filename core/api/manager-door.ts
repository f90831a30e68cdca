import type * as z from "zod/mini";
import type { CallOutput, CloudCallName, CloudCalls } from "../model/cloud/calls/index.ts";
import { cloudErrorBody } from "../model/cloud/refusal.ts";
import { type CloudSummary, cloudSummary } from "../model/cloud/summary.ts";
import { NodeError } from "../model/error.ts";
import type { CloudClient } from "./cloud-client.ts";
import { followEvents, type Subscription } from "./event-follower.ts";

/** Where the manager of this node listens for root: plain HTTP, no session. */
export const managerSocket = "/run/binnacle/manager.sock";

/** What is asked of a manager. */
export type ManagerCalls = Pick<CloudClient, "call" | "follow">;

export type AskOptions = { timeoutMs?: number; signal?: AbortSignal | undefined };

export type DoorHandlers = {
  /** Another attempt to open the stream begins. */
  onAttempt: () => void;
  onSummary: (summary: CloudSummary) => void;
  /** The manager said something, be it only that it is there. */
  onHeard: () => void;
  /** The stream broke or could not be opened; it is tried again by itself. */
  onLost: (error: NodeError) => void;
};

/** The manager says so often that it does not hang. */
const heartbeatSeconds = 1;
const silenceMs = 15_000;
/** A try costs a fifth of a millisecond, and a manager that is started should be seen at once. */
const longestPauseMs = 1_000;
const usualAnswerMs = 30_000;

/**
 * Root's door of this node's manager, where no session is needed. Whatever goes wrong is a NodeError: CLOUD.ABSENT (nobody
 * listens: nothing was done), CLOUD.DENIED, CLOUD.TIMEOUT, CLOUD.LOST, CLOUD.NONSENSE, or a `CallRefused` with what the
 * manager said.
 */
export class ManagerDoor {
  readonly socketPath: string;

  constructor(socketPath = managerSocket) {
    this.socketPath = socketPath;
  }

  /** One call. */
  ask<N extends CloudCallName>(
    name: N,
    input: z.input<CloudCalls[N]["input"]>,
    { timeoutMs = usualAnswerMs, signal }: AskOptions = {},
  ): Promise<CallOutput<N>> {
    return this.calls(timeoutMs, (calls) => calls.call(name, input, signal));
  }

  /** Several calls, each of which has `timeoutMs`. @throws what `act` throws */
  async calls<T>(timeoutMs: number, act: (calls: ManagerCalls) => Promise<T>): Promise<T> {
    // The schemas of all calls are a tenth of an agent's memory, and on most nodes nobody ever asks.
    const { CloudClient } = await import("./cloud-client.ts");
    const client = new CloudClient({ socketPath: this.socketPath, timeoutMs });
    try {
      return await act(client);
    } finally {
      client.close();
    }
  }

  /** Follows the summary of the cloud, reconnecting until closed. Nothing is called after `close`. */
  follow(handlers: DoorHandlers): Subscription {
    const { socketPath } = this;
    return followEvents({
      target: () => {
        handlers.onAttempt();
        return { socketPath, path: `/v1/events?heartbeat=${heartbeatSeconds}`, agent: false };
      },
      silenceMs,
      longestPauseMs,
      onHeard: handlers.onHeard,
      onLost: handlers.onLost,
      onEvent(name, data) {
        if (name !== "summary") return;
        const parsed = cloudSummary.safeParse(data);
        if (parsed.success) handlers.onSummary(parsed.data);
        else handlers.onLost(nonsense(socketPath, parsed.error.issues[0]?.path.join(".")));
      },
      faults: {
        nonsense: (where) => nonsense(socketPath, where),
        refused: (json, status) => refused(socketPath, json, status),
        silent: (ms) => new NodeError("CLOUD.TIMEOUT", `The manager has said nothing for ${ms / 1000} s.`),
        broken: (error) => broken(socketPath, error),
        ended: () => new NodeError("CLOUD.LOST", "The manager ended the connection."),
      },
    });
  }
}

/** Whether an error says that no manager listens: what was asked was not done. */
export function isAbsent(error: unknown): boolean {
  return error instanceof NodeError && error.code === "CLOUD.ABSENT";
}

function nonsense(socketPath: string, where: string | undefined): NodeError {
  return new NodeError("CLOUD.NONSENSE", `The manager at ${socketPath} can't be understood (${where ?? "answer"}).`, {
    remedy: "Agent and manager belong to one release: restart both.",
    values: { server: socketPath },
  });
}

function refused(socketPath: string, json: unknown, status: number): NodeError {
  const parsed = cloudErrorBody.safeParse(json);
  if (!parsed.success) return nonsense(socketPath, `status ${status}`);
  const { code, description, details } = parsed.data.error;
  return new NodeError(code, `${description}: ${details}`);
}

/** What a unix socket's connection says. A manager that hangs, with a full queue, answers EAGAIN. */
function broken(socketPath: string, error: Error & { code?: string }): NodeError {
  const more = { values: { server: socketPath }, cause: error };
  if (error.code === "ENOENT" || error.code === "ECONNREFUSED" || error.code === "ENOTDIR")
    return new NodeError("CLOUD.ABSENT", `No manager listens on ${socketPath}.`, more);
  if (error.code === "EACCES" || error.code === "EPERM")
    return new NodeError("CLOUD.DENIED", `${socketPath} may not be opened.`, more);
  if (error.code === "EAGAIN") return new NodeError("CLOUD.TIMEOUT", `${socketPath} takes no more connections.`, more);
  if (error.code?.startsWith("HPE_") === true) return nonsense(socketPath, "HTTP");
  return new NodeError("CLOUD.LOST", `The connection to the manager broke: ${error.message}.`, more);
}

import type { CloudClient } from "../../api/cloud-client.ts";
import { NodeError } from "../../model/error.ts";

/** What is asked of a manager. */
export type ManagerCalls = Pick<CloudClient, "call" | "follow">;

/**
 * Asks the manager of this node through root's door, where no session is needed; each call has `timeoutMs`.
 *
 * @throws CLOUD.ABSENT when it does not run; `CallRefused`, other `CLOUD.…`, and what `act` throws
 */
export type ManagerDoor = <T>(timeoutMs: number, act: (manager: ManagerCalls) => Promise<T>) => Promise<T>;

export function managerDoor(socketPath: string): ManagerDoor {
  return async (timeoutMs, act) => {
    // The table of all calls costs memory, and most nodes have no manager.
    const { CloudClient } = await import("../../api/cloud-client.ts");
    const client = new CloudClient({ socketPath, timeoutMs });
    try {
      return await act(client);
    } finally {
      client.close();
    }
  };
}

/** Whether an error says that no manager listens: what was asked was not done. */
export function isAbsent(error: unknown): boolean {
  return error instanceof NodeError && error.code === "CLOUD.ABSENT";
}

import { connect, type Socket } from "node:net";
import { migrationFailed } from "../migration/refusals.ts";

const connectMs = 10_000;

/**
 * A connection to a socket of the hypervisor. `signal`, and a limit, hold until it stands: what a socket of Node is given
 * as a signal would end it later, in the middle of a move.
 * @throws HYPERVISOR.MIGRATION_FAILED
 */
export function reached(path: string, uuid: string, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path });
    const stop = () => socket.destroy(new Error("It takes too long, or is not wanted any more."));
    const limit = setTimeout(stop, connectMs);
    const settle = () => {
      clearTimeout(limit);
      signal.removeEventListener("abort", stop);
    };
    signal.addEventListener("abort", stop, { once: true });
    socket.once("error", (error) => {
      settle();
      reject(migrationFailed(uuid, "the hypervisor there takes no connection", error));
    });
    socket.once("connect", () => {
      settle();
      socket.on("error", () => undefined);
      resolve(socket);
    });
    if (signal.aborted) stop();
  });
}

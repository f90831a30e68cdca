import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import { CloudError } from "../../model/cloud/refusal.ts";
import { nameOfError, unreachable } from "./errors.ts";

/**
 * A connection of TLS 1.3 of one's own, whatever certificate is shown: who asks for it compares what it shows before
 * anything is said over it. @throws HOST.1010
 */
export function openUnchecked(
  address: string,
  connectMs: number,
  more: Omit<ConnectionOptions, "host" | "rejectUnauthorized"> & { port: number },
): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...more, host: address, minVersion: "TLSv1.3", rejectUnauthorized: false });
    const late = () => socket.destroy(unreachable(address, `No connection came about within ${connectMs / 1000} s.`));
    const timer = setTimeout(late, connectMs);
    const failed = (error: Error) => {
      clearTimeout(timer);
      reject(error instanceof CloudError ? error : unreachable(address, `No TLS: ${nameOfError(error)}.`, error));
    };
    // Also later, when nobody listens: what it is used for finds the connection closed.
    socket.on("error", failed);
    socket.once("close", () => failed(new Error("the other end has closed it")));
    socket.once("secureConnect", () => {
      clearTimeout(timer);
      resolve(socket);
    });
  });
}

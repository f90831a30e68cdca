import { type RequestOptions, request as sendRequest } from "node:https";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import { CloudError } from "../../model/cloud/refusal.ts";
import { jsonOrNothing } from "../../model/json.ts";
import { consoleProtocol, requestHeader } from "./contract.ts";
import { agentFailed, agentsError, nonsense, unreachable } from "./errors.ts";
import { headProblem, newRequestId, sentenceOf } from "./exchange.ts";

export type Upgrade = {
  /** For errors. */
  address: string;
  path: string;
  /** How to get a connection, which is the stream's alone then. */
  connection: RequestOptions;
  /** From the beginning until the stream is there, in milliseconds. */
  answerMs: number;
  signal?: AbortSignal | undefined;
};

const mostBytes = 16 * 1024;
/** A host that is gone is noticed after three times this long, unless something is on its way to it. */
const keepAliveMs = 5_000;

/**
 * Asks an agent for a stream of bytes in place of an answer. `signal`: until it is there.
 * @throws CloudError HOST.1010, HOST.1012; or what the connection's own check of the certificate found
 */
export function upgrade({ address, path, connection, answerMs, signal }: Upgrade): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(unreachable(address, "The call was called off."));
    const id = newRequestId();
    const headers = { connection: "upgrade", upgrade: consoleProtocol, [requestHeader]: id };
    const request = sendRequest({ ...connection, method: "GET", path, headers });
    const stop = () => request.destroy(unreachable(address, "The call was called off."));
    const late = () => request.destroy(unreachable(address, `It did not answer within ${answerMs / 1000} s.`));
    const timer = setTimeout(late, answerMs);
    signal?.addEventListener("abort", stop, { once: true });
    const settle = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
    };
    const failed = (error: Error) => {
      settle();
      reject(error instanceof CloudError ? error : unreachable(address, sentenceOf(error), error));
    };
    request.on("error", failed);
    request.on("upgrade", (response, socket, head) => {
      settle();
      const problem = headProblem(address, response, id);
      // Whoever uses the stream hears of its end by `close`.
      socket.on("error", () => undefined);
      if (problem !== undefined) {
        socket.destroy();
        return reject(problem);
      }
      if (socket instanceof TLSSocket) socket.setNoDelay(true).setKeepAlive(true, keepAliveMs).setTimeout(0);
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    request.on("response", (response) => {
      response.on("error", failed);
      const problem = headProblem(address, response, id);
      if (problem !== undefined) return void request.destroy(problem);
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
        if (text.length > mostBytes) request.destroy(nonsense(address, `is longer than ${mostBytes} bytes`));
      });
      response.on("end", () => {
        const error = agentsError(jsonOrNothing(text));
        const { statusCode = 0 } = response;
        failed(error === undefined ? nonsense(address, `has the status ${statusCode}`) : agentFailed(address, error));
      });
    });
    request.end();
  });
}

import * as http from "node:http";
import type { Duplex } from "node:stream";
import { NodeError } from "../model/error.ts";
import { jsonOrNothing } from "../model/json.ts";
import { serialPath, serialProtocol } from "./contract.ts";

export type SerialRequest = {
  socketPath: string;
  uuid: string;
  headers: Record<string, string>;
  timeoutMs: number;
  /** What the agent has answered in place of the line. */
  refused: (json: unknown, status: number) => NodeError;
  /** What became of the connection. */
  broken: (error: Error) => NodeError;
  late: () => NodeError;
};

const mostBytes = 64 * 1024;

/** Asks the agent for a machine's serial line. Its end is told by `close`; to leave it is to destroy it. */
export function openSerial(options: SerialRequest): Promise<Duplex> {
  const { socketPath, uuid, headers, timeoutMs, refused, broken, late } = options;
  return new Promise((resolve, reject) => {
    const upgrade = { connection: "upgrade", upgrade: serialProtocol };
    const request = http.request({ socketPath, path: serialPath(uuid), headers: { ...headers, ...upgrade } });
    const timer = setTimeout(() => request.destroy(late()), timeoutMs);
    const failed = (error: Error) => {
      clearTimeout(timer);
      reject(error instanceof NodeError ? error : broken(error));
    };
    request.on("error", failed);
    request.on("upgrade", (_response, socket, head) => {
      clearTimeout(timer);
      socket.on("error", () => undefined);
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    request.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("error", failed);
      response.on("data", (chunk: string) => {
        if (text.length < mostBytes) text += chunk;
      });
      response.on("end", () => failed(refused(jsonOrNothing(text), response.statusCode ?? 0)));
    });
    request.end();
  });
}

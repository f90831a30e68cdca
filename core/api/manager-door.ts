import * as http from "node:http";
import type * as z from "zod/mini";
import type { CloudCall } from "../model/cloud/calls/call.ts";
import { type CallOutput, type CloudCallName, type CloudCalls, cloudCalls } from "../model/cloud/calls/index.ts";
import { cloudErrorBody } from "../model/cloud/refusal.ts";
import { NodeError } from "../model/error.ts";
import { jsonOrNothing } from "../model/json.ts";
import { CallRefused } from "./cloud-client.ts";
import { requestOf } from "./cloud-request.ts";

/** Where the manager of this node listens for root: plain HTTP, no session. */
export const managerSocket = "/run/binnacle/manager.sock";

const usualTimeoutMs = 30_000;
const mostAnswerBytes = 32_000_000;

export type DoorOptions = { socketPath?: string; timeoutMs?: number; signal?: AbortSignal | undefined };

/**
 * A call of the cloud through root's door on this node. Whether it was carried out is not known after MANAGER.LOST and
 * MANAGER.TIMEOUT.
 *
 * @throws CallRefused with what the manager said; MANAGER.ABSENT (nobody listens), MANAGER.DENIED (not root),
 *   MANAGER.TIMEOUT, MANAGER.LOST, MANAGER.NONSENSE; the signal's reason
 */
export async function askManager<N extends CloudCallName>(
  name: N,
  input: z.input<CloudCalls[N]["input"]>,
  { socketPath = managerSocket, timeoutMs = usualTimeoutMs, signal }: DoorOptions = {},
): Promise<CallOutput<N>> {
  const call: CloudCall = cloudCalls[name];
  const { status, text } = await send(socketPath, requestOf(call, { ...input }), timeoutMs, signal);
  const json = jsonOrNothing(text);
  const refused = cloudErrorBody.safeParse(json);
  if (status >= 400 && refused.success) throw new CallRefused(refused.data.error);
  const parsed = cloudCalls[name].output.safeParse(json);
  if (status < 200 || status >= 300 || !parsed.success)
    throw new NodeError("MANAGER.NONSENSE", `The manager's answer to ${name} can't be understood (${status}).`, {
      remedy: "Manager and command may be of different releases: zstack-ctl restart_node",
    });
  return parsed.data as CallOutput<N>;
}

type Request = { method: string; path: string; body?: string | undefined };

function send(
  socketPath: string,
  { method, path, body }: Request,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { "content-type": "application/json" };
    const request = http.request({ socketPath, method, path, headers, ...(signal === undefined ? {} : { signal }) });
    const timer = setTimeout(
      () =>
        request.destroy(
          new NodeError("MANAGER.TIMEOUT", `The manager did not answer within ${timeoutMs / 1000} s.`, {
            remedy: "What was asked may be done. See: zstack-ctl status",
          }),
        ),
      timeoutMs,
    );
    const fail = (error: Error) => {
      clearTimeout(timer);
      reject(signal?.aborted === true ? signal.reason : doorError(error, socketPath));
    };
    request.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
        if (text.length > mostAnswerBytes) request.destroy(new Error("the answer is too long"));
      });
      response.on("end", () => {
        clearTimeout(timer);
        resolve({ status: response.statusCode ?? 0, text });
      });
      response.on("error", fail);
    });
    request.on("error", fail);
    request.end(body);
  });
}

function doorError(error: Error & { code?: string }, socketPath: string): NodeError {
  if (error instanceof NodeError) return error;
  if (error.code === "ENOENT" || error.code === "ECONNREFUSED")
    return new NodeError("MANAGER.ABSENT", `No manager listens on ${socketPath}.`, {
      remedy: "Start it: zstack-ctl start",
      cause: error,
    });
  if (error.code === "EACCES" || error.code === "EPERM")
    return new NodeError("MANAGER.DENIED", "Only root may use the manager's own door.", {
      remedy: "Run it with sudo.",
      cause: error,
    });
  return new NodeError("MANAGER.LOST", `The connection to the manager broke: ${error.message}.`, {
    remedy: "What was asked may be done: look before you ask again.",
    cause: error,
  });
}

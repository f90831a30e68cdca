import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { type RequestOptions, request as sendRequest } from "node:https";
import { TLSSocket } from "node:tls";
import { CloudError } from "../../model/cloud/refusal.ts";
import { jsonOrNothing } from "../../model/json.ts";
import {
  type HostAnswer,
  type HostBody,
  type HostCallName,
  hostCalls,
  hostProtocol,
  oldestHostProtocol,
  pieceHeader,
  protocolHeader,
  requestHeader,
} from "./contract.ts";
import { agentFailed, agentsError, nameOfError, nonsense, otherProtocol, unreachable } from "./errors.ts";

export type Exchange<N extends HostCallName> = {
  /** For errors. */
  address: string;
  name: N;
  body: HostBody<N>;
  /** How to get a connection: an agent with its options, or one that is open. */
  connection: RequestOptions;
  /** Until a connection is open, TLS included. */
  connectMs: number;
  /** From the beginning to the end of the answer; of one that is held, to its head. */
  answerMs: number;
  /** An answer whose body comes so many milliseconds after its head at the latest; `onHead` is told when that is here. */
  held?: { ms: number; onHead: () => void } | undefined;
  signal?: AbortSignal | undefined;
};

const mark = randomBytes(6).toString("hex");
let requests = 0;

/**
 * Asks an agent for something and gives its answer, checked. An answer that comes too late, or that belongs to another
 * request, is never taken: its connection ends.
 *
 * @throws CloudError HOST.1010, HOST.1012; or what the connection's own check of the certificate found
 */
export async function exchange<N extends HostCallName>(asked: Exchange<N>): Promise<HostAnswer<N>> {
  const { address, name } = asked;
  const id = newRequestId();
  const { response, text } = await send(asked, id);
  const json = jsonOrNothing(text);
  if (response.statusCode !== 200) {
    const error = agentsError(json);
    throw error === undefined
      ? nonsense(address, `has the status ${response.statusCode}`)
      : agentFailed(address, error);
  }
  const parsed = hostCalls[name].response.safeParse(json);
  if (parsed.success) return parsed.data as HostAnswer<N>;
  throw nonsense(address, `can't be understood (${["body", ...(parsed.error.issues[0]?.path ?? [])].join(".")})`);
}

/** What no other request of this process has, nor had. */
export function newRequestId(): string {
  requests += 1;
  return `${mark}-${requests.toString(36)}`;
}

/** Whether it is an answer in a protocol that is known here, and to this request. */
export function headProblem(address: string, { headers }: IncomingMessage, id: string): CloudError | undefined {
  const theirs = Number(headers[protocolHeader] ?? Number.NaN);
  if (!Number.isSafeInteger(theirs)) return nonsense(address, "is not one of this protocol");
  if (theirs < oldestHostProtocol || theirs > hostProtocol)
    return otherProtocol(address, theirs, { oldest: oldestHostProtocol, newest: hostProtocol });
  return headers[requestHeader] === id ? undefined : nonsense(address, "belongs to another request");
}

type Received = { response: IncomingMessage; text: string };

function send<N extends HostCallName>(asked: Exchange<N>, id: string): Promise<Received> {
  const { address, name, body, connection, connectMs, answerMs, held, signal } = asked;
  const { method, path, mostBytes } = hostCalls[name];
  const { payload, type } = payloadOf(body);
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(unreachable(address, "The call was called off."));
    const headers = {
      [requestHeader]: id,
      ...(payload === undefined ? {} : { ...type, "content-length": String(Buffer.byteLength(payload)) }),
    };
    const request = sendRequest({ ...connection, method, path, headers });
    const late = (what: string, ms: number) => request.destroy(unreachable(address, `${what} within ${ms / 1000} s.`));
    let answerTimer = setTimeout(() => late("It did not answer", answerMs), answerMs);
    let connectTimer: NodeJS.Timeout | undefined;
    const stop = () => request.destroy(unreachable(address, "The call was called off."));
    signal?.addEventListener("abort", stop, { once: true });
    const settle = () => {
      clearTimeout(answerTimer);
      clearTimeout(connectTimer);
      signal?.removeEventListener("abort", stop);
    };
    const failed = (error: Error) => {
      settle();
      if (error instanceof CloudError) return reject(error);
      reject(unreachable(address, sentenceOf(error), error));
    };
    request.on("socket", (socket) => {
      if (request.reusedSocket || !(socket instanceof TLSSocket) || !socket.connecting) return;
      connectTimer = setTimeout(() => late("No connection came about", connectMs), connectMs);
      socket.once("secureConnect", () => clearTimeout(connectTimer));
    });
    request.on("error", failed);
    request.on("response", (response) => {
      const problem = headProblem(address, response, id);
      if (problem !== undefined) {
        response.on("error", failed);
        request.destroy(problem);
        return;
      }
      if (held !== undefined && response.statusCode === 200) {
        clearTimeout(answerTimer);
        answerTimer = setTimeout(() => late("The rest of its answer did not come", held.ms), held.ms);
        held.onHead();
      }
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
        if (text.length > mostBytes) request.destroy(nonsense(address, `is longer than ${mostBytes} bytes`));
      });
      response.on("error", failed);
      response.on("end", () => {
        settle();
        resolve({ response, text });
      });
    });
    request.end(payload);
  });
}

function payloadOf(body: unknown): { payload: string | Uint8Array | undefined; type: Record<string, string> } {
  if (body === undefined) return { payload: undefined, type: {} };
  if (typeof body !== "object" || body === null || !("content" in body) || !(body.content instanceof Uint8Array))
    return { payload: JSON.stringify(body), type: { "content-type": "application/json" } };
  const { content, ...rest } = body;
  return {
    payload: content,
    type: { "content-type": "application/octet-stream", [pieceHeader]: encodeURIComponent(JSON.stringify(rest)) },
  };
}

export function sentenceOf(error: Error): string {
  const name = nameOfError(error);
  if (name.startsWith("HPE_")) return "What answers there speaks no HTTP.";
  if (name === "EPROTO" || name.startsWith("ERR_SSL_")) return `What answers there speaks no TLS 1.3 (${name}).`;
  if (name === "ECONNREFUSED") return "Nothing listens there.";
  return `The connection failed: ${name}.`;
}

import * as http from "node:http";
import * as https from "node:https";
import type { Readable } from "node:stream";
import { NodeError } from "../model/error.ts";

/** Root's door of the manager on this node: plain HTTP on a unix socket that only root can open. */
export type RootDoorAddress = { socketPath: string };

/** Where a manager listens, and what is trusted. */
export type CloudAddress = RootDoorAddress | NetworkAddress;

type NetworkAddress = {
  host: string;
  port: number;
  /** PEM text of the cloud's certificate authority; without it, those that the system trusts. */
  ca?: string | undefined;
  /** The name that its certificate must have; without it, `host`: its host name and all its addresses are good. */
  tlsName?: string | undefined;
};

/** A body that is read while it is sent: so many bytes. */
export type StreamedBody = { stream: Readable; bytes: number };

export type CloudRequest = {
  method: string;
  path: string;
  headers: Readonly<Record<string, string>>;
  /** JSON as a text, or octets. What is streamed may take any time, while some of it goes. */
  body?: string | StreamedBody | undefined;
  signal?: AbortSignal | undefined;
};

export type CloudAnswer = { status: number; text: string };

/** Until a connection stands, TLS included. */
const connectMs = 5_000;
/** A page of a query has a thousand records at most. */
const mostAnswerBytes = 32_000_000;

/**
 * One request at a time to a manager, over a connection that is kept. Whatever goes wrong is a NodeError: CLOUD.ABSENT
 * (nothing listens, or no way there), CLOUD.UNTRUSTED (another certificate), CLOUD.TIMEOUT, CLOUD.LOST (it went away in
 * the middle: what was asked may be done), CLOUD.NONSENSE (no answer of a manager), CLOUD.STOPPED (by the signal).
 */
export class CloudConnection {
  readonly #address: CloudAddress;
  readonly #timeoutMs: number;
  readonly #agent: http.Agent;

  constructor(address: CloudAddress, timeoutMs: number) {
    this.#address = address;
    this.#timeoutMs = timeoutMs;
    const kept = { keepAlive: true, maxSockets: 4 };
    this.#agent = "socketPath" in address ? new http.Agent(kept) : new https.Agent(kept);
  }

  /** Host and port as people write them, or the socket's path. */
  get name(): string {
    if ("socketPath" in this.#address) return this.#address.socketPath;
    const { host, port } = this.#address;
    return `${host.includes(":") ? `[${host}]` : host}:${port}`;
  }

  close(): void {
    this.#agent.destroy();
  }

  send({ method, path, headers, body, signal }: CloudRequest): Promise<CloudAnswer> {
    return new Promise((resolve, reject) => {
      const request = this.#request({
        method,
        path,
        agent: this.#agent,
        headers: {
          accept: "application/json",
          ...headers,
          ...(body === undefined ? {} : headersOf(body)),
        },
      });
      let isConnected = false;
      const answerTimer = setTimeout(() => fail(this.#tooLate(this.#timeoutMs)), this.#timeoutMs);
      const connectTimer = setTimeout(() => {
        if (!isConnected) fail(this.#absent("It did not answer in time."));
      }, connectMs);
      const settle = () => {
        clearTimeout(answerTimer);
        clearTimeout(connectTimer);
        signal?.removeEventListener("abort", stop);
        if (typeof body === "object") body.stream.destroy();
      };
      const fail = (error: Error) => {
        settle();
        reject(error instanceof NodeError ? error : this.#connectionError(error, isConnected));
        request.destroy();
      };
      const stop = () => fail(stopped());
      request.on("socket", (socket) => {
        const connected = () => {
          isConnected = true;
        };
        if (request.reusedSocket) connected();
        else socket.once("socketPath" in this.#address ? "connect" : "secureConnect", connected);
      });
      request.on("response", (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on("data", (chunk: Buffer) => {
          size += chunk.length;
          if (size > mostAnswerBytes) fail(this.nonsense(`It has more than ${mostAnswerBytes} bytes.`));
          else chunks.push(chunk);
        });
        response.on("end", () => {
          settle();
          // It was answered before all of it was sent.
          if (!request.writableFinished) request.destroy();
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") });
        });
        response.on("error", fail);
      });
      request.on("error", fail);
      signal?.addEventListener("abort", stop);
      if (signal?.aborted === true) stop();
      else if (typeof body === "object") pour(body, request, { moved: () => answerTimer.refresh(), fail });
      else request.end(body);
    });
  }

  #request(options: http.RequestOptions): http.ClientRequest {
    if ("socketPath" in this.#address) return http.request({ ...options, socketPath: this.#address.socketPath });
    const { host, port, ca, tlsName } = this.#address;
    return https.request({
      ...options,
      host,
      port,
      minVersion: "TLSv1.2",
      ...(ca === undefined ? {} : { ca }),
      ...(tlsName === undefined ? {} : { servername: tlsName }),
    });
  }

  /** What answers is no manager, or one of another release. `why`: a sentence. */
  nonsense(why: string): NodeError {
    return new NodeError("CLOUD.NONSENSE", `The answer of ${this.name} can't be understood: ${why}`, {
      remedy: "Make sure that a manager of this release listens there.",
      values: { server: this.name },
    });
  }

  #absent(why: string): NodeError {
    if ("socketPath" in this.#address)
      return new NodeError("CLOUD.ABSENT", `The manager of this node is not reached at ${this.name}: ${why}`, {
        remedy: "Start it: zstack-ctl start",
        values: { server: this.name },
      });
    return new NodeError("CLOUD.ABSENT", `The manager at ${this.name} is not reached: ${why}`, {
      remedy: "Give its address with -H HOST -p PORT; on the management node, see: zstack-ctl status",
      values: { server: this.name },
    });
  }

  #tooLate(ms: number): NodeError {
    return new NodeError("CLOUD.TIMEOUT", `The manager at ${this.name} did not answer: ${ms / 1000} s have passed.`, {
      remedy: "What was asked may be done: look before you ask again.",
      values: { server: this.name, seconds: ms / 1000 },
    });
  }

  #connectionError(error: Error & { code?: string }, isConnected: boolean): NodeError {
    const code = error.code ?? "";
    if (isConnected && !code.startsWith("HPE_"))
      return new NodeError("CLOUD.LOST", `The connection to ${this.name} broke: ${error.message}.`, {
        remedy: "What was asked may be done: look before you ask again.",
        values: { server: this.name },
        cause: error,
      });
    if (code.startsWith("HPE_") || code === "EPROTO" || code.startsWith("ERR_SSL"))
      return this.nonsense("It speaks no HTTPS.");
    if (isDistrust(code))
      return new NodeError("CLOUD.UNTRUSTED", `The certificate of ${this.name} is not trusted: ${error.message}.`, {
        remedy:
          code === "ERR_TLS_CERT_ALTNAME_INVALID"
            ? "Give the host name of that management node: -H NAME, or --tls-name NAME beside its address."
            : "Copy /etc/binnacle/tls/ca.crt of a management node here and give it with --ca FILE.",
        values: { server: this.name },
        cause: error,
      });
    const isDoor = "socketPath" in this.#address;
    return this.#absent(isDoor && code === "ECONNREFUSED" ? notRunning : (absences[code] ?? `${error.message}.`));
  }
}

function headersOf(body: string | StreamedBody): http.OutgoingHttpHeaders {
  if (typeof body === "string")
    return { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
  return { "content-type": "application/octet-stream", "content-length": body.bytes };
}

function pour(
  { stream, bytes }: StreamedBody,
  request: http.ClientRequest,
  on: { moved: () => void; fail: (error: Error) => void },
): void {
  let left = bytes;
  stream.on("data", (chunk: Uint8Array) => {
    left -= chunk.length;
    on.moved();
  });
  stream.on("error", on.fail);
  stream.once("end", () => {
    if (left > 0) on.fail(new NodeError("CLOUD.FILE_CHANGED", "The file became shorter while it was sent.", shorter));
  });
  stream.pipe(request);
}

const shorter = { remedy: "Send it again when nothing changes it." };

const notRunning = "It does not run.";

const absences: Readonly<Record<string, string>> = {
  ECONNREFUSED: "Nothing listens on that port.",
  ENOENT: notRunning,
  EACCES: "Only root may do that.",
  ENOTFOUND: "No host has this name.",
  EAI_AGAIN: "Its name could not be looked up.",
  EHOSTUNREACH: "There is no way to this address.",
  ENETUNREACH: "There is no way to this network.",
  ETIMEDOUT: "It did not answer in time.",
};

/** Node gives OpenSSL's names of what is wrong with a certificate. */
function isDistrust(code: string): boolean {
  return /CERT|SIGNATURE|ERR_TLS_CERT|UNABLE_TO_|ISSUER/.test(code);
}

function stopped(): NodeError {
  return new NodeError("CLOUD.STOPPED", "Nobody waits for the answer any more: what was asked may be done.");
}

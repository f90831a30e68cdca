import { once } from "node:events";
import * as http from "node:http";
import * as https from "node:https";
import { setTimeout as pause } from "node:timers/promises";
import * as z from "zod";
import { NodeError } from "../../model/error.ts";
import type { Secret } from "../../model/secret.ts";
import { closed } from "../record.ts";
import { AttemptFailed, classifyPlain, failureIn, refused, uncertain, unreachable } from "./failure.ts";

export type EtcdOptions = {
  /** `https://10.0.0.1:2379`, one for each member. */
  endpoints: readonly [string, ...string[]];
  /**
   * PEM. Without `ca` the system's authorities count. With users, the subject of `cert` must have no common name: etcd's
   * gateway refuses it. The certificate of a member must be good for clients too, for its gateway is one.
   */
  tls?: { ca?: string; cert?: string; key?: string };
  user?: { name: string; password: Secret };
  /** For a call with all its attempts; 10 s unless told. */
  timeoutMs?: number;
  /** For one attempt at one member; 4 s unless told. */
  attemptMs?: number;
};

type Call = {
  path: string;
  body: object;
  /** Whether a second one does no harm when the first was made. */
  repeatable: boolean;
};

const tokenAnswer = z.object({ token: z.string() });
/** Between two rounds over all members. */
const pauseMs = 100;
/** What is left of a call's time is no longer worth an attempt: it would only hide why the one before failed. */
const shortestMs = 200;
/** A new token that is refused so often at once is not the problem. */
const mostTokens = 3;

/** etcd's HTTP gateway (`/v3/…`) on several members: time limits, repetition, tokens. Knows nothing of records. */
export class EtcdClient {
  readonly endpoints: readonly string[];
  readonly attemptMs: number;
  readonly #options: EtcdOptions;
  readonly #timeoutMs: number;
  readonly #agents: { http: http.Agent; https: https.Agent };
  readonly #closing = new AbortController();
  readonly #running = new Set<Promise<unknown>>();
  #at = 0;
  #token: Promise<string> | undefined;

  constructor(options: EtcdOptions) {
    this.endpoints = options.endpoints;
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? 10_000;
    this.attemptMs = options.attemptMs ?? 4000;
    // A peer that has vanished without a word is noticed by TCP's own probes, 15 s after its last one.
    const common = { keepAlive: true, keepAliveMsecs: 5000 };
    this.#agents = { http: new http.Agent(common), https: new https.Agent({ ...common, ...options.tls }) };
  }

  /** The member that is asked first. */
  get endpoint(): string {
    return this.endpoints[this.#at % this.endpoints.length] ?? "";
  }

  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /**
   * @throws STORE.UNREACHABLE, STORE.UNCERTAIN (only when not `repeatable`), STORE.DENIED, STORE.CLOSED, and what
   *   etcd refuses
   */
  call(call: Call): Promise<unknown> {
    if (this.closing.aborted) return Promise.reject(closed());
    const running = this.#call(call);
    const settled = running.catch(() => undefined).finally(() => this.#running.delete(settled));
    this.#running.add(settled);
    return running;
  }

  async #call({ path, body, repeatable }: Call): Promise<unknown> {
    const deadline = performance.now() + this.#timeoutMs;
    let tokens = 0;
    for (let attempt = 1; ; attempt++) {
      const leftMs = deadline - performance.now();
      const endpoint = this.endpoint;
      try {
        return await this.attempt(endpoint, path, body, Math.min(this.attemptMs, leftMs));
      } catch (error) {
        if (!(error instanceof AttemptFailed)) throw error;
        const { failure } = error;
        if (failure.kind === "refused") throw refused(failure.why, failure.code);
        if (failure.kind === "unknown" && !repeatable) throw uncertain(failure.why);
        if (failure.kind === "token") {
          if (++tokens > mostTokens) throw refused(failure.why, "STORE.DENIED");
        } else this.leave(endpoint);
        if (performance.now() + shortestMs >= deadline) throw unreachable(this.endpoints, failure.why);
        if (attempt % this.endpoints.length === 0 && failure.kind !== "token") await pause(pauseMs);
      }
    }
  }

  /** Asks another member from now on, unless that has happened meanwhile. */
  leave(endpoint: string): void {
    if (this.endpoint === endpoint) this.#at++;
  }

  /** The next call asks for a new one. */
  forgetToken(): void {
    this.#token = undefined;
  }

  /** One call to one member. @throws AttemptFailed */
  async attempt(endpoint: string, path: string, body: object, timeoutMs: number): Promise<unknown> {
    const signal = AbortSignal.timeout(Math.ceil(timeoutMs));
    const token = await this.#authenticated(endpoint, signal);
    const response = await this.#send(endpoint, path, body, token, signal);
    return this.#read(response, signal);
  }

  /** The messages of a stream from the present member, until it ends or `signal` says so. @throws AttemptFailed */
  async *stream(endpoint: string, path: string, body: object, signal: AbortSignal): AsyncGenerator<unknown, void> {
    const token = await this.#authenticated(endpoint, AbortSignal.any([signal, AbortSignal.timeout(this.attemptMs)]));
    // The gateway answers with its first message: that must come in time, the others when they like.
    const starting = new AbortController();
    const timer = setTimeout(() => starting.abort(), this.attemptMs);
    let response: http.IncomingMessage;
    try {
      response = await this.#send(endpoint, path, body, token, AbortSignal.any([signal, starting.signal]));
    } finally {
      clearTimeout(timer);
    }
    try {
      let rest = "";
      for await (const chunk of response.setEncoding("utf8")) {
        const lines = `${rest}${String(chunk)}`.split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) yield this.#unwrap(line);
      }
      if (rest !== "") yield this.#unwrap(rest);
    } catch (error) {
      if (error instanceof AttemptFailed || error instanceof NodeError || !response.errored) throw error;
      throw new AttemptFailed({ kind: "unknown", why: `${endpoint}: ${response.errored.message}` });
    } finally {
      response.destroy();
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#running);
    this.#agents.http.destroy();
    this.#agents.https.destroy();
  }

  async #authenticated(endpoint: string, signal: AbortSignal): Promise<string | undefined> {
    const { user } = this.#options;
    if (user === undefined) return undefined;
    this.#token ??= this.#authenticate(endpoint, user, signal);
    const asked = this.#token;
    try {
      return await asked;
    } catch (error) {
      if (this.#token === asked) this.forgetToken();
      // Whatever became of it, the call itself has not been sent.
      if (error instanceof AttemptFailed && error.failure.kind === "unknown")
        throw new AttemptFailed({ kind: "undone", why: error.failure.why });
      throw error;
    }
  }

  async #authenticate(
    endpoint: string,
    { name, password }: { name: string; password: Secret },
    signal: AbortSignal,
  ): Promise<string> {
    const body = { name, password: password.reveal() };
    const response = await this.#send(endpoint, "/v3/auth/authenticate", body, undefined, signal);
    return tokenAnswer.parse(await this.#read(response, signal)).token;
  }

  /** Resolves with the head of the answer. */
  #send(
    endpoint: string,
    path: string,
    body: object,
    token: string | undefined,
    signal: AbortSignal,
  ): Promise<http.IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>();
    const isTls = endpoint.startsWith("https:");
    const headers = {
      "content-type": "application/json",
      // A member that has lost its leader ends a stream instead of keeping silent.
      "grpc-metadata-hasleader": "true",
      ...(token === undefined ? {} : { authorization: token }),
    };
    const options = { method: "POST", headers, signal, agent: isTls ? this.#agents.https : this.#agents.http };
    const request = (isTls ? https : http).request(new URL(path, endpoint), options);
    let isConnected = false;
    request.on("socket", (socket) => {
      if (socket.connecting)
        socket.once(isTls ? "secureConnect" : "connect", () => {
          isConnected = true;
        });
      else isConnected = true;
    });
    request.once("error", (error) => {
      const why = signal.aborted ? `${endpoint} does not answer` : `${endpoint}: ${error.message}`;
      // A token that a member has never heard of can make it wait until the time is up.
      if (signal.aborted) this.forgetToken();
      reject(new AttemptFailed({ kind: isConnected ? "unknown" : "undone", why }));
    });
    request.once("response", resolve);
    request.end(JSON.stringify(body));
    return promise;
  }

  async #read(response: http.IncomingMessage, signal: AbortSignal): Promise<unknown> {
    let text = "";
    try {
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      await once(response, "end", { signal });
    } catch (error) {
      response.destroy();
      const why = signal.aborted ? "the answer does not end" : `the answer broke off: ${String(error)}`;
      throw new AttemptFailed({ kind: "unknown", why });
    }
    return this.#unwrap(text);
  }

  #unwrap(text: string): unknown {
    let answer: unknown;
    try {
      answer = JSON.parse(text);
    } catch {
      throw new AttemptFailed(classifyPlain(text));
    }
    const failure = failureIn(answer);
    if (failure === undefined) return answer;
    if (failure.kind === "token") this.forgetToken();
    throw new AttemptFailed(failure);
  }
}

/** Whether an error is one of a code. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof NodeError && error.code === code;
}

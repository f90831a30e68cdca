import { randomUUID } from "node:crypto";
import type { Readable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import * as z from "zod/mini";
import type { CloudCall } from "../model/cloud/calls/call.ts";
import { type CallOutput, type CloudCallName, type CloudCalls, cloudCalls } from "../model/cloud/calls/index.ts";
import { taskStates } from "../model/cloud/operations.ts";
import { cloudErrorBody } from "../model/cloud/refusal.ts";
import { NodeError } from "../model/error.ts";
import { jsonOrNothing } from "../model/json.ts";
import { type CloudAddress, type CloudAnswer, CloudConnection, type CloudRequest } from "./cloud-connection.ts";
import { requestOf } from "./cloud-request.ts";

type ErrorContent = z.infer<typeof cloudErrorBody>["error"];

/** What a manager answered when it did not do what was asked. */
export class CallRefused extends NodeError {
  readonly content: ErrorContent;

  constructor(content: ErrorContent) {
    super(content.code, `${content.description}: ${content.details}`, {
      ...(content.remedy === undefined ? {} : { remedy: content.remedy }),
      ...(content.values === undefined ? {} : { values: content.values }),
    });
    this.name = "CallRefused";
    this.content = content;
  }

  /** The resource or the field, as a path. */
  get where(): string | undefined {
    return this.content.where;
  }
}

/** What is looked at of a task; a later release may tell more. */
const followedTask = z.looseObject({
  uuid: z.string(),
  call: z.string(),
  state: z.enum(taskStates),
  progress: z.number(),
  step: z.nullable(z.string()),
  resourceUuid: z.nullable(z.string()),
});
export type FollowedTask = z.infer<typeof followedTask>;

const sentImage = z.object({ offset: z.number(), isWhole: z.boolean() });

export type FollowOptions = {
  signal?: AbortSignal | undefined;
  /** Told whenever the task was looked at. */
  onTask?: (task: FollowedTask) => void;
};

export type CloudClientOptions = CloudAddress & { token?: string | undefined; timeoutMs?: number };

/** A manager may be started anew, or give its place to another one, while its task is followed. */
const patienceMs = 60_000;
const firstPauseMs = 50;
const longestPauseMs = 2_000;
/** A broken connection is tried again this often. */
const retries = 2;
const retryPauseMs = 200;

/**
 * Calls a manager over HTTPS. Every failure is a NodeError: a CallRefused with what the manager said, or a `CLOUD.…` of
 * `CloudConnection`. A change carries an idempotency key, so that it is tried again after a broken connection, and done
 * once.
 */
export class CloudClient {
  /** Of the session; `LogInByAccount` gives one. */
  token: string | undefined;
  readonly #connection: CloudConnection;

  constructor({ token, timeoutMs = 30_000, ...address }: CloudClientOptions) {
    this.token = token;
    this.#connection = new CloudConnection(address, timeoutMs);
  }

  /** Host and port as people write them. */
  get server(): string {
    return this.#connection.name;
  }

  /** A call whose answer is what its schema says. */
  async call<N extends CloudCallName>(
    name: N,
    input: z.input<CloudCalls[N]["input"]>,
    signal?: AbortSignal,
  ): Promise<CallOutput<N>> {
    const answer = await this.ask(name, { ...input }, signal);
    const parsed = cloudCalls[name].output.safeParse(answer);
    if (!parsed.success) throw this.#connection.nonsense(`${name} has another form.`);
    return parsed.data as CallOutput<N>;
  }

  /** The same, with an answer that is not checked: nothing of what another release tells is lost. */
  async ask(name: CloudCallName, input: Readonly<Record<string, unknown>>, signal?: AbortSignal): Promise<object> {
    const call: CloudCall = cloudCalls[name];
    return this.#answerOf(await this.#sendSafely(call, { ...requestOf(call, input), signal }));
  }

  /**
   * Sends an image that was added with `upload://`, from `offset` on; without `content` it only asks how far it has come.
   * See `uploadImage`, which goes on after a connection broke.
   */
  async sendImage(
    uuid: string,
    { offset, totalBytes, content }: { offset: number; totalBytes: number; content?: Readable },
    signal?: AbortSignal,
  ): Promise<{ offset: number; isWhole: boolean }> {
    const path = `/v1/images/${encodeURIComponent(uuid)}/content?offset=${offset}&total=${totalBytes}`;
    const put = { method: "PUT", path, headers: this.#headersOf({ access: "session", mode: "read" }), signal };
    const body = content === undefined ? undefined : { stream: content, bytes: totalBytes - offset };
    const parsed = sentImage.safeParse(this.#answerOf(await this.#connection.send({ ...put, body })));
    if (!parsed.success) throw this.#connection.nonsense("It does not say how much has come.");
    return parsed.data;
  }

  #answerOf({ status, text }: CloudAnswer): object {
    const json = jsonOrNothing(text);
    if (status >= 200 && status < 300 && isObject(json)) return json;
    const refused = cloudErrorBody.safeParse(json);
    if (status >= 400 && refused.success) throw new CallRefused(refused.data.error);
    throw this.#connection.nonsense(`Status ${status}, and ${json === undefined ? "no JSON" : "another form"}.`);
  }

  /** Waits until a task has ended, however it ends. A manager that is away for less than a minute is waited for. */
  async follow(uuid: string, { signal, onTask }: FollowOptions = {}): Promise<FollowedTask> {
    let [pauseMs, lastHeard] = [firstPauseMs, performance.now()];
    for (;;) {
      try {
        const task = this.taskIn(await this.ask("GetTask", { uuid }, signal), "inventory");
        lastHeard = performance.now();
        onTask?.(task);
        if (["Succeeded", "Failed", "Cancelled"].includes(task.state)) return task;
      } catch (error) {
        if (!isPassing(error) || performance.now() - lastHeard > patienceMs) throw error;
      }
      await pause(pauseMs, undefined, { signal }).catch(() => {});
      pauseMs = Math.min(pauseMs * 1.5, longestPauseMs);
    }
  }

  /** The task that an answer holds. */
  taskIn(answer: object, field: "task" | "inventory"): FollowedTask {
    const parsed = followedTask.safeParse(new Map<string, unknown>(Object.entries(answer)).get(field));
    if (!parsed.success) throw this.#connection.nonsense("It holds no task.");
    return parsed.data;
  }

  close(): void {
    this.#connection.close();
  }

  #headersOf({ access, mode }: Pick<CloudCall, "access" | "mode">): Record<string, string> {
    return {
      ...(access === "public" || this.token === undefined ? {} : { authorization: `Bearer ${this.token}` }),
      ...(mode === "read" ? {} : { "idempotency-key": randomUUID() }),
    };
  }

  async #sendSafely(
    call: Pick<CloudCall, "access" | "mode" | "resource">,
    request: CloudRequest,
  ): Promise<CloudAnswer> {
    const headers = this.#headersOf(call);
    let first: unknown;
    for (let left = isRepeatable(call) ? retries : 0; ; left--)
      try {
        return await this.#connection.send({ ...request, headers });
      } catch (error) {
        // That nothing listens any more does not tell whether the first attempt was carried out.
        first ??= error;
        if (left === 0 || !(error instanceof NodeError) || !canBeRepeated(first, error)) throw first;
        await pause(retryPauseMs);
      }
  }
}

/** Log-ins and passwords have no idempotency: a second attempt might count as a wrong password. */
function isRepeatable({ mode, resource }: Pick<CloudCall, "mode" | "resource">): boolean {
  return mode === "read" || (resource !== "Session" && resource !== "User");
}

function canBeRepeated(first: unknown, error: NodeError): boolean {
  const isLost = first instanceof NodeError && first.code === "CLOUD.LOST";
  return isLost && (error.code === "CLOUD.LOST" || error.code === "CLOUD.ABSENT");
}

/** That the same may do a moment later. */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof NodeError)) return false;
  return ["CLOUD.ABSENT", "CLOUD.LOST", "CLOUD.TIMEOUT", "SYS.1009"].includes(error.code);
}

function isObject(json: unknown): json is object {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

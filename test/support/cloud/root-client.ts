import { once } from "node:events";
import { Agent, type IncomingMessage, request } from "node:http";
import { CallRefused } from "../../../core/api/cloud-client.ts";
import { requestOf } from "../../../core/api/cloud-request.ts";
import type { CloudCall } from "../../../core/model/cloud/calls/call.ts";
import {
  type CallInput,
  type CallOutput,
  type CloudCallName,
  cloudCalls,
} from "../../../core/model/cloud/calls/index.ts";
import { cloudErrorBody } from "../../../core/model/cloud/refusal.ts";
import type { RecordOf } from "../../../core/orchestrator/kinds.ts";

/** The manager did not answer: what was asked may be done or not. */
export class NoAnswer extends Error {}

/** What a call was answered, whichever way. */
export type Answer = { value: object } | { refused: CallRefused };

/** A client at root's door, which says nothing of its own accord and repeats nothing. */
export class RootClient {
  readonly #socketPath: string;
  readonly #agent: Agent;

  /** @param keepAlive a kept connection may be closed by the manager at the moment at which something is asked on it */
  constructor(socketPath: string, keepAlive = true) {
    this.#socketPath = socketPath;
    this.#agent = new Agent({ keepAlive, maxSockets: 64 });
  }

  /** `key`: of idempotency. @throws NoAnswer */
  async send(name: CloudCallName, input: object, key?: string): Promise<Answer> {
    const call: CloudCall = cloudCalls[name];
    const { method, path, body } = requestOf(call, { ...input });
    const { status, text } = await this.#exchange(method, path, body, key);
    const json: unknown = JSON.parse(text);
    if (status < 300 && typeof json === "object" && json !== null) return { value: json };
    const parsed = cloudErrorBody.safeParse(json);
    if (!parsed.success) throw new Error(`${name} was answered with ${status}: ${text.slice(0, 500)}`);
    return { refused: new CallRefused(parsed.data.error) };
  }

  /** @throws CallRefused, NoAnswer */
  async call<N extends CloudCallName>(name: N, input: Partial<CallInput<N>>, key?: string): Promise<CallOutput<N>> {
    const answer = await this.send(name, input, key);
    if ("refused" in answer) throw answer.refused;
    return cloudCalls[name].output.parse(answer.value) as CallOutput<N>;
  }

  /** Starts a task and waits for its end. @throws CallRefused, NoAnswer */
  async done(name: CloudCallName, input: object): Promise<RecordOf<"Task">> {
    const answer = await this.send(name, input);
    if ("refused" in answer) throw answer.refused;
    const { task } = answer.value as { task: RecordOf<"Task"> };
    return this.taskEnd(task.uuid);
  }

  /** Until a task has ended; it is told by the manager's own stream. @throws CallRefused, NoAnswer */
  async taskEnd(uuid: string): Promise<RecordOf<"Task">> {
    // The stream ends with the task.
    const { status } = await this.#exchange("GET", `/v1/tasks/${uuid}/events`, undefined, undefined);
    const { inventory } = await this.call("GetTask", { uuid });
    if (status === 200 && inventory.endDate === null) return this.taskEnd(uuid);
    return inventory;
  }

  /** What comes on a stream of events, part by part, until nobody looks any more. @throws NoAnswer */
  async *events(path: string): AsyncGenerator<string, void> {
    const asked = request({ socketPath: this.#socketPath, path });
    asked.end();
    try {
      const [response] = (await once(asked, "response")) as [IncomingMessage];
      for await (const part of response.setEncoding("utf8")) yield String(part);
    } catch (error) {
      throw new NoAnswer(`GET ${path}: ${String(error)}`);
    } finally {
      asked.destroy();
    }
    throw new NoAnswer(`GET ${path}: the stream has ended`);
  }

  close(): void {
    this.#agent.destroy();
  }

  #exchange(
    method: string,
    path: string,
    body: string | undefined,
    key: string | undefined,
  ): Promise<{ status: number; text: string }> {
    return new Promise((resolve, reject) => {
      const lost = (error: Error) => reject(new NoAnswer(`${method} ${path}: ${error.message}`));
      const headers = {
        ...(body === undefined
          ? {}
          : { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
        ...(key === undefined ? {} : { "idempotency-key": key }),
      };
      const asked = request({ socketPath: this.#socketPath, method, path, headers, agent: this.#agent });
      asked.on("error", lost);
      asked.on("response", (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (part: string) => {
          text += part;
        });
        response.on("error", lost);
        response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
      });
      asked.end(body);
    });
  }
}

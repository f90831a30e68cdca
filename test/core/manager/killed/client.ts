import assert from "node:assert/strict";
import type { CloudCallName } from "../../../../core/model/cloud/calls/index.ts";
import type { ResourceKind } from "../../../../core/model/cloud/resources.ts";
import type { RecordOf } from "../../../../core/orchestrator/kinds.ts";
import { type Answer, NoAnswer, type RootClient } from "../../../support/cloud/root-client.ts";
import type { Random } from "../../../support/random.ts";

/* Clients that know for certain what they were answered: each repeats a call, with its key, until it has an answer. */

type Known = { kind: ResourceKind; uuid: string; fields: Readonly<Record<string, unknown>> };
type Call = { name: CloudCallName; input: object; key: string; answer: object };

/** What all clients together know of the cloud. */
export class Book {
  /** Resources that are there, with what is known of them. */
  readonly known = new Map<string, Known>();
  readonly gone = new Map<string, Pick<Known, "kind" | "uuid">>();
  /** Calls that were answered with what they did. */
  readonly calls: Call[] = [];
  /** Tasks that were begun, and how they ended as far as somebody was told. */
  readonly tasks = new Map<string, RecordOf<"Task"> | undefined>();
  /** Calls that got no answer at first. */
  repeated = 0;
  /** Codes of refusals and failures, with their number. */
  readonly codes = new Map<string, number>();

  keep(kind: ResourceKind, uuid: string, fields: Readonly<Record<string, unknown>>): void {
    this.known.set(uuid, { kind, uuid, fields: { ...this.known.get(uuid)?.fields, ...fields } });
  }

  remove(uuid: string): void {
    const known = this.known.get(uuid);
    if (known === undefined) return;
    this.known.delete(uuid);
    this.gone.set(uuid, { kind: known.kind, uuid });
  }

  count(what: string): void {
    this.codes.set(what, (this.codes.get(what) ?? 0) + 1);
  }
}

export type ClientOptions = {
  name: string;
  random: Random;
  book: Book;
  door: RootClient;
  /** Resolves when the manager serves, at once when it does already. */
  serving: () => Promise<void>;
};

export class Client {
  readonly random: Random;
  readonly book: Book;
  readonly #options: ClientOptions;
  #calls = 0;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.random = options.random;
    this.book = options.book;
  }

  /** A name that nothing else has. */
  newName(): string {
    return `${this.#options.name}-${this.#calls}`;
  }

  /** A change; undefined when it was refused. */
  async change(name: CloudCallName, input: object): Promise<object | undefined> {
    const key = `${this.#options.name}:${this.#calls++}`;
    const answer = await this.#answered((door) => door.send(name, input, key));
    if ("refused" in answer) {
      this.book.count(`${name} ${answer.refused.code}`);
      return undefined;
    }
    this.book.calls.push({ name, input, key, answer: answer.value });
    return answer.value;
  }

  /** A new resource; undefined when it was refused. */
  async create(kind: ResourceKind, name: CloudCallName, input: Readonly<Record<string, unknown>>) {
    const answer = await this.change(name, input);
    if (answer === undefined) return undefined;
    const { inventory } = answer as { inventory: { uuid: string } };
    this.book.keep(kind, inventory.uuid, { name: input["name"] });
    return inventory;
  }

  /** A task until its end; undefined when it was refused. */
  async task(name: CloudCallName, input: object): Promise<RecordOf<"Task"> | undefined> {
    const answer = await this.change(name, input);
    return answer === undefined ? undefined : this.follow(name, answer);
  }

  /** The end of the task that a call was answered with. */
  async follow(name: CloudCallName, answer: object): Promise<RecordOf<"Task">> {
    const { task } = answer as { task: RecordOf<"Task"> };
    this.book.tasks.set(task.uuid, undefined);
    const ended = await this.#answered((door) => door.taskEnd(task.uuid));
    this.book.tasks.set(task.uuid, ended);
    if (ended.state !== "Succeeded") this.book.count(`${name} task ${ended.state} ${ended.error?.code}`);
    return ended;
  }

  /** A look. */
  async get<K extends ResourceKind>(kind: K, uuid: string): Promise<RecordOf<K> | undefined> {
    const answer: Answer = await this.#answered((door) => door.send(`Get${kind}` as CloudCallName, { uuid }));
    if ("refused" in answer) {
      assert.equal(answer.refused.code, "SYS.1005");
      return undefined;
    }
    return (answer.value as { inventory: RecordOf<K> }).inventory;
  }

  /** Those that fit a condition. */
  async find(name: CloudCallName, condition: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const answer = await this.#answered((door) => door.send(name, { q: [condition] }));
    if ("refused" in answer) throw answer.refused;
    return (answer.value as { inventories: Readonly<Record<string, unknown>>[] }).inventories;
  }

  async #answered<T>(ask: (door: RootClient) => Promise<T>): Promise<T> {
    for (;;)
      try {
        return await ask(this.#options.door);
      } catch (error) {
        if (!(error instanceof NoAnswer)) throw error;
        this.book.repeated += 1;
        await this.#options.serving();
      }
  }
}

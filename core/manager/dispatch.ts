import { createHash } from "node:crypto";
import type * as z from "zod/mini";
import type { CloudCall } from "../model/cloud/calls/call.ts";
import { type CloudCallName, cloudCalls, secretFields } from "../model/cloud/calls/index.ts";
import { checkFields } from "../model/cloud/check-fields.ts";
import { CloudError, type Refusal, refusalOf } from "../model/cloud/refusal.ts";
import { Secret } from "../model/secret.ts";
import { type CallContext, type Caller, rootCaller } from "../orchestrator/calls/handler.ts";
import type { Records, Tx } from "../orchestrator/records.ts";
import type { Store } from "../store/store.ts";
import type { Audit, AuditedCall } from "./audit.ts";
import { argumentsText } from "./audit-arguments.ts";
import { toCloudError } from "./failure.ts";

/**
 * Carries out the change that a call asks for: one durable transaction, with the call's record of the audit in it, and
 * with its answer when the call has an idempotency key. A repeated call is given the answer of the first one.
 */
export type ChangeOfCall = (decide: (tx: Tx) => object) => Promise<object>;

/** What carries out one call; `act` is for those that are more than one transaction, such as a log-in. */
type CallHandler =
  | { decide: (tx: Tx, input: never, context: CallContext) => object }
  | { read: (input: never, context: CallContext) => object | Promise<object> }
  | { act: (input: never, context: CallContext, change: ChangeOfCall) => Promise<object> };

/** `accountOf`: of a call without a session, on whose behalf it is made, for the audit. */
export type CallTable = { [N in CloudCallName]?: CallHandler & { accountOf?: (input: never) => string } };

/** Whom a token belongs to. @throws CloudError IDENTITY.… */
export type Authenticate = (token: Secret, call: CloudCallName) => Omit<Caller, "address">;

export type DispatcherOptions = {
  calls: CallTable;
  records: Records;
  store: Pick<Store, "get">;
  authenticate: Authenticate;
  audit: Pick<Audit, "newKey" | "put" | "change" | "read" | "flush">;
  context: Omit<CallContext, "caller" | "token">;
  /** Told of each call that has ended. `error`: what it answered. */
  onEnd?: (name: string, durationMs: number, error: CloudError | null) => void;
};

export type Ask = {
  token: string | undefined;
  /** Root of the management node itself, who needs no session. */
  isRoot?: boolean;
  address: string;
  requestBytes: number;
  /** Header Idempotency-Key. */
  idempotencyKey?: string | undefined;
};

const nobody = { sessionUuid: null, userUuid: null, accountName: null };
const longestKey = 128;

/** A call that is being carried out, as the audit will tell of it. */
type Running = {
  readonly name: CloudCallName;
  readonly given: unknown;
  /** What was given as the call's schema has it; undefined until it is found good. */
  input?: object;
  readonly ask: Ask;
  /** Milliseconds of `performance.now()`. */
  readonly began: number;
  caller: Caller;
  /** Of its record in the audit; undefined for a call that only reads, which shares one. */
  readonly auditKey: string | undefined;
  /** Its record is durable, with what it has changed. */
  isAudited: boolean;
};

/** Carries out calls by their name: checks who asks and what is given, changes the records, and writes the audit. */
export class Dispatcher {
  readonly #options: DispatcherOptions;

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  /** The answer of a call. @throws CloudError, whatever went wrong */
  async run(name: CloudCallName, given: unknown, ask: Ask): Promise<object> {
    const { context, audit, onEnd } = this.#options;
    const call: CloudCall = cloudCalls[name];
    const began = performance.now();
    const auditKey = call.mode === "read" ? undefined : audit.newKey();
    const caller: Caller = { ...nobody, address: ask.address };
    const running: Running = { name, given, ask, began, caller, auditKey, isAudited: false };
    const token = new Secret(ask.token ?? "");
    let answer: object | undefined;
    let failure: CloudError | null = null;
    try {
      if (ask.isRoot === true) running.caller = { ...rootCaller, address: ask.address };
      else if (call.access === "session")
        running.caller = { ...this.#options.authenticate(token, name), address: ask.address };
      running.input = checked(call.input, given);
      answer = await this.#carryOut(running, running.input, { ...context, caller: running.caller, token });
    } catch (error) {
      failure = toCloudError(error);
    }
    onEnd?.(name, performance.now() - began, failure);
    if (!running.isAudited) {
      const audited = auditedCall(running, answer, failure);
      if (auditKey !== undefined) await audit.change(auditKey, audited);
      // Who asks for nothing but whether we are there is not worth a record.
      else if (call.access === "session") audit.read(audited);
    }
    if (failure !== null) throw failure;
    if (answer === undefined) throw new Error(`${name} ended without an answer.`);
    return answer;
  }

  async #carryOut(running: Running, input: object, context: CallContext): Promise<object> {
    const handler = this.#options.calls[running.name];
    if (handler === undefined) throw new Error(`Nothing carries out ${running.name}.`);
    const accountName = handler.accountOf?.(input as never);
    if (accountName !== undefined) running.caller = { ...running.caller, accountName };
    if ("read" in handler) return handler.read(input as never, context);
    if ("act" in handler) return handler.act(input as never, context, (decide) => this.#change(running, input, decide));
    return this.#change(running, input, (tx) => handler.decide(tx, input as never, context));
  }

  async #change(running: Running, input: object, decide: (tx: Tx) => object): Promise<object> {
    const { records, audit } = this.#options;
    const { name, auditKey } = running;
    const audited = (tx: Tx) => {
      const answer = decide(tx);
      if (auditKey !== undefined) audit.put(tx, auditKey, auditedCall(running, answer, null));
      return answer;
    };
    const key = idempotencyKeyOf(running);
    if (key === undefined) {
      const answer = await records.change(audited);
      running.isAudited = auditKey !== undefined;
      return answer;
    }
    const hash = hashOf(name, input);
    const earlier = await this.#earlierAnswer(key, hash);
    if (earlier !== undefined) return earlier;
    try {
      const made = await records.change((tx) => {
        const answer = audited(tx);
        const value = { hash, at: tx.now, answer: JSON.parse(JSON.stringify(answer)) };
        tx.put("IdempotencyKey", key, value, true);
        return answer;
      });
      running.isAudited = auditKey !== undefined;
      return made;
    } catch (error) {
      // The same call, at the same moment, was faster.
      const faster = await this.#earlierAnswer(key, hash);
      if (faster !== undefined) return faster;
      throw error;
    }
  }

  async #earlierAnswer(key: string, hash: string): Promise<object | undefined> {
    const earlier = await this.#options.store.get("IdempotencyKey", key);
    if (earlier === undefined) return;
    const { hash: ofEarlier, answer } = earlier.value;
    if (ofEarlier === hash && typeof answer === "object" && answer !== null) return answer;
    const details = "Its first call was another one, or had other arguments.";
    throw new CloudError(
      refusalOf("SYS.1012", { where: "Idempotency-Key", details, remedy: "Make a new key for each thing you want." }),
    );
  }
}

/** The input as the call's schema has it; one error for everything that is wrong with it. */
function checked(schema: z.ZodMiniObject, given: unknown): object {
  const result = checkFields(schema, given);
  if ("value" in result) return result.value;
  throw new CloudError(joined(result.refusals));
}

function joined(refusals: readonly Refusal[]): Refusal {
  const [first] = refusals;
  if (first === undefined) throw new Error("An input was refused without any reason.");
  if (refusals.length === 1) return first;
  const where = refusals.map((each) => each.where).join(", ");
  const details = refusals.map((each) => `${each.where}: ${each.details}`).join(" ");
  const remedy = [...new Set(refusals.map((each) => each.remedy))].join(" ");
  return { ...first, where, details, remedy };
}

/** Keys of one account are its own: nobody sees another's answer. */
function idempotencyKeyOf({ caller: { userUuid }, ask: { idempotencyKey: key } }: Running): string | undefined {
  if (key === undefined) return;
  if (key.length >= 1 && key.length <= longestKey && /^[\x21-\x7e]+$/.test(key)) return `${userUuid ?? "-"}:${key}`;
  const details = "It is not 1 to 128 visible ASCII characters.";
  throw new CloudError(
    refusalOf("SYS.1001", { where: "Idempotency-Key", details, remedy: "Give a random one such as a UUID." }),
  );
}

/** Without passwords: whoever reads the store could guess at them by the hash. */
function hashOf(name: string, input: object): string {
  const known = Object.entries(input).filter(([field]) => !secretFields.has(field));
  const sorted = known.sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash("sha256")
    .update(JSON.stringify([name, sorted]))
    .digest("base64url");
}

function auditedCall(
  { name, given, input, ask, began, caller }: Running,
  answer: object | undefined,
  failure: CloudError | null,
): AuditedCall {
  const { access, mode } = cloudCalls[name];
  const { inventory, task } = partsOf(answer);
  return {
    call: name,
    resourceUuid:
      uuidIn(given) ?? uuidIn(inventory) ?? uuidIn(inventory, "vmInstanceUuid") ?? uuidIn(task, "resourceUuid"),
    taskUuid: uuidIn(task),
    caller,
    // Reads share a record, whatever they were given. Whoever logs in has typed a name, or the password in its place.
    arguments: input === undefined || mode === "read" || access === "public" ? null : argumentsText(input, given),
    errorCode: failure?.code ?? null,
    durationMs: performance.now() - began,
    requestBytes: ask.requestBytes,
  };
}

function partsOf(answer: object = {}): { inventory?: unknown; task?: unknown } {
  return answer;
}

function uuidIn(value: unknown, field = "uuid"): string | null {
  const found = new Map<string, unknown>(Object.entries(value ?? {})).get(field);
  return typeof found === "string" && /^[\da-f]{32}$/.test(found) ? found : null;
}

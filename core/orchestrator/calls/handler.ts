import type { CallInput, CallOutput, CloudCallName } from "../../model/cloud/calls/index.ts";
import type { Secret } from "../../model/secret.ts";
import type { JsonObject } from "../../store/record.ts";
import type { RecordOf } from "../kinds.ts";
import type { Mirror } from "../mirror.ts";
import type { Tx } from "../records.ts";
import type { LiveSettings } from "../settings.ts";

/** Who makes a call. */
export type Caller = {
  /** null without a session. */
  sessionUuid: string | null;
  userUuid: string | null;
  accountName: string | null;
  /** Where the call came from. */
  address: string;
};

/** Root of the management node itself, who has come through its own door. */
export const rootCaller = { sessionUuid: null, userUuid: null, accountName: "root" } as const;

/** A user who is called root has a uuid. */
export function isRoot({ userUuid, accountName }: Caller): boolean {
  return userUuid === null && accountName === rootCaller.accountName;
}

/** Work that goes on after the answer, as it is put into the transaction of the call. */
export type NewTask = {
  /** Of the flow. */
  flow: string;
  data: JsonObject;
  call: CloudCallName;
  /** For people: `Create machine web-1`. */
  name: string;
  resourceUuid: string | null;
  /** Of the task; a new one unless told. */
  uuid?: string;
};
export type StartTask = (tx: Tx, task: NewTask, context: CallContext) => RecordOf<"Task">;

export type CallContext = {
  caller: Caller;
  /** What the caller has shown; empty when it has shown none. */
  token: Secret;
  startTask: StartTask;
  mirror: Mirror;
  settings: LiveSettings;
  /** A new version 4 UUID as the cloud writes it. Called anew when a decision is made anew. */
  newUuid: () => string;
};

/** Changes the cloud: reads and writes `tx` and has no other effect, for it is asked again when others were faster. */
export type Decide<N extends CloudCallName> = (tx: Tx, input: CallInput<N>, context: CallContext) => CallOutput<N>;
export type DecidersOf<N extends CloudCallName> = { readonly [M in N]: Decide<M> };

/** The plain uuid of the cloud out of the usual text of one. */
export function cloudUuid(text: string): string {
  return text.replaceAll("-", "");
}

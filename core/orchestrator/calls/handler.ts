import type { CallInput, CallOutput, CloudCallName } from "../../model/cloud/calls/index.ts";
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

export type CallContext = {
  caller: Caller;
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

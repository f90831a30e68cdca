import { isIPv6 } from "node:net";
import type { CallInput, CallOutput } from "../model/cloud/calls/index.ts";
import { CloudError, refusalOf } from "../model/cloud/refusal.ts";
import { Secret } from "../model/secret.ts";
import type { CallContext } from "../orchestrator/calls/handler.ts";
import type { ConsolePasswords } from "./passwords.ts";
import type { ProxyPlace } from "./place.ts";
import type { ConsoleTokens } from "./tokens.ts";

/** Where this manager's proxy is now; undefined: it does not listen. */
export type FindProxy = () => Pick<ProxyPlace, "hostname" | "port"> | undefined;

/**
 * The call that gives a way to a console. It is a transaction of its own: what is kept of a call with an idempotency key is
 * its answer, and this one has a secret in it.
 */
export function consoleActs(
  tokens: ConsoleTokens,
  passwords: ConsolePasswords,
  findProxy: FindProxy = () => undefined,
) {
  return {
    ...passwords.acts(),
    RequestConsoleAccess: async (
      { vmInstanceUuid, kind, consolePassword }: CallInput<"RequestConsoleAccess">,
      { caller }: CallContext,
    ): Promise<CallOutput<"RequestConsoleAccess">> => {
      const place = findProxy();
      if (place === undefined) throw notListening();
      const given = consolePassword === undefined ? undefined : new Secret(consolePassword);
      const require = await passwords.require(vmInstanceUuid, given, caller);
      const issued = await tokens.issue(vmInstanceUuid, kind, caller, require);
      const { hostname, port } = place;
      const [token, { expiresAt }] = [issued.token.reveal(), issued];
      const url = `https://${isIPv6(hostname) ? `[${hostname}]` : hostname}:${port}/${kind}#${token}`;
      return { inventory: { vmInstanceUuid, kind, scheme: "https", hostname, port, token, url, expiresAt } };
    },
  };
}

function notListening(): CloudError {
  return new CloudError(
    refusalOf("SYS.1090", {
      where: "console proxy",
      details: "This manager's console proxy can't listen at its address and port.",
      remedy: "See the manager's log, and set others: F2, Configure Console Proxy on the management node.",
    }),
  );
}

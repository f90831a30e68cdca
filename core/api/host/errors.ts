import type { CloudErrorCode } from "../../model/cloud/error-codes.ts";
import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import { errorBody, NodeError } from "../../model/error.ts";
import { shown } from "../../model/quote.ts";

/* What can be wrong with a host that is asked over the network. `address`: where it was asked. */

type Why = { details: string; remedy: string; cause?: unknown; values?: Record<string, string | number> };

export function hostError(code: CloudErrorCode, address: string, { details, remedy, cause, values }: Why): CloudError {
  const where = `Host ${shown(address)}`;
  return new CloudError(
    refusalOf(code, { where, details, remedy, ...(values === undefined ? {} : { values }) }),
    cause,
  );
}

export function unreachable(address: string, details: string, cause?: unknown): CloudError {
  const remedy = "Look whether the host runs, its agent too, and whether the network lets TCP 7070 through.";
  return hostError("HOST.1010", address, { details, remedy, cause });
}

export function wrongCertificate(address: string, details: string, cause?: unknown): CloudError {
  const remedy =
    "Look who answers at that address. If it is the host, installed anew for instance, add it to the cloud again.";
  return hostError("HOST.1011", address, { details, remedy, cause });
}

export function agentFailed(address: string, cause: NodeError): CloudError {
  const { message, remedy = "Look at the log of the host's agent." } = cause;
  return hostError("HOST.1012", address, { details: message, remedy, cause });
}

/** The answer is not one of this protocol. `what`: in which way, to stand behind "The agent's answer". */
export function nonsense(address: string, what: string): CloudError {
  const cause = new NodeError("AGENT.NONSENSE", `The agent's answer ${what}.`, {
    remedy: "Look who answers at that address; upgrade the host when it is of an older release.",
  });
  return agentFailed(address, cause);
}

export function otherProtocol(address: string, theirs: number, ours: { oldest: number; newest: number }): CloudError {
  const known = ours.oldest === ours.newest ? `${ours.newest}` : `${ours.oldest} to ${ours.newest}`;
  const sentence = `The agent speaks version ${theirs} of the protocol, this manager ${known}.`;
  const remedy = theirs < ours.oldest ? "Upgrade the host." : "Upgrade the manager first.";
  return agentFailed(
    address,
    new NodeError("AGENT.PROTOCOL", sentence, { remedy, values: { theirs, ours: ours.newest } }),
  );
}

const longestSentence = 500;
const mostValues = 16;

/** What an agent says that went wrong. It may lie: what it says is cut, and made harmless for a terminal. */
export function agentsError(json: unknown): NodeError | undefined {
  const parsed = errorBody.safeParse(json);
  if (!parsed.success) return undefined;
  const { code, description, remedy, values = {} } = parsed.data.error;
  if (!/^[A-Z\d_]{1,32}\.[A-Z\d_]{1,64}$/.test(code)) return undefined;
  const few = Object.entries(values)
    .slice(0, mostValues)
    .map(([name, value]) => [plain(name), typeof value === "string" ? plain(value) : value]);
  return new NodeError(code, plain(description), {
    ...(remedy === undefined ? {} : { remedy: plain(remedy) }),
    values: Object.fromEntries(few),
  });
}

function plain(text: string): string {
  return text.slice(0, longestSentence).replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, " ");
}

/** The system's or OpenSSL's name of what went wrong, for a sentence. */
export function nameOfError(error: unknown): string {
  if (error instanceof Error && "code" in error && typeof error.code === "string") return error.code;
  return error instanceof Error ? error.message.slice(0, 200) : "unknown";
}

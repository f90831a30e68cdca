import type { CloudErrorCode } from "../../model/cloud/error-codes.ts";
import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import { errorBody, NodeError } from "../../model/error.ts";
import { shown } from "../../model/quote.ts";
import { certificateEnded } from "../../orchestrator/host-link.ts";

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

/** OpenSSL's name for it, as it stands in `values.reason` of a refusal. */
const hasExpired = "CERT_HAS_EXPIRED";

/** OpenSSL's reasons not to take a certificate, as far as a person can tell one from the other. */
const certificateReasons: Record<string, string> = {
  [hasExpired]: "Its certificate has expired.",
  CERT_NOT_YET_VALID: "Its certificate is not valid yet: look at the manager's clock.",
  DEPTH_ZERO_SELF_SIGNED_CERT: "It shows a certificate that it has signed itself: it belongs to no cloud.",
  SELF_SIGNED_CERT_IN_CHAIN: "Its certificate comes from another cloud.",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "Its certificate comes from another cloud.",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "Its certificate comes from another cloud.",
  UNABLE_TO_GET_ISSUER_CERT: "Its certificate comes from another cloud.",
  CERT_SIGNATURE_FAILURE: "Its certificate is forged.",
};

/** A certificate that TLS did not take. `reason`: OpenSSL's name of why; undefined when it is none of these. */
export function untrusted(address: string, reason: string, cause?: unknown): CloudError | undefined {
  const details = certificateReasons[reason];
  if (details === undefined) return undefined;
  if (reason !== hasExpired) return wrongCertificate(address, details, cause);
  const remedy = "Compare the clocks of both; then connect to it anew (ReconnectHost), which gives it another one.";
  return hostError("HOST.1011", address, { details, remedy, cause, values: { reason: certificateEnded } });
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

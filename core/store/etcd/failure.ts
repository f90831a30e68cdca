import * as z from "zod";
import { NodeError } from "../../model/error.ts";

/** How etcd's gateway says that a call failed; in a stream inside of `error`, and then with `grpc_code`. */
const refusal = z.object({
  message: z.string().optional(),
  error: z.union([z.string(), z.object({ message: z.string(), grpc_code: z.number().optional() })]),
  code: z.number().optional(),
});

/** gRPC's status codes: https://grpc.io/docs/guides/status-codes/ */
const [notFound, denied, unauthenticated] = [5, 7, 16];
/** Invalid argument, exists already, failed precondition, out of range, not implemented: nothing was done. */
const definite: ReadonlySet<number> = new Set([3, 6, 9, 11, 12]);

/**
 * What became of one attempt at one member.
 * `undone`: it certainly had no effect. `token`: nor this, and a new token may help. `unknown`: nobody can say.
 * `refused`: every member would say the same; `code` is ours.
 */
export type Failure =
  | { readonly kind: "undone" | "token" | "unknown"; readonly why: string }
  | { readonly kind: "refused"; readonly why: string; readonly code: string };

export class AttemptFailed extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.why);
    this.failure = failure;
  }
}

/** The failure that an answer tells of; undefined when it tells of none. */
export function failureIn(answer: unknown): Failure | undefined {
  const parsed = refusal.safeParse(answer);
  if (!parsed.success) return undefined;
  const { error, message, code } = parsed.data;
  return typeof error === "string" ? classify(message ?? error, code) : classify(error.message, error.grpc_code);
}

/** @param why in etcd's words */
export function classify(why: string, code: number | undefined): Failure {
  if (code === unauthenticated || /invalid auth token|auth store is old/.test(why)) return { kind: "token", why };
  if (/too many operations|request is too large/.test(why)) return { kind: "refused", why, code: "STORE.TOO_LARGE" };
  if (/database space exceeded/.test(why)) return { kind: "refused", why, code: "STORE.FULL" };
  if (/required revision has been compacted/.test(why)) return { kind: "refused", why, code: "STORE.COMPACTED" };
  if (code === denied || /auth|user name is empty|permission denied/.test(why))
    return { kind: "refused", why, code: "STORE.DENIED" };
  if (code === notFound) return { kind: "refused", why, code: "STORE.LEASE_GONE" };
  if (/corrupt/.test(why)) return { kind: "refused", why, code: "STORE.DAMAGED" };
  // "leader changed" and "request timed out" come after the change may have been proposed; these come before.
  if (/no leader|not capable|too many requests|server stopped|proposal dropped/.test(why))
    return { kind: "undone", why };
  return code !== undefined && definite.has(code)
    ? { kind: "refused", why, code: "STORE.REFUSED" }
    : { kind: "unknown", why };
}

/** An answer that is not JSON. */
export function classifyPlain(text: string): Failure {
  const why = text.trim().slice(0, 200);
  if (/^CommonName of client/.test(why))
    return { kind: "refused", why: "the certificate has a name", code: "STORE.BAD_CERTIFICATE" };
  return { kind: "unknown", why: `an answer that is not JSON: ${why}` };
}

const remedies: Readonly<Record<string, string>> = {
  "STORE.TOO_LARGE": "Start etcd with --max-txn-ops=20000, or make smaller transactions.",
  "STORE.FULL": "Compact and defragment etcd, or raise its quota; then disarm its alarm: etcdctl alarm disarm.",
  "STORE.DENIED": "See the manager's user and password for etcd, and what its role may do.",
  "STORE.BAD_CERTIFICATE": "Give the manager a certificate whose subject has no common name (CN).",
  "STORE.DAMAGED": "Replace the damaged member of etcd, or restore a snapshot.",
};

export function refused(why: string, code: string): NodeError {
  const remedy = remedies[code];
  return new NodeError(code, `etcd refuses the call: ${why}.`, remedy === undefined ? {} : { remedy });
}

export function unreachable(endpoints: readonly string[], why: string): NodeError {
  return new NodeError("STORE.UNREACHABLE", `No member of etcd can serve the call; the last one said: ${why}.`, {
    remedy: "See that most members run and reach each other: etcdctl endpoint status --cluster.",
    values: { endpoints: endpoints.join(", "), why },
  });
}

export function uncertain(why: string): NodeError {
  return new NodeError("STORE.UNCERTAIN", `It is not known whether etcd has made the change: ${why}.`, {
    remedy: "Read the records again, and repeat the change when it was not made.",
    values: { why },
  });
}

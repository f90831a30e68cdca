import { randomUUID } from "node:crypto";
import type { JsonObject } from "../../store/record.ts";
import type { Tx } from "../records.ts";

/*
 * The record of a user's password (kind Credential, by the user's uuid). `passwordId` is random and new with each
 * password. Sessions hold the one that they were opened with: a single write ends them all, at once and for good.
 */

export type Credential = { readonly hash: string; readonly passwordId: string };

/** Undefined for a user without a password, as for no user: nobody can log in. */
export function credentialOf(record: JsonObject | undefined): Credential | undefined {
  const [hash, passwordId] = [record?.["hash"], record?.["passwordId"]];
  return typeof hash === "string" && typeof passwordId === "string" ? { hash, passwordId } : undefined;
}

/** A new password: all sessions that the user has end with it. Gives its id. */
export function putPassword(tx: Tx, userUuid: string, hash: string): string {
  const passwordId = newUuid();
  tx.get("Credential", userUuid);
  tx.put("Credential", userUuid, { hash, passwordId });
  return passwordId;
}

/** Sessions end, the password stays. */
export function endAllSessions(tx: Tx, userUuid: string): void {
  const credential = credentialOf(tx.get("Credential", userUuid));
  if (credential !== undefined) putPassword(tx, userUuid, credential.hash);
}

/** The same password in a new hash; nothing when it has been changed meanwhile. */
export function putNewHash(tx: Tx, userUuid: string, passwordId: string, hash: string): void {
  if (credentialOf(tx.get("Credential", userUuid))?.passwordId !== passwordId) return;
  tx.put("Credential", userUuid, { hash, passwordId });
}

export function newUuid(): string {
  return randomUUID().replaceAll("-", "");
}

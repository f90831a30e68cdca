import { NodeError } from "../model/error.ts";
import { type Change, type ListQuery, maxChanges, maxPage, maxTransactionBytes, maxValueBytes } from "./store.ts";

/* What both stores ask of names, changes and queries before they touch anything. */

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export type JsonObject = { readonly [field: string]: Json };

const kindPattern = /^[A-Za-z][A-Za-z0-9-]{0,63}$/;
const maxKeyBytes = 256;

/** @throws STORE.BAD_KEY */
export function checkKind(kind: string): void {
  if (!kindPattern.test(kind))
    throw new NodeError("STORE.BAD_KEY", `${JSON.stringify(kind)} is not the name of a kind of records.`, {
      remedy: "Use up to 64 letters, digits and hyphens, beginning with a letter.",
    });
}

/** @throws STORE.BAD_KEY */
export function checkName(kind: string, key: string): void {
  checkKind(kind);
  const isGood = key.isWellFormed() && !/\p{Cc}/u.test(key) && key !== "" && Buffer.byteLength(key) <= maxKeyBytes;
  if (!isGood)
    throw new NodeError("STORE.BAD_KEY", `${JSON.stringify(key.slice(0, 80))} can't be the key of a record.`, {
      remedy: `Use 1 to ${maxKeyBytes} bytes of text without control characters.`,
    });
}

/** A change with its value as the text that is stored; null where nothing is put. */
export type CheckedChange = { readonly change: Change; readonly text: string | null };

/** @throws STORE.BAD_KEY, STORE.BAD_CHANGE, STORE.TOO_LARGE */
export function checkChanges(changes: readonly Change[]): CheckedChange[] {
  if (changes.length > maxChanges)
    throw new NodeError("STORE.TOO_LARGE", `A transaction takes ${maxChanges} changes, not ${changes.length}.`);
  const names = new Set<string>();
  let bytes = 0;
  return changes.map((change) => {
    const { kind, key, expected } = change;
    checkName(kind, key);
    const name = `${kind}/${key}`;
    if (names.has(name)) throw badChange(`${name} stands twice in one transaction.`);
    names.add(name);
    if (expected !== undefined && !(Number.isSafeInteger(expected) && expected >= 0))
      throw badChange(`${String(expected)} can't be the expected revision of ${name}.`);
    if (change.do !== "put") return { change, text: null };
    const text = jsonText(change.value, name);
    const size = Buffer.byteLength(text);
    bytes += size;
    if (size > maxValueBytes || bytes > maxTransactionBytes)
      throw new NodeError(
        "STORE.TOO_LARGE",
        `The value of ${name} has ${size} bytes, the transaction so far ${bytes}.`,
        {
          remedy: `A value may have ${maxValueBytes} bytes, all values of a transaction ${maxTransactionBytes}.`,
        },
      );
    return { change, text };
  });
}

function jsonText(value: JsonObject, name: string): string {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw badChange(`The value of ${name} is not an object.`);
  try {
    return JSON.stringify(value);
  } catch (error) {
    throw badChange(`The value of ${name} is not JSON: ${error instanceof Error ? error.message : String(error)}.`);
  }
}

function badChange(text: string): NodeError {
  return new NodeError("STORE.BAD_CHANGE", text);
}

/** The number of records of a page. @throws STORE.BAD_KEY, STORE.BAD_QUERY */
export function checkLimit({ kind, limit = maxPage }: ListQuery): number {
  checkKind(kind);
  if (!Number.isInteger(limit) || limit < 1 || limit > maxPage)
    throw new NodeError("STORE.BAD_QUERY", `A page has 1 to ${maxPage} records, not ${limit}.`);
  return limit;
}

/** @param found 0: it does not exist */
export function conflict({ kind, key, expected = 0 }: Change, found: number): NodeError {
  const what =
    found === 0 ? "does not exist" : expected === 0 ? "exists already" : "has been changed by somebody else meanwhile";
  return new NodeError("STORE.CONFLICT", `The record ${kind}/${key} ${what}.`, {
    remedy: "Read it again and repeat the change on what it is now.",
    values: { kind, key, expected, found },
  });
}

export function leaseGone(id: string): NodeError {
  return new NodeError("STORE.LEASE_GONE", `The lease ${id} has ended.`, {
    remedy: "Ask for a new one, and check first who holds now what it stood for.",
  });
}

/** @param oldest the first revision of which the store still knows what happened */
export function compacted(after: number, oldest: number): NodeError {
  return new NodeError(
    "STORE.COMPACTED",
    `The store remembers what happened from revision ${oldest} on, not what followed revision ${after}.`,
    { remedy: "List the records anew and watch from there.", values: { after, oldest } },
  );
}

export function closed(): NodeError {
  return new NodeError("STORE.CLOSED", "The store has been closed.");
}

/** The stored text of a value. @throws STORE.DAMAGED */
export function parseValue(kind: string, key: string, text: string): JsonObject {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new NodeError("STORE.DAMAGED", `The record ${kind}/${key} is damaged: it is not JSON.`, {
      remedy: "Restore the last backup of the store.",
      cause: error,
    });
  }
}

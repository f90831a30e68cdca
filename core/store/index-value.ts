import { createHash } from "node:crypto";
import { NodeError } from "../model/error.ts";
import type { Json, JsonObject } from "./record.ts";
import type { Indexes, IndexQuery, IndexValue } from "./store.ts";

/*
 * Index entries as bytes whose order is that of the values: null, false, true, numbers, texts by their code points.
 * A zero byte in a text becomes 00 FF, so that a zero byte which is followed by anything else ends the value (as in
 * FoundationDB's tuples). A text of more than 200 characters is cut there and told apart by its hash: look-ups stay
 * exact, the order among texts with the same 200 characters is arbitrary.
 */

const keptLength = 200;

export function encodeIndexValue(value: IndexValue): Buffer {
  if (value === null) return Buffer.from([1]);
  if (typeof value === "boolean") return Buffer.from([value ? 3 : 2]);
  if (typeof value === "number") return encodeNumber(value);
  const text = value.toWellFormed();
  if (text.length <= keptLength) return encodeText(text);
  const hash = createHash("sha256").update(text).digest("hex");
  return encodeText(`${text.slice(0, keptLength - (isHighSurrogate(text, keptLength - 1) ? 1 : 0))}\u{10ffff}${hash}`);
}

function isHighSurrogate(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  return unit >= 0xd800 && unit <= 0xdbff;
}

/** IEEE 754 with the sign turned over, and the rest too for negative numbers: bytes then sort as the numbers do. */
function encodeNumber(value: number): Buffer {
  const bytes = Buffer.alloc(9, 4);
  // -0 is 0.
  bytes.writeDoubleBE(value === 0 ? 0 : value, 1);
  const isNegative = value < 0;
  for (let i = 1; i < 9; i++) bytes[i] = (bytes[i] ?? 0) ^ (isNegative ? 0xff : i === 1 ? 0x80 : 0);
  return withoutZeros(bytes);
}

function encodeText(text: string): Buffer {
  return withoutZeros(Buffer.from(`\u0005${text}`));
}

function withoutZeros(bytes: Buffer): Buffer {
  return bytes.includes(0) ? Buffer.from([...bytes].flatMap((byte) => (byte === 0 ? [0, 0xff] : [byte]))) : bytes;
}

/** Index values from `from` up to, without, `to`. */
export type IndexRange = { readonly from: Buffer; readonly to: Buffer };

/** Which entries a query means. @throws STORE.BAD_QUERY when the kind has no such index, or for a beginning that is too long */
export function indexRange(indexes: Indexes, kind: string, query: IndexQuery): IndexRange {
  if (!indexes[kind]?.includes(query.index))
    throw new NodeError("STORE.BAD_QUERY", `Records of the kind ${kind} have no index ${query.index}.`);
  if ("equals" in query) {
    const from = encodeIndexValue(query.equals);
    // A longer value goes on with a higher byte, or with the escape of a zero byte.
    return { from, to: Buffer.concat([from, Buffer.from([0, 0xff])]) };
  }
  if ("startsWith" in query) {
    if (query.startsWith.length >= keptLength || !query.startsWith.isWellFormed())
      throw new NodeError("STORE.BAD_QUERY", `A beginning to search for has fewer than ${keptLength} characters.`);
    const from = encodeText(query.startsWith);
    // No byte of UTF-8 is FF, nor is a zero's escape at the place of a character.
    return { from, to: Buffer.concat([from, Buffer.from([0xff])]) };
  }
  return {
    from: query.from === undefined ? Buffer.from([1]) : encodeIndexValue(query.from),
    to: query.to === undefined ? Buffer.from([0xff]) : encodeIndexValue(query.to),
  };
}

export type IndexEntry = { readonly index: string; readonly value: Buffer };

/** The entries of a record, each once. */
export function indexEntries(indexes: Indexes, kind: string, value: JsonObject): IndexEntry[] {
  return (indexes[kind] ?? []).flatMap((index) => {
    const found = new Map<string, IndexEntry>();
    for (const one of valuesAt(value, index.split("."))) {
      const bytes = encodeIndexValue(one);
      found.set(bytes.toString("latin1"), { index, value: bytes });
    }
    return [...found.values()];
  });
}

function valuesAt(value: Json | undefined, path: readonly string[]): IndexValue[] {
  if (isList(value)) return value.flatMap((element) => valuesAt(element, path));
  const [first, ...rest] = path;
  if (typeof value === "object" && value !== null)
    return first !== undefined && Object.hasOwn(value, first) ? valuesAt(value[first], rest) : [];
  return first === undefined && value !== undefined ? [value] : [];
}

function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

/** Where a page ended: the last key, and the index value when it was read by one. */
export type Position = { readonly value: Buffer; readonly key: string };

export function writePosition({ value, key }: Position): string {
  return `${value.toString("base64url")}.${Buffer.from(key).toString("base64url")}`;
}

/** @throws STORE.BAD_QUERY */
export function readPosition(text: string): Position {
  const match = /^([\w-]*)\.([\w-]+)$/.exec(text);
  if (match === null)
    throw new NodeError("STORE.BAD_QUERY", "What the list should go on from is not the end of a page.");
  return {
    value: Buffer.from(match[1] ?? "", "base64url"),
    key: Buffer.from(match[2] ?? "", "base64url").toString(),
  };
}

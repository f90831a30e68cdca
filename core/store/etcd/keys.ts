import type { IndexEntry, IndexRange } from "../index-value.ts";

/*
 * Where things lie in etcd, below the prefix:
 *   r/KIND/KEY                        a record: its value as JSON
 *   i/KIND/INDEX/VALUE 00 KEY         an index entry, empty
 *   m/schema, m/index/KIND/INDEX      the layout's version; an index whose entries are complete
 *   m/restoring                       the records are being replaced by those of a backup
 * Bytes travel as base64.
 */

/** How all keys begin unless told. */
export const storePrefix = "/binnacle/";

const zero = Buffer.from([0]);

export class Keys {
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** Everything below the prefix. */
  get all(): { key: string; range_end: string } {
    const end = Buffer.from(this.#prefix);
    end[end.length - 1] = (end.at(-1) ?? 0) + 1;
    return { key: base64(this.#prefix), range_end: end.toString("base64") };
  }

  get schema(): string {
    return base64(`${this.#prefix}m/schema`);
  }

  get restoring(): string {
    return base64(`${this.#prefix}m/restoring`);
  }

  record(kind: string, key: string): string {
    return base64(`${this.#prefix}r/${kind}/${key}`);
  }

  /** All records of a kind, or of all kinds, after a key. */
  records(kind?: string, after?: string): { key: string; range_end: string } {
    if (kind === undefined) return { key: base64(`${this.#prefix}r/`), range_end: base64(`${this.#prefix}r0`) };
    const start = `${this.#prefix}r/${kind}/${after === undefined ? "" : `${after}\0`}`;
    return { key: base64(start), range_end: base64(`${this.#prefix}r/${kind}0`) };
  }

  /** The kind and the key of a record's place. */
  nameOf(place: string): { kind: string; key: string } {
    const name = Buffer.from(place, "base64")
      .toString()
      .slice(this.#prefix.length + 2);
    const slash = name.indexOf("/");
    return { kind: name.slice(0, slash), key: name.slice(slash + 1) };
  }

  entry(kind: string, { index, value }: IndexEntry, key: string): string {
    return Buffer.concat([this.#index(kind, index), value, zero, Buffer.from(key)]).toString("base64");
  }

  /** Entries in a range of values, after one of them. */
  entries(
    kind: string,
    index: string,
    { from, to }: IndexRange,
    after?: { value: Buffer; key: string },
  ): { key: string; range_end: string } {
    const start = this.#index(kind, index);
    const first = after === undefined ? [from] : [after.value, zero, Buffer.from(after.key), zero];
    return {
      key: Buffer.concat([start, ...first]).toString("base64"),
      range_end: Buffer.concat([start, to]).toString("base64"),
    };
  }

  /** Every entry of an index, whatever its value. */
  allEntries(kind: string, index: string): { key: string; range_end: string } {
    return this.entries(kind, index, { from: Buffer.alloc(0), to: Buffer.from([0xff]) });
  }

  get allEntriesOfAll(): { key: string; range_end: string } {
    return { key: base64(`${this.#prefix}i/`), range_end: base64(`${this.#prefix}i0`) };
  }

  /** The value and the record's key of an entry's place. */
  positionOf(place: string, kind: string, index: string): { value: Buffer; key: string } {
    const rest = Buffer.from(place, "base64").subarray(this.#index(kind, index).length);
    // A key holds no zero byte, so the last one is the end of the value.
    const end = rest.lastIndexOf(0);
    return { value: rest.subarray(0, end), key: rest.subarray(end + 1).toString() };
  }

  built(kind: string, index: string): string {
    return base64(`${this.#prefix}m/index/${kind}/${index}`);
  }

  get allBuilt(): { key: string; range_end: string } {
    return { key: base64(`${this.#prefix}m/index/`), range_end: base64(`${this.#prefix}m/index0`) };
  }

  /** The kind and the name of a built index's place. */
  builtOf(place: string): { kind: string; index: string } {
    const name = Buffer.from(place, "base64").toString().slice(`${this.#prefix}m/index/`.length);
    const slash = name.indexOf("/");
    return { kind: name.slice(0, slash), index: name.slice(slash + 1) };
  }

  #index(kind: string, index: string): Buffer {
    return Buffer.from(`${this.#prefix}i/${kind}/${index}/`);
  }
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}

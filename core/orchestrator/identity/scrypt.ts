import { randomBytes, scrypt } from "node:crypto";

/** What one computation costs: memory is 128 · 2^log2N · r bytes, time that times p. */
export type ScryptCost = { readonly log2N: number; readonly r: number; readonly p: number };

/**
 * 32 MiB, and some 200 ms of one processor. Source: OWASP, Password Storage Cheat Sheet, where it counts as equal to
 * the first choice, N = 2^17 and p = 1, which takes 128 MiB of a manager for each log-in.
 */
export const presentCost: ScryptCost = { log2N: 15, r: 8, p: 3 };

/** More is no cost that we have written: a damaged record must not take a manager's memory. */
const mostBytes = 256 * 1024 ** 2;
const saltBytes = 16;
const keyBytes = 32;

/** A stored hash: what it was computed with, and what came out. */
export type ScryptHash = { readonly cost: ScryptCost; readonly salt: Buffer; readonly key: Buffer };

/** Computes a key of `keyBytes`. */
export type Derive = (password: string, salt: Buffer, cost: ScryptCost) => Promise<Buffer>;

/** In a thread of libuv's pool: the event loop goes on. */
export const deriveKey: Derive = (password, salt, cost) =>
  new Promise((resolve, reject) => {
    const options = { N: 2 ** cost.log2N, r: cost.r, p: cost.p, maxmem: 2 * bytesOf(cost) + 1024 ** 2 };
    scrypt(password, salt, keyBytes, options, (error, key) => (error === null ? resolve(key) : reject(error)));
  });

export function newSalt(): Buffer {
  return randomBytes(saltBytes);
}

/** A hash that no password leads to, for computations whose result is not wanted. */
export function hashOfNothing(cost: ScryptCost): ScryptHash {
  return { cost, salt: newSalt(), key: randomBytes(keyBytes) };
}

/** The PHC string format: `$scrypt$ln=15,r=8,p=3$SALT$KEY`, base64 without padding. */
export function formatHash({ cost: { log2N, r, p }, salt, key }: ScryptHash): string {
  return `$scrypt$ln=${log2N},r=${r},p=${p}$${base64(salt)}$${base64(key)}`;
}

const form = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z\d+/]{11,86})\$([A-Za-z\d+/]{43})$/;

/** Undefined for everything that `formatHash` does not write. */
export function parseHash(text: string): ScryptHash | undefined {
  const [, log2N, r, p, salt = "", key = ""] = form.exec(text) ?? [];
  if (log2N === undefined) return;
  const cost = { log2N: Number(log2N), r: Number(r), p: Number(p) };
  if (cost.log2N < 1 || cost.r < 1 || cost.p < 1 || bytesOf(cost) > mostBytes) return;
  return { cost, salt: Buffer.from(salt, "base64"), key: Buffer.from(key, "base64") };
}

function bytesOf({ log2N, r, p }: ScryptCost): number {
  return 128 * r * (2 ** log2N + p);
}

function base64(bytes: Buffer): string {
  return bytes.toString("base64").replace(/=+$/, "");
}

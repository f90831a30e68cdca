import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from "node:crypto";
import { readFile } from "node:fs/promises";
import * as z from "zod";
import { NodeError } from "../model/error.ts";
import { couldBePassword } from "../model/password.ts";
import type { Secret } from "../model/secret.ts";
import { whyNotWritten, writeDurably } from "./durable.ts";
import { alreadySet, type Passwords, requireGoodPassword, wrongOld } from "./passwords.ts";
import { Turns } from "./turns.ts";

/** One of OWASP's settings for scrypt: 32 MiB while it runs, about a fifth of a second. */
const cost = { N: 2 ** 15, r: 8, p: 3 } as const;
const hashBytes = 32;

const stored = z.object({
  algorithm: z.literal("scrypt"),
  // Bounded: a file that somebody edited must not make the agent take gigabytes.
  N: z
    .number()
    .int()
    .min(2)
    .max(2 ** 17),
  r: z.number().int().min(1).max(16),
  p: z.number().int().min(1).max(16),
  salt: z.base64(),
  hash: z.base64(),
});
type Stored = z.infer<typeof stored>;

/**
 * The password of a preview: its own, in a file that only its user can read. A file that is absent or damaged means
 * that a password has to be chosen; whoever could remove it owns the preview anyway.
 */
export function previewPasswords(file: string): Passwords {
  const turns = new Turns();
  const read = () => readStored(file);
  return {
    isSet: async () => (await read()) !== undefined,
    check: async (password) => matches(await read(), password),
    change: (old, next) =>
      turns.take(async () => {
        requireGoodPassword(next, old);
        if (!(await matches(await read(), old))) throw wrongOld();
        await writeStored(file, next);
      }),
    choose: (next) =>
      turns.take(async () => {
        if ((await read()) !== undefined) throw alreadySet();
        requireGoodPassword(next);
        await writeStored(file, next);
      }),
  };
}

async function matches(kept: Stored | undefined, password: Secret): Promise<boolean> {
  if (kept === undefined || !couldBePassword(password.reveal())) return false;
  const hash = Buffer.from(kept.hash, "base64");
  const given = await derive(password, Buffer.from(kept.salt, "base64"), hash.length, kept);
  return timingSafeEqual(given, hash);
}

async function readStored(file: string): Promise<Stored | undefined> {
  const text = await readFile(file, "utf8").catch(() => "");
  try {
    const kept = stored.parse(JSON.parse(text));
    return Buffer.from(kept.hash, "base64").length === hashBytes ? kept : undefined;
  } catch {
    return undefined;
  }
}

async function writeStored(file: string, password: Secret): Promise<void> {
  const salt = randomBytes(16);
  const hash = await derive(password, salt, hashBytes, cost);
  const kept: Stored = { algorithm: "scrypt", ...cost, salt: salt.toString("base64"), hash: hash.toString("base64") };
  try {
    await writeDurably(file, `${JSON.stringify(kept, null, 2)}\n`);
  } catch (error) {
    throw new NodeError(
      "PASSWORD.NOT_CHANGED",
      `The password of the preview was not saved because ${whyNotWritten(error)}.`,
      { cause: error },
    );
  }
}

function derive(password: Secret, salt: Buffer, length: number, options: ScryptOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password.reveal(), salt, length, { ...options, maxmem: 512 * 1024 * 1024 }, (error, key) =>
      error === null ? resolve(key) : reject(error),
    );
  });
}

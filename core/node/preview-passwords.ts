import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from "node:crypto";
import { readFile } from "node:fs/promises";
import * as z from "zod";
import { NodeError } from "../model/error.ts";
import { couldBePassword } from "../model/password.ts";
import type { Secret } from "../model/secret.ts";
import { errnoOf, whyNotWritten, writeDurably } from "./durable.ts";
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
    .max(2 ** 17)
    .refine((cost) => Number.isInteger(Math.log2(cost)), "scrypt takes powers of two"),
  r: z.number().int().min(1).max(16),
  p: z.number().int().min(1).max(16),
  salt: z.base64(),
  hash: z.base64(),
});
type Stored = z.infer<typeof stored>;

/** `unusable`: there is something that is no password; why, in words to stand behind "it". */
type Found = { stored: Stored } | { unusable: string; replaceable: boolean } | undefined;

/**
 * The password of a preview: its own, in a file that only its user can read. A file that is absent or damaged means
 * that a password has to be chosen; whoever could remove it owns the preview anyway.
 */
export function previewPasswords(file: string): Passwords {
  const turns = new Turns();
  const matches = async (password: Secret) => {
    const found = await find(file);
    if (found !== undefined && "unusable" in found) throw notChecked(file, found.unusable);
    return found !== undefined && isSame(found.stored, password);
  };
  const isSet = async () => {
    const found = await find(file);
    return found !== undefined && ("stored" in found || !found.replaceable);
  };
  return {
    isSet,
    check: matches,
    change: (old, next) =>
      turns.take(async () => {
        requireGoodPassword(next, old);
        if (!(await matches(old))) throw wrongOld();
        await writeStored(file, next);
      }),
    choose: (next) =>
      turns.take(async () => {
        const found = await find(file);
        if (found !== undefined && "stored" in found) throw alreadySet();
        if (found !== undefined && !found.replaceable) throw notChecked(file, found.unusable);
        requireGoodPassword(next);
        await writeStored(file, next);
      }),
  };
}

async function isSame(kept: Stored, password: Secret): Promise<boolean> {
  if (!couldBePassword(password.reveal())) return false;
  const hash = Buffer.from(kept.hash, "base64");
  const given = await derive(password, Buffer.from(kept.salt, "base64"), hash.length, kept);
  return timingSafeEqual(given, hash);
}

async function find(file: string): Promise<Found> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    return { unusable: `can't be read (${errnoOf(error) ?? "unknown"})`, replaceable: false };
  }
  try {
    const kept = stored.parse(JSON.parse(text));
    if (Buffer.from(kept.hash, "base64").length === hashBytes) return { stored: kept };
  } catch {
    // Damaged, as below.
  }
  return { unusable: "is damaged", replaceable: true };
}

function notChecked(file: string, why: string): NodeError {
  return new NodeError("PASSWORD.NOT_CHECKED", `The password was not checked: its file ${why}.`, {
    remedy: `Move ${file} away and choose a new password.`,
    values: { file },
  });
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

import * as z from "zod/mini";
import { line } from "./fields.ts";

/*
 * What a person gives to the cloud-init of a machine's guest. User data may hold passwords: no answer, audit or log tells
 * them again.
 */

/**
 * Bytes of user data, before they are base64: as many as in EC2, so that what is made for one fits the other. The
 * manager has those of all machines in memory. More is fetched by the guest: cloud-init knows `#include`, and gzip.
 */
export const mostUserDataBytes = 16 * 1024;
const longestUserData = Math.ceil(mostUserDataBytes / 3) * 4;

/** In one line, with its padding: text would leave out what is gzipped, or of several parts. */
function isUserData(text: string): boolean {
  const content = Buffer.from(text, "base64");
  return content.length <= mostUserDataBytes && content.toString("base64") === text;
}

export const userData = z
  .string()
  .check(z.minLength(4, { abort: true }), z.maxLength(longestUserData, { abort: true }), z.refine(isUserData));

/** Labels of RFC 1123 in lower case, one or several. */
function isGuestName(text: string): boolean {
  const labels = text.split(".");
  const isGood = labels.every((label) => /^[a-z\d]([a-z\d-]{0,61}[a-z\d])?$/.test(label));
  // Numbers would be taken for an address, and localhost is every machine.
  return isGood && !/^\d+$/.test(labels.at(-1) ?? "") && labels[0] !== "localhost";
}

/** Linux keeps 64 bytes for the whole of it. */
const longestName = 64;
export const hostName = z.string().check(z.minLength(1), z.maxLength(longestName), z.refine(isGuestName));

const keyTypes: ReadonlySet<string> = new Set([
  "ssh-ed25519",
  "ssh-rsa",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "sk-ssh-ed25519@openssh.com",
  "sk-ecdsa-sha2-nistp256@openssh.com",
]);
const longestKey = 4096;
const mostKeys = 20;

/** `TYPE BASE64 COMMENT` of authorized_keys, without options; the key itself says its type once more (RFC 4253, 6.6). */
function isPublicKey(text: string): boolean {
  const [type = "", base64 = ""] = text.split(" ");
  if (!keyTypes.has(type) || text.trim() !== text) return false;
  const key = Buffer.from(base64, "base64");
  if (key.toString("base64") !== base64 || key.length < 4 + type.length + 32) return false;
  return key.readUInt32BE(0) === type.length && key.subarray(4, 4 + type.length).toString("latin1") === type;
}

export const sshPublicKeys = z.array(line(longestKey).check(z.refine(isPublicKey))).check(
  z.maxLength(mostKeys),
  z.refine((keys) => new Set(keys).size === keys.length),
);

import { spawn } from "node:child_process";
import { timingSafeEqual } from "node:crypto";
import { NodeError } from "../model/error.ts";
import type { Secret } from "../model/secret.ts";

const limitMs = 10_000;

/** Reads a hash and a password, a line each, and prints what crypt(3) makes of them. perl-base is on every Debian. */
const program =
  'chomp(my $hash = <STDIN>); chomp(my $word = <STDIN>); my $made = crypt($word, $hash); print $made // "";';

/**
 * Whether a password fits a hash of crypt(3), of whichever method the system knows: the installer keeps admin's first
 * password so. Both go over a pipe, never over an argument list. @throws NodeError MANAGER.CRYPT
 */
export async function checkCrypt(password: Secret, cryptHash: Secret): Promise<boolean> {
  const [hash, word] = [cryptHash.reveal(), password.reveal()];
  if (/[\n\0]/.test(word) || /[\n\0]/.test(hash)) return false;
  const child = spawn("perl", ["-e", program], { stdio: ["pipe", "pipe", "ignore"], timeout: limitMs });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let made = "";
  child.stdout.on("data", (chunk: Buffer) => {
    made += chunk.toString("latin1");
  });
  child.on("error", reject);
  child.on("close", (code) => (code === 0 ? resolve(made) : reject(new Error(`perl ended with ${String(code)}`))));
  child.stdin.on("error", () => undefined);
  child.stdin.end(`${hash}\n${word}\n`);
  const answer = await promise.catch((error: unknown) => {
    throw new NodeError("MANAGER.CRYPT", "The password that was chosen at the installation can't be checked.", {
      remedy: "Run: zstack-ctl reset_password",
      cause: error,
    });
  });
  const [ours, theirs] = [Buffer.from(answer), Buffer.from(hash)];
  return answer !== "" && ours.length === theirs.length && timingSafeEqual(ours, theirs);
}

import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { NodeError } from "../../core/model/error.ts";
import { hashProblem } from "../../core/model/installation/crypt-hash.ts";
import type { Secret } from "../../core/model/secret.ts";
import type { Machine } from "../../core/node/machine.ts";

const account = "hash";

/**
 * The crypt(3) hash of a password, by yescrypt, which is Debian's own method: chpasswd(8) writes it into the shadow
 * file of a folder of the engine's that holds no system. The password goes over standard input only.
 * @throws NodeError PASSWORD.NOT_HASHED
 */
export async function hashPassword(machine: Machine, password: Secret, work: string): Promise<string> {
  await mkdir(work, { recursive: true, mode: 0o700 });
  // A folder for each: two passwords may come in at the same time.
  const scratch = await mkdtemp(join(work, "hash-"));
  try {
    await mkdir(join(scratch, "etc"));
    await writeFile(join(scratch, "etc/passwd"), `${account}:x:0:0::/:/usr/sbin/nologin\n`);
    await writeFile(join(scratch, "etc/shadow"), `${account}:!:1::::::\n`, { mode: 0o600 });
    const { code } = await machine.run("chpasswd", ["--root", scratch, "--crypt-method", "YESCRYPT"], {
      timeoutMs: 20_000,
      input: `${account}:${password.reveal()}\n`,
      reason: "hash a password",
    });
    const hash = (await readFile(join(scratch, "etc/shadow"), "utf8")).split(":")[1] ?? "";
    if (code === 0 && hashProblem(hash) === undefined) return hash;
    throw notHashed();
  } catch (error) {
    throw error instanceof NodeError && error.code.startsWith("PASSWORD.") ? error : notHashed();
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Without a cause: what a tool says of a password is not repeated. */
function notHashed(): NodeError {
  return new NodeError("PASSWORD.NOT_HASHED", "The password could not be turned into its hash.", {
    remedy: "Try again; if it stays so, start from the medium anew.",
  });
}

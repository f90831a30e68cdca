import assert from "node:assert/strict";
import { readlinkSync, statSync } from "node:fs";
import { NodeError } from "../../../core/model/error.ts";
import { Secret } from "../../../core/model/secret.ts";
import { realMachine } from "../../../core/node/machine.ts";
import { systemPasswords } from "../../../core/node/system-passwords.ts";
import { firstPassword, plantedPasswords } from "./planted.ts";

/*
 * Changes the password of root, in a mount namespace whose /etc is a copy that ends with it. Started by
 * `passwords.real.test.ts`; refuses to do anything where /etc is the machine's own. Prints what it saw as JSON.
 */

const machine = realMachine();

async function run(command: string, args: string[], input?: string): Promise<void> {
  const result = await machine.run(command, args, { timeoutMs: 20_000, ...(input === undefined ? {} : { input }) });
  assert.equal(result.code, 0, `${command} ${args.join(" ")}: ${result.stderr}`);
}

async function coverEtc(folder: string, outside: string): Promise<void> {
  assert.notEqual(readlinkSync("/proc/self/ns/mnt"), outside, "not in a namespace of its own");
  const own = statSync("/etc").dev;
  await run("mount", ["-t", "tmpfs", "-o", "mode=0755,size=64m", "tmpfs", folder]);
  await run("cp", ["-a", "/etc/.", folder]);
  await run("mount", ["--bind", folder, "/etc"]);
  assert.notEqual(statSync("/etc").dev, own, "/etc is still the machine's own");
}

const passwords = systemPasswords(machine);

/** true, false, or the code of the error. */
async function opens(password: string): Promise<boolean | string> {
  try {
    return await passwords.check(new Secret(password));
  } catch (error) {
    if (error instanceof NodeError) return error.code;
    throw error;
  }
}

async function main(folder: string, outside: string): Promise<void> {
  await coverEtc(folder, outside);
  await run("chpasswd", [], `root:${firstPassword}\n`);

  const changes: { newOpens: unknown; oldOpens: unknown }[] = [];
  let old = firstPassword;
  for (const next of plantedPasswords) {
    await passwords.change(new Secret(old), new Secret(next));
    changes.push({ newOpens: await opens(next), oldOpens: await opens(old) });
    old = next;
  }

  const almost = [`${old} `, old.slice(0, -1), `${old}\0`, old.toUpperCase()];
  const almostOpens = await Promise.all(almost.map(opens));
  const wrongOld = await passwords.change(new Secret("not-the-old-one"), new Secret("never-set-this")).then(
    () => "changed",
    (error: unknown) => (error instanceof NodeError ? error.code : String(error)),
  );
  const stillOpens = await opens(old);

  await run("chage", ["-E", "1", "root"]);
  const expired = { right: await opens(old), wrong: await opens("wrong") };
  await run("chage", ["-E", "-1", "-d", "0", "root"]);
  const dueForChange = await opens(old);
  await run("passwd", ["-l", "root"]);
  const locked = await opens(old);
  await run("passwd", ["-d", "root"]);
  const without = { empty: await opens(""), any: await opens("any") };

  console.log(JSON.stringify({ changes, almostOpens, wrongOld, stillOpens, expired, dueForChange, locked, without }));
}

const [folder, outside] = process.argv.slice(2);
assert.ok(folder !== undefined && outside !== undefined, "wants a folder to mount on and the starter's namespace");
await main(folder, outside);

import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NodeError } from "../../../core/model/error.ts";
import { Secret } from "../../../core/model/secret.ts";
import { Audit } from "../../../core/node/audit.ts";
import { createLog } from "../../../core/node/log.ts";
import { realMachine } from "../../../core/node/machine.ts";
import { previewPasswords } from "../../../core/node/preview-passwords.ts";
import { Settings } from "../../../core/node/settings.ts";

/* Fills a small file system of its own, tries to save, makes room, and tries again. Prints what it saw as JSON. */

async function codeOf(attempt: Promise<unknown>): Promise<string> {
  return attempt.then(
    () => "ok",
    (error: unknown) => (error instanceof NodeError ? error.code : String(error)),
  );
}

async function main(home: string): Promise<void> {
  const mount = ["-t", "tmpfs", "-o", "mode=0700,size=256k", "tmpfs", home];
  assert.equal((await realMachine().run("mount", mount, { timeoutMs: 10_000 })).code, 0);

  const log = createLog({ level: "info", file: join(home, "agent.log") });
  const settings = await Settings.open({ home });
  const audit = new Audit({ file: join(home, "audit.jsonl"), now: Date.now, log });
  const passwords = previewPasswords(join(home, "password.json"));
  const entry = (action: string) =>
    ({ console: "tty1", action, result: "ok", before: null, after: null, detail: null }) as const;
  const first = new Secret("plAnted-before-full");

  await passwords.choose(first);
  await settings.setNode({ lockMinutes: 5 });
  await audit.append(entry("before"));

  const ballast = join(home, "ballast");
  assert.throws(() => writeFileSync(ballast, Buffer.alloc(1024 * 1024)), { code: "ENOSPC" });
  const full = {
    settings: await codeOf(settings.setNode({ lockMinutes: 7 })),
    // Long enough to need a page that is not there.
    audit: await codeOf(audit.append({ ...entry("while full"), detail: "x".repeat(900) })),
    audits: await codeOf(
      (async () => {
        for (let i = 0; i < 10; i++) await audit.append({ ...entry("more"), detail: "x".repeat(900) });
      })(),
    ),
    action: await codeOf(audit.audited({ console: "tty1", action: "login" }, async () => "in")),
    password: await codeOf(passwords.change(first, new Secret("plAnted-while-full"))),
    oldPassword: await passwords.check(first),
    value: settings.node.lockMinutes,
    onDisk: (await Settings.open({ home })).node.lockMinutes,
  };
  for (let i = 0; i < 100; i++) log.info({ i }, "x".repeat(1_000));

  rmSync(ballast);
  const after = {
    settings: await codeOf(settings.setNode({ lockMinutes: 8 })),
    audit: await codeOf(audit.append(entry("after"))),
    onDisk: (await Settings.open({ home })).node.lockMinutes,
    unwritten: audit.unwritten,
  };
  const { entries, damaged } = await new Audit({ file: join(home, "audit.jsonl"), now: Date.now, log }).read(1_000);
  const actions = entries.map((found) => found.action);
  console.log(JSON.stringify({ full, after, damaged, newest: actions[0], oldest: actions.at(-1), login: actions[1] }));
}

const [home] = process.argv.slice(2);
assert.ok(home !== undefined, "the folder to mount on is missing");
await main(home);

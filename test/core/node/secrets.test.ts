import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { inspect } from "node:util";
import { Sessions } from "../../../core/api/sessions.ts";
import { NodeError } from "../../../core/model/error.ts";
import { Secret } from "../../../core/model/secret.ts";
import { Audit } from "../../../core/node/audit.ts";
import { effects } from "../../../core/node/effects.ts";
import { createLog } from "../../../core/node/log.ts";
import { realMachine } from "../../../core/node/machine.ts";
import { Settings } from "../../../core/node/settings.ts";
import { firstPassword, plantedPasswords } from "./planted.ts";

let home = "";
before(async () => {
  home = await mkdtemp(join(tmpdir(), "secrets-"));
});
after(() => rm(home, { recursive: true, maxRetries: 5 }));

test("no password and no token is in any file, log, record or error of a preview that used them", async () => {
  const machine = realMachine();
  const log = createLog({ level: "debug", file: join(home, "agent.log") });
  const audit = new Audit({ file: join(home, "audit.jsonl"), now: machine.now, log });
  const settings = await Settings.open({ home });
  const { passwords, power } = effects("preview", machine, home);
  const sessions = new Sessions({ checkPassword: passwords.check, ...machine, idleMs: () => 600_000 });
  const errors: unknown[] = [];
  const tokens: string[] = [];

  const attempt = async (action: string, password: Secret, act: () => Promise<unknown>) => {
    log.info({ password, body: { password: password.reveal() } }, action);
    await audit.audited({ console: "tty1", action, after: password }, act).catch((error: unknown) => {
      errors.push(error);
      log.error({ err: error }, action);
    });
  };
  const login = (password: Secret) =>
    attempt("login", password, async () => {
      const session = await sessions.open("tty1", password);
      tokens.push(session.token);
      log.info({ session }, "opened");
    });

  const first = new Secret(firstPassword);
  const [next = first, ...others] = plantedPasswords.map((text) => new Secret(text));
  await attempt("choose", first, () => passwords.choose(first));
  await login(first);
  await attempt("change", next, () => passwords.change(first, next));
  await attempt("change", next, () => passwords.change(first, next));
  for (const wrong of [first, ...others]) await login(wrong);
  await attempt("change", next, () => passwords.change(next, new Secret("plAnted\ncontrol")));
  await settings.setNode({ lockMinutes: 5 });
  await power.act("reboot", "tty1");

  assert.equal(tokens.length, 1);
  assert.ok(errors.some((error) => error instanceof NodeError && error.code === "AUTH.SLOWED"));
  const files = (await readdir(home)).sort();
  const kept = ["agent.log", "audit.jsonl", "password.json", "preview-changes.jsonl", "settings.json"];
  assert.deepEqual(files, kept);
  const texts = await Promise.all(files.map((file) => readFile(join(home, file), "utf8")));
  texts.push(inspect({ errors, sessions, audit, settings, passwords }, { depth: null, showHidden: true }));
  texts.push(JSON.stringify(errors.map((error) => (error instanceof NodeError ? error.toBody() : error))));
  for (const secret of ["plAnted", firstPassword, ...plantedPasswords, ...tokens])
    for (const text of texts) assert.ok(!text.includes(secret), `a secret is in: ${text.slice(0, 2_000)}`);
});

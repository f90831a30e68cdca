import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { NodeError } from "../../core/model/error.ts";
import { errorText } from "../../tui/error-text.ts";
import { translator } from "../../tui/i18n/catalogue.ts";
import { en } from "../../tui/i18n/en.ts";
import { zh } from "../../tui/i18n/zh.ts";

const root = join(import.meta.dirname, "../..");

/**
 * Areas whose errors stay inside the agent, or end its start: no screen of the console ever gets them. Those of a role's
 * installation and of an upgrade are lines in the reference's words, on the consoles before the screens and in job logs;
 * the installer has sentences of its own. Joining a cloud, the channel to its manager, the hypervisor and the manager's
 * start and clients are told on the manager's side.
 */
const internal =
  /^(FILE|RUN|DOCUMENT|AUDIT|ROLE|CERT|BOOT|UPGRADE|INSTALLER|JOURNAL|CHANNEL|CLOUD|HYPERVISOR|JOIN|MANAGER)\.|^SSH\.KEYS$|^AGENT\.(SOCKET|USAGE|ALREADY)|^API\.BAD_CONSOLE$/;

/** Codes of every NodeError that the agent or the client can throw at a console. */
function thrownCodes(): string[] {
  const files = globSync("core/{api,node,model}/**/*.ts", { cwd: root });
  const thrown = files.flatMap((file) => [
    ...readFileSync(join(root, file), "utf8").matchAll(/NodeError\(\s*"([A-Z]+\.[A-Z_]+)"/g),
  ]);
  return [...new Set(thrown.map((match) => match[1] ?? ""))].filter((code) => !internal.test(code)).sort();
}

describe("error texts", () => {
  test("every error that can reach a console has a sentence in both languages", () => {
    const codes = thrownCodes();
    assert.ok(codes.length > 25, `found only ${codes.length} codes`);
    for (const language of [en, zh])
      assert.deepEqual(
        codes.filter((code) => !Object.hasOwn(language, `error.${code}`)),
        [],
      );
  });

  test("a wrong password says how many more are free, and then how long the console has to wait", () => {
    const t = translator("en", en);
    const wrong = (values: Record<string, number>) =>
      errorText(t, new NodeError("AUTH.WRONG_PASSWORD", "wrong", { values }));
    assert.match(wrong({ attemptsLeft: 3 }), /3 more/);
    assert.match(wrong({ attemptsLeft: 0, retryAfterMs: 4200 }), /wait 5 s/);
  });

  test("an error without a sentence shows the agent's own words", () => {
    assert.equal(
      errorText(translator("zh", zh), new NodeError("NEW.CODE", "The agent says this.")),
      "The agent says this.",
    );
  });
});

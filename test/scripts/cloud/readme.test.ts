import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { root } from "../../support/programs.ts";
import { cliBed } from "./bed.ts";

const page = readFileSync(join(root, "scripts/cloud/README.md"), "utf8");
const [, transcript = ""] = /```console\n([\s\S]*?)```/.exec(page) ?? [];

test("the transcript of the page is what the command prints", async (t) => {
  const bed = await cliBed(t);
  writeFileSync(join(bed.home, "passwords"), `${bed.account.password}\n`);
  const uuids: string[] = [];
  const numbered = (text: string) =>
    text.replaceAll(/\b[\da-f]{32}\b/g, (uuid) => {
      if (!uuids.includes(uuid)) uuids.push(uuid);
      return `UUID-${uuids.indexOf(uuid) + 1}`;
    });
  let actual = "";
  const commands = transcript.split("\n").filter((line) => line.startsWith("$ "));
  assert.ok(commands.length > 3);
  for (const line of commands) {
    const words = line
      .slice("$ zstack-cli ".length)
      .replaceAll(/UUID-(\d+)/g, (_, n: string) => uuids[Number(n) - 1] ?? "")
      .replace("-P passwords", `-P ${join(bed.home, "passwords")}`);
    const { stdout, stderr } = await bed.run(...words.split(" "));
    actual += `${line}\n${numbered(stdout + stderr).replaceAll(`:${bed.port}`, ":PORT")}`;
  }
  assert.equal(actual, transcript);
});

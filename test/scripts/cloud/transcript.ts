import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../support/programs.ts";

/** What a command printed, standard output first. */
export type Printed = { stdout: string; stderr: string };

const block = /(```console\n)([\s\S]*?)(```)/;

/**
 * Carries out the commands in the first console block of a page, one after the other, and compares what they print. In the
 * page uuids are numbered in the order in which they appear. With UPDATE_GOLDEN=1 the page is written anew; with
 * BINNACLE_TEST_TRANSCRIPT what happens is printed, too.
 *
 * @param page its file, from the repository's root
 * @param run carries out the words behind `zstack-cli`; behind another prompt than `$` it is given the whole line
 * @param settle what else differs from run to run is replaced by it
 */
export async function replay(
  page: string,
  run: (words: readonly string[]) => Promise<Printed>,
  settle: (text: string) => string = (text) => text,
): Promise<void> {
  const file = join(root, page);
  const text = readFileSync(file, "utf8");
  const transcript = block.exec(text)?.[2] ?? "";
  const uuids: string[] = [];
  const numbered = (printed: string) =>
    printed.replaceAll(/\b[\da-f]{32}\b/g, (uuid) => {
      if (!uuids.includes(uuid)) uuids.push(uuid);
      return `UUID-${uuids.indexOf(uuid) + 1}`;
    });
  let actual = "";
  const commands = transcript.split("\n").filter((line) => /^(\$|\w+#) /.test(line));
  assert.ok(commands.length > 3);
  for (const line of commands) {
    const words = line
      .replace("$ zstack-cli ", "")
      .replaceAll(/UUID-(\d+)/g, (_, n: string) => uuids[Number(n) - 1] ?? "UNKNOWN")
      .split(" ");
    const { stdout, stderr } = await run(words);
    const shown = `${line}\n${settle(numbered(stdout + stderr))}`;
    actual += shown;
    if (process.env["BINNACLE_TEST_TRANSCRIPT"] !== undefined) process.stdout.write(shown);
  }
  if (process.env["UPDATE_GOLDEN"] === "1")
    writeFileSync(
      file,
      text.replace(block, (_, begin: string, _old: string, end: string) => begin + actual + end),
    );
  else assert.equal(actual, transcript);
}

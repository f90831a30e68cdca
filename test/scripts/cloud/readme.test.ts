import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { cliBed } from "./bed.ts";
import { replay } from "./transcript.ts";

test("the transcript of the page is what the command prints", async (t) => {
  const bed = await cliBed(t);
  const passwords = join(bed.home, "passwords");
  writeFileSync(passwords, `${bed.account.password}\n`);
  await replay(
    "scripts/cloud/README.md",
    (words) => bed.run(...words.map((word) => (word === "passwords" ? passwords : word))),
    (text) => text.replaceAll(`:${bed.port}`, ":PORT"),
  );
});

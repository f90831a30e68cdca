import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { it } from "node:test";
import { realDisk } from "../../../../core/node/upgrade/disk.ts";
import { temporaryFolder } from "../../../support/programs.ts";

it("a system's files can be read by all, whatever the mask and the group of the agent", async () => {
  const folder = temporaryFolder();
  const mask = process.umask(0o077);
  const isRoot = process.getuid?.() === 0;
  if (isRoot) process.setegid?.(1);
  try {
    const place = path.join(folder.path, "1.2.3");
    await realDisk.makeFolder(place);
    await realDisk.write(path.join(place, "menu"), "text");
    await realDisk.copy(path.join(place, "menu"), path.join(place, "copy"), {
      onBytes: () => undefined,
      signal: new AbortController().signal,
    });
    const seen = [".", "menu", "copy"].map((name) => fs.statSync(path.join(place, name)));
    assert.deepEqual(
      seen.map(({ mode }) => (mode & 0o777).toString(8)),
      ["755", "644", "644"],
    );
    if (isRoot) assert.deepEqual([...new Set(seen.map(({ uid, gid }) => `${uid}:${gid}`))], ["0:0"]);
  } finally {
    folder.dispose();
    process.umask(mask);
    if (isRoot) process.setegid?.(0);
  }
});

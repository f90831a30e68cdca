import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { finishReplacement, replaceFiles } from "../../../core/backup/replace.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { undoAfter } from "../../support/undo.ts";

test("files take their places together, and what spoils them goes", async (t) => {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const place = (name: string) => join(folder.path, name);
  for (const name of ["store", "store-wal", "key", "new-store", "new-key"]) writeFileSync(place(name), name);
  await replaceFiles(folder.path, [
    { from: place("new-key"), to: place("key"), remove: [] },
    { from: place("new-store"), to: place("store"), remove: [place("store-wal"), place("store-shm")] },
  ]);
  assert.deepEqual(readdirSync(folder.path).sort(), ["key", "store"]);
  assert.equal(readFileSync(place("store"), "utf8"), "new-store");
  assert.equal(await finishReplacement(folder.path), false);
});

test("what was cut off at any place is carried to its end, and never touches what is in its place already", async (t) => {
  for (const done of [0, 1, 2]) {
    const folder = temporaryFolder();
    undoAfter(t, folder.dispose);
    const place = (name: string) => join(folder.path, name);
    for (const name of ["store", "key", "new-store", "new-key"]) writeFileSync(place(name), name);
    const files = [
      { from: place("new-key"), to: place("key"), remove: [] },
      { from: place("new-store"), to: place("store"), remove: [place("store-wal")] },
    ];
    writeFileSync(place("restore.json"), JSON.stringify(files));
    for (const { from, to } of files.slice(0, done)) renameSync(from, to);
    // The log of a store that is in its place already is its own.
    if (done === 2) writeFileSync(place("store-wal"), "log");
    assert.equal(await finishReplacement(folder.path), true);
    assert.deepEqual(
      [readFileSync(place("key"), "utf8"), readFileSync(place("store"), "utf8")],
      ["new-key", "new-store"],
    );
    assert.equal(existsSync(place("store-wal")), done === 2);
    assert.equal(existsSync(place("restore.json")), false);
  }
});

test("a note that can't be read stops whoever would open the store", async (t) => {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  writeFileSync(join(folder.path, "restore.json"), "{");
  await assert.rejects(finishReplacement(folder.path), { code: "BACKUP.HALF_RESTORED" });
});

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { commitFiles, type FileChange, forgetCommit, resumeCommit } from "../../../../core/node/network/commit.ts";
import { temporaryFolder } from "../../../support/programs.ts";

describe("files that change as one", () => {
  let folder: ReturnType<typeof temporaryFolder>;
  let list: string;
  beforeEach(() => {
    folder = temporaryFolder();
    list = join(folder.path, "commit.json");
    put("/etc/a", "old a");
    put("/etc/gone", "old gone");
  });
  afterEach(() => folder.dispose());

  const at = (path: string) => join(folder.path, path);
  const put = (path: string, text: string) => {
    mkdirSync(dirname(at(path)), { recursive: true });
    writeFileSync(at(path), text);
  };
  const read = (path: string) => (existsSync(at(path)) ? readFileSync(at(path), "utf8") : null);
  const change = (path: string, text: string | null, mode = 0o644): FileChange => ({ path, text, mode });
  const changes = [change("/etc/a", "new a"), change("/etc/gone", null), change("/etc/x/new", "new", 0o600)];
  const texts = () => [read("/etc/a"), read("/etc/gone"), read("/etc/x/new")];
  const before = ["old a", "old gone", null];
  const after = ["new a", null, "new"];

  it("are all written, with their modes, and the list stays until it is forgotten", async () => {
    await commitFiles(list, folder.path, "c1", changes);
    assert.deepEqual(texts(), after);
    assert.equal(statSync(at("/etc/x/new")).mode & 0o777, 0o600);
    assert.ok(existsSync(list));
    await forgetCommit(list);
    assert.deepEqual(readdirSync(folder.path), ["etc"]);
  });

  it("are as before when one of them can't be written, and there is no list", async () => {
    // A file where a folder should be: the third change fails after two were made.
    put("/etc/x", "a file");
    await assert.rejects(commitFiles(list, folder.path, "c1", changes));
    assert.deepEqual([read("/etc/a"), read("/etc/gone")], ["old a", "old gone"]);
    assert.ok(!existsSync(list));
  });

  for (const done of [0, 1, 2, 3])
    it(`are all written by the next start when only ${done} of 3 were`, async () => {
      await commitFiles(list, folder.path, "c1", changes);
      const written = readFileSync(list, "utf8");
      // As a power cut after so many changes leaves it.
      const undone: [string, string][] = [
        ["/etc/a", "old a"],
        ["/etc/gone", "old gone"],
      ];
      for (const [path, text] of undone.slice(done)) put(path, text);
      writeFileSync(list, written);
      assert.equal(await resumeCommit(list, folder.path), "c1");
      assert.deepEqual(texts(), after);
    });

  it("are left alone by a start that finds no list, or one that was never whole", async () => {
    assert.equal(await resumeCommit(list, folder.path), undefined);
    writeFileSync(list, '{ "id": "c1", "after": [{ "path": "/etc/a", "te');
    assert.equal(await resumeCommit(list, folder.path), undefined);
    assert.deepEqual(texts(), before);
    assert.ok(!existsSync(list));
  });

  it("are never outside of /etc, whatever a list says", async () => {
    const hostile = { id: "c1", before: [], after: [{ path: "/usr/bin/x", text: "x", mode: 0o755 }] };
    writeFileSync(list, JSON.stringify(hostile));
    assert.equal(await resumeCommit(list, folder.path), undefined);
    assert.equal(read("/usr/bin/x"), null);
  });
});

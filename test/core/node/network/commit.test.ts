import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
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

  /** A disk on which nothing more can be written, or of which no more than one more page. */
  const disk = (room: "none" | "little") => {
    mkdirSync(at("/etc"), { recursive: true });
    execFileSync("mount", ["-t", "tmpfs", "-o", room === "none" ? "size=64k" : "size=16k", "tmpfs", at("/etc")]);
    const large = "x".repeat(5_000);
    put("/etc/a", "old a");
    put("/etc/b", large);
    if (room === "none") execFileSync("sh", ["-c", `cat /dev/zero 2>/dev/null >${at("/etc/filler")} || true`]);
    return { large, dispose: () => execFileSync("umount", ["--lazy", at("/etc")]) };
  };
  const isRoot = process.getuid?.() === 0;

  it("are as before when the disk has room for one of them only, and there is no list", { skip: !isRoot }, async () => {
    const { large, dispose } = disk("little");
    try {
      const more = [change("/etc/a", "new a"), change("/etc/b", "y".repeat(9_000))];
      await assert.rejects(commitFiles(list, folder.path, "c1", more), { code: "ENOSPC" });
      assert.deepEqual([read("/etc/a"), read("/etc/b")], ["old a", large]);
      assert.ok(!existsSync(list));
    } finally {
      dispose();
    }
  });

  it("all go back at the next start when the disk has no room for the rest of them", { skip: !isRoot }, async () => {
    const { large, dispose } = disk("little");
    try {
      const file = (path: string, text: string) => ({ path, text, mode: 0o644 });
      const after = [file("/etc/a", "new a"), file("/etc/b", "y".repeat(9_000))];
      const before = [file("/etc/a", "old a"), file("/etc/b", large)];
      put("/etc/a", "new a");
      writeFileSync(list, JSON.stringify({ id: "c1", after, before }));
      assert.equal(await resumeCommit(list, folder.path), undefined);
      assert.deepEqual([read("/etc/a"), read("/etc/b")], ["old a", large]);
      assert.ok(!existsSync(list));
    } finally {
      dispose();
    }
  });

  it("are taken back by the next start when they can be neither made nor unmade", { skip: !isRoot }, async () => {
    const { large, dispose } = disk("none");
    try {
      // The file that goes makes room for nothing: it is empty. The other would be written for its mode.
      put("/etc/empty", "");
      const more = [change("/etc/empty", null), change("/etc/b", "y".repeat(9_000))];
      chmodSync(at("/etc/b"), 0o600);
      await assert.rejects(commitFiles(list, folder.path, "c1", more), { code: "ENOSPC" });
      await forgetCommit(list, "c1");
      rmSync(at("/etc/filler"));
      assert.notEqual(await resumeCommit(list, folder.path), "c1");
      assert.deepEqual([read("/etc/empty"), read("/etc/b")], ["", large]);
    } finally {
      dispose();
    }
  });

  it("stay as somebody has written them since, while the others are made whole", async () => {
    await commitFiles(list, folder.path, "c1", changes);
    put("/etc/a", "by hand");
    put("/etc/gone", "old gone");
    assert.equal(await resumeCommit(list, folder.path), "c1");
    assert.deepEqual(texts(), ["by hand", null, "new"]);
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

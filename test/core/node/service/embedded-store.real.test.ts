import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { realMachine } from "../../../../core/node/machine.ts";
import { embeddedStore } from "../../../../core/node/service/embedded-store.ts";
import { temporaryFolder } from "../../../support/programs.ts";

const never = new AbortController().signal;
const shm = "/dev/shm";
/** Two file systems that any user has: the temporary folder, and memory. */
const differ = fs.existsSync(shm) && fs.statSync(shm).dev !== fs.statSync(temporaryRoot()).dev;
const skip = differ ? false : "the temporary folder and /dev/shm are one file system";

function temporaryRoot(): string {
  const folder = temporaryFolder();
  folder.dispose();
  return join(folder.path, "..");
}

function otherFileSystem() {
  const path = fs.mkdtempSync(join(shm, "binnacle-store-"));
  return { path, dispose: () => fs.rmSync(path, { recursive: true, force: true }) };
}

test("a store on a file system of its own is copied whole before it is emptied", { skip }, async () => {
  const [here, there] = [temporaryFolder(), otherFileSystem()];
  try {
    const folder = join(there.path, "manager");
    fs.mkdirSync(folder);
    fs.writeFileSync(join(folder, "a"), "content", { mode: 0o640 });
    const store = embeddedStore(realMachine(), { folder, kept: join(here.path, "kept") });
    const look = await store.look(never);
    assert.ok(look.state === "unreadable" && look.keeping.how === "copy");
    const to = await store.empty(false, never);
    assert.ok(to !== null);
    assert.equal(fs.readFileSync(join(to, "a"), "utf8"), "content");
    assert.equal(fs.statSync(join(to, "a")).mode & 0o777, 0o640);
    assert.deepEqual(fs.readdirSync(folder), []);
  } finally {
    here.dispose();
    there.dispose();
  }
});

test("a copy that fails leaves the store as it was, and nothing half copied", { skip }, async () => {
  const [here, there] = [temporaryFolder(), otherFileSystem()];
  try {
    const folder = join(there.path, "manager");
    fs.mkdirSync(folder);
    fs.writeFileSync(join(folder, "a"), "content");
    const machine = realMachine();
    const broken: typeof machine = {
      ...machine,
      run: async (command, args, options) =>
        command === "sync" ? { code: 1, stdout: "", stderr: "sync: error" } : machine.run(command, args, options),
    };
    const kept = join(here.path, "kept");
    const store = embeddedStore(broken, { folder, kept });
    await assert.rejects(store.empty(false, never), { code: "SERVICE.NOT_KEPT", message: /sync: error/ });
    assert.deepEqual(fs.readdirSync(folder), ["a"]);
    assert.deepEqual(fs.readdirSync(kept), []);
  } finally {
    here.dispose();
    there.dispose();
  }
});

test("without room nothing is deleted unless that was agreed to", { skip }, async () => {
  const [here, there] = [temporaryFolder(), otherFileSystem()];
  try {
    const folder = join(here.path, "manager");
    fs.mkdirSync(folder);
    // As large as no memory: a file with a hole, which takes no room itself.
    fs.closeSync(fs.openSync(join(folder, "a"), "w"));
    fs.truncateSync(join(folder, "a"), 2 ** 43);
    const store = embeddedStore(realMachine(), { folder, kept: join(there.path, "kept") });
    const look = await store.look(never);
    assert.ok(look.state === "unreadable" && look.keeping.how === "noRoom");
    await assert.rejects(store.empty(false, never), { code: "SERVICE.NO_ROOM" });
    assert.deepEqual(fs.readdirSync(folder), ["a"]);
    assert.equal(await store.empty(true, never), null);
    assert.deepEqual(fs.readdirSync(folder), []);
  } finally {
    here.dispose();
    there.dispose();
  }
});

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, readFile, readlink, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { needsPrivateMounts, runWithPrivateMounts } from "../../support/private-mounts.ts";
import { firstPassword, plantedPasswords } from "./planted.ts";

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "etc-"));
});
after(() => rm(folder, { recursive: true, maxRetries: 5 }));

async function shadow(): Promise<string> {
  return createHash("sha256")
    .update(await readFile("/etc/shadow"))
    .digest("hex");
}

/** Command lines and environments of every process that begins between now and `stop`. */
function watchProcesses(): { stop: () => Set<string> } {
  const seen = new Set<string>();
  const pids = () => readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const before = new Set(pids());
  const look = () => {
    for (const pid of pids().filter((pid) => !before.has(pid)))
      for (const file of ["cmdline", "environ"]) {
        try {
          seen.add(readFileSync(`/proc/${pid}/${file}`, "utf8"));
        } catch {
          // It has ended meanwhile.
        }
      }
  };
  const timer = setInterval(look, 3);
  return {
    stop: () => {
      clearInterval(timer);
      return seen;
    },
  };
}

test("the password of root is changed for real, in a private copy of /etc", needsPrivateMounts(), async () => {
  const ours = await shadow();
  const watch = watchProcesses();
  const { code, stdout, stderr } = await runWithPrivateMounts(join(import.meta.dirname, "passwords.real-child.ts"), [
    folder,
    await readlink("/proc/self/ns/mnt"),
  ]);
  const processes = watch.stop();
  assert.equal(code, 0, stderr);
  assert.equal(await shadow(), ours, "the machine's own /etc/shadow has changed");

  assert.deepEqual(JSON.parse(stdout), {
    changes: plantedPasswords.map(() => ({ newOpens: true, oldOpens: false })),
    almostOpens: [false, false, false, false],
    wrongOld: "PASSWORD.WRONG_OLD",
    stillOpens: true,
    expired: { right: "PASSWORD.EXPIRED", wrong: false },
    dueForChange: true,
    locked: "PASSWORD.LOCKED",
    without: { empty: "PASSWORD.NONE", any: "PASSWORD.NONE" },
  });

  const all = [...processes].join("\n");
  assert.ok(all.includes("unix_chkpwd\0root\0nonull") && all.includes("chpasswd"), "the helpers were not seen at all");
  for (const secret of [firstPassword, ...plantedPasswords, "plAnted"])
    assert.ok(!all.includes(secret), "a password was in a process list");
  assert.ok(!`${stdout}${stderr}`.includes("plAnted"));
});

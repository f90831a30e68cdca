import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { nodeBed } from "../../support/ctl/node.ts";
import { sshServer } from "../../support/ctl/sshd.ts";
import { needsPrivateMounts } from "../../support/private-mounts.ts";

/* Backups on another machine, by the real ssh and a real server of it. */

async function bed(t: Parameters<typeof nodeBed>[0], login?: string) {
  const [node, server] = [await nodeBed(t), await sshServer(t, login)];
  node.world.sshOptions = server.options;
  await node.start();
  const there = join(server.home, "binnacle-backups");
  const dump = (...words: string[]) => node.ctl("dump_mysql", "--host", `${server.user}@${server.address}`, ...words);
  return { node, server, there, dump };
}

describe("dump_mysql --host", needsPrivateMounts(), () => {
  for (const login of ["/bin/sh", "/bin/bash"])
    test(`copies the backup, whole and for its owner alone (${login})`, async (t) => {
      const { node, there, dump } = await bed(t, login);
      assert.equal(await dump(), 0, node.said());
      const [file = "", sum = ""] = node.inBackups();
      assert.deepEqual(readdirSync(there), [file]);
      assert.equal(statSync(join(there, file)).mode & 0o777, 0o600);
      assert.equal(statSync(there).mode & 0o777, 0o700);
      const digest = createHash("sha256")
        .update(readFileSync(join(there, file)))
        .digest("hex");
      assert.equal(readFileSync(join(node.backups, sum), "utf8"), `${digest}  ${file}\n`);
      assert.match(node.said(), /^Copied to keeper@127\..*: binnacle-backups\//m);
    });

  test("deletes there only what is too much of this node's, and nothing else", async (t) => {
    const { node, there, dump } = await bed(t);
    assert.equal(await dump(), 0, node.said());
    const [file = ""] = node.inBackups();
    const host = file.slice(0, file.indexOf("-store-"));
    const others = ["other-store-20200101-000000.tar.gz", "notes.txt", `${host}-store-x.tar.gz`, "a b; touch hit"];
    const old = [`${host}-store-20200101-000000.tar.gz`, `${host}-store-20200101-000000-2.tar.gz`];
    for (const name of [...others, ...old]) writeFileSync(join(there, name), "");
    assert.equal(await dump("--d", "--keep-amount", "2"), 0, node.said());
    assert.deepEqual(
      readdirSync(there).sort(),
      [...others, ...node.inBackups().filter((name) => name.endsWith("gz"))].sort(),
    );
    assert.equal(existsSync(join(there, "hit")), false);
    for (const name of old) assert.ok(node.said().includes(`Deleted there: ${name}`));
  });

  test("leaves nothing half there: not when the copy is cut short, not of one that died before", async (t) => {
    const { node, server, there, dump } = await bed(t);
    const { run } = node.world;
    node.world.run = (command, args, options) => {
      // Another sum is what a copy that was cut short would have.
      const cut = args.map((word) => word.replace(/echo "[\da-f]{64}/, `echo "${"0".repeat(64)}`));
      return run(command, command === "ssh" ? cut : args, options);
    };
    mkdirSync(there);
    chownSync(there, statSync(server.home).uid, statSync(server.home).gid);
    const [old, fresh] = [join(there, ".old.tar.gz.unfinished"), join(there, ".fresh.tar.gz.unfinished")];
    for (const file of [old, fresh]) writeFileSync(file, "half");
    utimesSync(old, 1, 1);
    await assert.rejects(dump(), { code: "CTL.NOT_COPIED" });
    assert.deepEqual(readdirSync(there), [".fresh.tar.gz.unfinished"]);
    assert.equal(node.inBackups().length, 2, "the backup itself is complete");
  });

  test("says what is in the way there", async (t) => {
    const { server, dump } = await bed(t);
    writeFileSync(join(server.home, "binnacle-backups"), "a file in the way");
    await assert.rejects(dump(), { code: "CTL.NOT_COPIED", message: /File exists/ });
  });

  test("says why it is not let in: an unknown key of either side, nobody there", async (t) => {
    const { node, server, dump } = await bed(t);
    node.world.sshOptions = server.strangerOptions;
    await assert.rejects(dump(), { code: "CTL.SSH_DENIED", remedy: /ssh-copy-id keeper@127/ });
    node.world.sshOptions = server.unknowingOptions;
    await assert.rejects(dump(), { code: "CTL.SSH_UNKNOWN_HOST" });
    node.world.sshOptions = [...server.options, "-p", "2"];
    await assert.rejects(dump(), { code: "CTL.SSH_FAILED", message: /Connection refused/ });
    assert.equal(existsSync(join(server.home, "binnacle-backups")), false);
  });
});

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { describe, it, type TestContext } from "node:test";
import { pinAccounts } from "../../iso/build/accounts.ts";
import { type AccountIds, idsOf, movesTo, readIds, renumbered, withNew, writeIds } from "../../iso/build/ids.ts";
import { root, temporaryFolder } from "../support/programs.ts";
import { undoAfter } from "../support/undo.ts";

const committed = path.join(root, "iso/accounts.lock.json");

const table: AccountIds = {
  users: { root: 0, _apt: 42, chrony: 100, gone: 101, store: 102, nobody: 65534 },
  groups: { root: 0, disk: 6, gone: 500, chrony: 101, store: 102, nogroup: 65534 },
};

function folderOf(t: TestContext): string {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  return folder.path;
}

describe("the table of ids", () => {
  it("comes back as it was written, in the order of the ids", (t) => {
    const file = path.join(folderOf(t), "ids.json");
    writeIds(file, { users: { b: 7, a: 9 }, groups: { z: 1 } });
    assert.deepEqual(readIds(file), { users: { a: 9, b: 7 }, groups: { z: 1 } });
    assert.match(fs.readFileSync(file, "utf8"), /"b": 7,\n +"a": 9\n/);
  });

  it("is refused when it gives an id to two, or is no table", (t) => {
    const file = path.join(folderOf(t), "ids.json");
    writeIds(file, { users: { a: 9, b: 9 }, groups: {} });
    assert.throws(() => readIds(file), { code: "ISO.IDS", message: /^ {2}users: a and b 9$/m });
    for (const text of ["", "[]", '{"users":{"a":"9"},"groups":{}}', '{"users":{"a":-1},"groups":{}}']) {
      fs.writeFileSync(file, text);
      assert.throws(() => readIds(file), { code: "ISO.IDS", message: /ids\.json can't be used/ }, text);
    }
  });

  it("has the accounts that the overlay asks for", () => {
    const { users, groups } = readIds(committed);
    const asked = fs.readFileSync(path.join(root, "iso/overlay/usr/lib/sysusers.d/binnacle.conf"), "utf8");
    const lines = [...asked.matchAll(/^([gu]) (\S+)/gm)];
    assert.ok(lines.length >= 3);
    for (const [, kind, name = ""] of lines) {
      assert.ok(groups[name], name);
      if (kind === "u") assert.ok(users[name], name);
    }
  });
});

describe("the ids of a built tree", () => {
  const same = { users: { root: 0, chrony: 100 }, groups: { root: 0, chrony: 101 } };

  it("stay when they are those of the table, and a name that only the table has is no matter", () => {
    assert.deepEqual(movesTo(table, same), { users: new Map(), groups: new Map() });
  });

  it("move when the order of installation was another, even to one that an account leaves", () => {
    const built = { users: { root: 0, store: 100, chrony: 102 }, groups: { root: 0, chrony: 999 } };
    const moves = movesTo(table, built);
    assert.deepEqual([...moves.users].sort(), [
      [100, 102],
      [102, 100],
    ]);
    assert.deepEqual([...moves.groups], [[999, 101]]);
  });

  it("end the build when the table lacks them, with all names and what to do", () => {
    const built = { users: { ...same.users, etcd: 103 }, groups: { ...same.groups, etcd: 104 } };
    assert.throws(() => movesTo(table, built), {
      code: "ISO.IDS",
      message: [
        "The image has accounts that iso/accounts.lock.json has no id for:",
        "  users: etcd not in the table, 103 in the image",
        "  groups: etcd not in the table, 104 in the image",
        "Give them theirs for good: npm run iso -- --update",
      ].join("\n"),
    });
  });

  it("end the build when one that Debian fixes is another, on either side", () => {
    for (const [name, id] of [
      ["_apt", 41],
      ["_apt", 105],
      ["chrony", 64055],
    ] as const)
      assert.throws(() => movesTo(table, { users: { [name]: id }, groups: {} }), {
        code: "ISO.IDS",
        message: [
          "Ids that Debian fixes are other ones than in iso/accounts.lock.json:",
          `  users: ${name} ${table.users[name]} in the table, ${id} in the image`,
          "Installed nodes hold files by the table's. Change it by hand, together with what changes those files.",
        ].join("\n"),
      });
  });
});

describe("an update of the table", () => {
  it("changes nothing when nothing is new, whatever ids were given", () => {
    assert.deepEqual(withNew(table, { users: { chrony: 107, store: 100 }, groups: { disk: 6, store: 999 } }), table);
  });

  it("gives a new user and his group the same free id, never one of a name that is gone", () => {
    const built = { users: { chrony: 100, tunnel: 101, etcd: 104 }, groups: { etcd: 102, spare: 105 } };
    const after = withNew(table, built);
    assert.deepEqual(after, {
      users: { ...table.users, etcd: 501, tunnel: 503 },
      groups: { ...table.groups, etcd: 501, spare: 502 },
    });
    assert.deepEqual(withNew(after, built), after);
    assert.deepEqual(
      [...movesTo(after, built).users],
      [
        [101, 503],
        [104, 501],
      ],
    );
  });

  it("leaves a new account the id that Debian fixes, and refuses it when that is another's", () => {
    const { users, groups } = withNew(table, { users: { qemu: 64055 }, groups: { qemu: 120, fixed: 60000 } });
    assert.deepEqual([users["qemu"], groups["qemu"], groups["fixed"]], [64055, 502, 60000]);
    assert.throws(() => withNew(table, { users: { apt: 42 }, groups: {} }), {
      code: "ISO.IDS",
      message: /^ {2}users: (_apt and apt|apt and _apt) 42$/m,
    });
  });
});

describe("lists of accounts", () => {
  const moves = { users: new Map([[100, 102]]), groups: new Map([[102, 100]]) };

  it("get other ids and keep the rest, also where it looks like an id", () => {
    const passwd = "100:x:100:102:102:/100:/bin/sh\nroot:x:0:0:root:/root:/bin/bash\n";
    assert.equal(
      renumbered("passwd", passwd, moves),
      "100:x:102:100:102:/100:/bin/sh\nroot:x:0:0:root:/root:/bin/bash\n",
    );
    assert.equal(renumbered("group", "102:x:102:100,102\ndisk:x:6:\n", moves), "102:x:100:100,102\ndisk:x:6:\n");
  });

  it("give names and ids", () => {
    assert.deepEqual(idsOf("root:x:0:0:root:/root:/bin/bash\n_apt:x:42:65534::/:/bin/false\n"), { root: 0, _apt: 42 });
  });
});

/** Why files can't be given to others here; undefined when they can. */
function whyNoOwners(): string | undefined {
  if (process.getuid?.() !== 0) return "needs root, to give files to others";
  return spawnSync("setcap", ["-h"]).error === undefined ? undefined : "libcap2-bin is not installed";
}
const why = whyNoOwners();

describe("the files of a tree", { skip: why !== undefined && process.env["CI"] !== "true" ? why : false }, () => {
  /** A tree whose users `store` and `chrony` have each other's id. */
  function treeOf(t: TestContext): string {
    const tree = folderOf(t);
    fs.mkdirSync(path.join(tree, "etc"));
    fs.writeFileSync(
      path.join(tree, "etc/passwd"),
      "root:x:0:0::/:/bin/sh\nchrony:x:102:999::/:\nstore:x:100:102::/:\n",
    );
    fs.writeFileSync(path.join(tree, "etc/group"), "root:x:0:\nchrony:x:999:\nstore:x:102:\n");
    for (const [name, uid, gid, mode] of [
      ["chrony", 102, 999, 0o640],
      ["store", 100, 102, 0o4750],
      ["shared", 0, 999, 0o2755],
      ["roots", 0, 0, 0o4755],
    ] as const) {
      fs.writeFileSync(path.join(tree, name), name);
      fs.chownSync(path.join(tree, name), uid, gid);
      fs.chmodSync(path.join(tree, name), mode);
    }
    fs.linkSync(path.join(tree, "store"), path.join(tree, "etc/store"));
    fs.symlinkSync("roots", path.join(tree, "link"));
    fs.lchownSync(path.join(tree, "link"), 102, 999);
    return tree;
  }
  const owner = (...place: string[]) => {
    const { uid, gid, mode } = fs.lstatSync(path.join(...place));
    return [uid, gid, mode & 0o7777];
  };

  it("follow their owners, with their modes, and a file with two names once", async (t) => {
    const tree = treeOf(t);
    await pinAccounts(tree, table);
    assert.deepEqual(owner(tree, "chrony"), [100, 101, 0o640]);
    assert.deepEqual(owner(tree, "store"), [102, 102, 0o4750]);
    assert.deepEqual(owner(tree, "etc/store"), [102, 102, 0o4750]);
    assert.deepEqual(owner(tree, "shared"), [0, 101, 0o2755]);
    assert.deepEqual(owner(tree, "link").slice(0, 2), [100, 101]);
    assert.deepEqual(owner(tree, "roots"), [0, 0, 0o4755]);
    const passwd = fs.readFileSync(path.join(tree, "etc/passwd"), "utf8");
    assert.equal(passwd, "root:x:0:0::/:/bin/sh\nchrony:x:100:101::/:\nstore:x:102:102::/:\n");
    assert.equal(fs.readFileSync(path.join(tree, "etc/group"), "utf8"), "root:x:0:\nchrony:x:101:\nstore:x:102:\n");
  });

  it("don't include those that a link leads to outside", async (t) => {
    const [tree, outside] = [treeOf(t), folderOf(t)];
    fs.writeFileSync(path.join(outside, "file"), "");
    fs.chownSync(path.join(outside, "file"), 102, 999);
    fs.symlinkSync(outside, path.join(tree, "outside"));
    await pinAccounts(tree, table);
    assert.deepEqual(owner(outside, "file").slice(0, 2), [102, 999]);
  });

  it("keep their capabilities", async (t) => {
    const tree = treeOf(t);
    const [shared, chrony] = [path.join(tree, "shared"), path.join(tree, "chrony")];
    execFileSync("setcap", ["cap_net_raw,cap_net_admin=eip", shared]);
    const before = execFileSync("getcap", [shared, chrony], { encoding: "utf8" });
    assert.match(before, /shared cap_\S+\n$/);
    await pinAccounts(tree, table);
    assert.deepEqual(owner(shared), [0, 101, 0o2755]);
    assert.equal(execFileSync("getcap", [shared, chrony], { encoding: "utf8" }), before);
  });

  it("are left alone when an account can't have its id", async (t) => {
    const tree = treeOf(t);
    fs.appendFileSync(path.join(tree, "etc/group"), "new:x:110:\n");
    await assert.rejects(pinAccounts(tree, table), { code: "ISO.IDS" });
    assert.deepEqual(owner(tree, "chrony"), [102, 999, 0o640]);
    assert.match(fs.readFileSync(path.join(tree, "etc/passwd"), "utf8"), /^chrony:x:102:999/m);
  });
});

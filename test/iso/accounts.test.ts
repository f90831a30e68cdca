import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { describe, it, type TestContext } from "node:test";
import { root, temporaryFolder } from "../support/programs.ts";
import { undoAfter } from "../support/undo.ts";

const program = path.join(root, "iso/overlay/usr/lib/binnacle/merge-accounts");

/** A version that brings `store`, in the group `disk` too, and `tunnel`, whose group is one of everybody's. */
const image = {
  passwd: `root:x:0:0:root:/root:/bin/bash
chrony:x:100:102:Chrony daemon,,,:/var/lib/chrony:/usr/sbin/nologin
store:x:101:103::/var/lib/store:/usr/sbin/nologin
tunnel:x:991:65534::/run/tunnel:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
`,
  group: "root:x:0:\ndisk:x:6:store,chrony\nchrony:x:102:\nstore:x:103:\nnogroup:x:65534:\n",
  shadow:
    "root:*:20000:0:99999:7:::\nchrony:!:20000::::::\nstore:!*:20000::::::\ntunnel:!*:20000::::::\nnobody:*:1::::::\n",
  gshadow: "root:*::\ndisk:*::store,chrony\nchrony:!::\nstore:!*::\nnogroup:*::\n",
};
type Lists = Record<keyof typeof image, string>;

/** What is left of a node's lists, what was said, and how it ended; a second run changes nothing. */
function merge(t: TestContext, node: Lists) {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const [etc, lists] = [path.join(folder.path, "etc"), path.join(folder.path, "lists")];
  for (const [place, texts] of [
    [etc, node],
    [lists, image],
  ] as const) {
    fs.mkdirSync(place);
    for (const [name, text] of Object.entries(texts)) fs.writeFileSync(path.join(place, name), text, { mode: 0o640 });
  }
  const run = () => spawnSync("sh", [program, etc, lists], { encoding: "utf8" });
  const read = () =>
    Object.fromEntries(fs.readdirSync(etc).map((name) => [name, fs.readFileSync(path.join(etc, name), "utf8")]));
  const { status, stderr } = run();
  const after = read();
  assert.equal(fs.statSync(path.join(etc, "shadow")).mode & 0o777, 0o640);
  run();
  assert.deepEqual(read(), after);
  return { status, stderr, after };
}

describe("the accounts that come with a version", () => {
  it("are added to the only list that is a node's own from its installation on", (t) => {
    const shadow = "root:$6$secret:20000::::::\nchrony:!:20000::::::\nnobody:*:1::::::\n";
    const { status, stderr, after } = merge(t, { ...image, shadow });
    assert.deepEqual([status, stderr], [0, ""]);
    assert.deepEqual(after, { ...image, shadow: `${shadow}store:!*:20000::::::\ntunnel:!*:20000::::::\n` });
  });

  it("that have another id here are told, and keep it: files of the system may be somebody else's then", (t) => {
    const passwd = image.passwd.replace("chrony:x:100:", "chrony:x:120:");
    const { status, stderr, after } = merge(t, { ...image, passwd });
    assert.equal(status, 1);
    assert.match(stderr, /chrony has the id 120 in passwd, and 100 in this version/);
    assert.deepEqual(after, { ...image, passwd });
  });

  it("are added to lists that somebody changed, and who is there stays as he is", (t) => {
    const own = {
      passwd:
        "root:x:0:0:root:/root:/bin/sh\nchrony:x:100:102:changed:/srv:/bin/sh\nanna:x:1000:1000::/home/anna:/bin/sh\n",
      group: "root:x:0:\ndisk:x:6:anna\nchrony:x:102:\nanna:x:1000:\nnogroup:x:65534:\n",
      shadow: "root:$6$secret:20000::::::\nchrony:!:20000::::::\nanna:$6$other:20000::::::",
      gshadow: "root:*::\ndisk:*::anna\nchrony:!::\nanna:!::\nnogroup:*::\n",
    };
    const { status, stderr, after } = merge(t, own);
    assert.deepEqual([status, stderr], [0, ""]);
    assert.deepEqual(after, {
      passwd: `${own.passwd}${image.passwd.split("\n").slice(2, 5).join("\n")}\n`,
      // What was taken from somebody who was there is not given back.
      group: `${own.group.replace("disk:x:6:anna", "disk:x:6:anna,store")}store:x:103:\n`,
      shadow: `${own.shadow}\nstore:!*:20000::::::\ntunnel:!*:20000::::::\nnobody:*:1::::::\n`,
      gshadow: `${own.gshadow}store:!*::\n`,
    });
  });

  it("are whole after a power cut between two lists", (t) => {
    const before = {
      ...image,
      passwd: "root:x:0:0:root:/root:/bin/bash\n",
      group: "root:x:0:\ndisk:x:6:\n",
      shadow: "root:*:20000:0:99999:7:::\n",
    };
    const whole = merge(t, before).after;
    assert.match(whole["group"] ?? "", /^disk:x:6:store,chrony$/m);
    for (let count = 0; count < 4; count += 1) {
      const cut = { ...before };
      // In the order in which they are replaced.
      for (const name of (["group", "passwd", "shadow", "gshadow"] as const).slice(0, count))
        cut[name] = whole[name] ?? "";
      assert.deepEqual(merge(t, cut).after, whole, `after ${count}`);
    }
  });

  it("are left out when their id is somebody else's, which is said", (t) => {
    const passwd = "root:x:0:0:root:/root:/bin/bash\nbackup:x:101:34::/srv:/bin/sh\n";
    const shadow = "root:$6$secret:20000::::::\nbackup:!:20000::::::\n";
    const { status, stderr, after } = merge(t, { ...image, passwd, shadow });
    assert.equal(status, 1);
    assert.match(stderr, /^merge-accounts: store is not added to passwd: its id 101 is that of backup\. Give backup/);
    assert.doesNotMatch(`${after["passwd"]}${after["shadow"]}`, /store/);
    assert.match(after["passwd"] ?? "", /^tunnel:/m);
  });

  it("are in the group of their name, whatever its id is here, and never in another one", (t) => {
    const passwd = "root:x:0:0:root:/root:/bin/bash\n";
    const renumbered = merge(t, { ...image, passwd, group: image.group.replace("store:x:103", "store:x:1500") });
    assert.match(renumbered.after["passwd"] ?? "", /^store:x:101:1500:/m);
    assert.match(renumbered.stderr, /store has the id 1500 in group, and 103 in this version/);
    const taken = merge(t, { ...image, passwd, group: image.group.replace("store:x:103", "admins:x:103") });
    assert.doesNotMatch(taken.after["passwd"] ?? "", /^store:/m);
    assert.match(taken.stderr, /store is not added to passwd: its group store is not there/);
    assert.equal(taken.status, 1);
  });

  it("change nothing when nothing is new", (t) => {
    const { status, stderr, after } = merge(t, image);
    assert.deepEqual([status, stderr, after], [0, "", image]);
  });

  it("leave the former list when the new one can't be written whole", (t) => {
    const folder = temporaryFolder();
    undoAfter(t, folder.dispose);
    for (const [name, text] of Object.entries(image)) fs.writeFileSync(path.join(folder.path, name), text);
    const passwd = "root:x:0:0:root:/root:/bin/bash\n";
    const own = path.join(folder.path, "etc");
    fs.mkdirSync(own);
    for (const [name, text] of Object.entries({ ...image, passwd })) fs.writeFileSync(path.join(own, name), text);
    // No file may become longer than nothing.
    const { status } = spawnSync("sh", ["-c", 'ulimit -f 0; trap "" XFSZ; sh "$0" "$@"', program, own, folder.path]);
    assert.notEqual(status, 0);
    assert.equal(fs.readFileSync(path.join(own, "passwd"), "utf8"), passwd);
  });
});

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { describe, it } from "node:test";
import { usersConfiguration } from "../../iso/build/users.ts";
import { temporaryFolder } from "../support/programs.ts";
import { undoAfter } from "../support/undo.ts";

const passwd = `root:x:0:0:root:/root:/bin/bash
chrony:x:100:102:Chrony daemon,,,:/var/lib/chrony:/usr/sbin/nologin
store:x:101:103::/var/lib/store:/usr/sbin/nologin
person:x:1000:1000::/home/person:/bin/bash
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
`;
const group = "root:x:0:\nkvm:x:90:store\nchrony:x:102:\nstore:x:103:\nperson:x:1000:\nnogroup:x:65534:\n";

describe("the system users of an image", () => {
  it("are those of the system alone, with their ids, groups first", () => {
    assert.equal(
      usersConfiguration(passwd, group),
      `g root 0
g kvm 90
g chrony 102
g store 103
u chrony 100:chrony "Chrony daemon,,," "/var/lib/chrony" "/usr/sbin/nologin"
u store 101:store - "/var/lib/store" "/usr/sbin/nologin"
m store kvm
`,
    );
  });

  it("that came with a version are added to a node's own files, and who is there stays as it is", (t) => {
    const root = temporaryFolder();
    undoAfter(t, root.dispose);
    const etc = (name: string) => path.join(root.path, "etc", name);
    fs.mkdirSync(etc(""));
    const own = "root:x:0:0:root:/root:/bin/bash\nchrony:x:100:102:changed here:/srv:/bin/sh\n";
    fs.writeFileSync(etc("passwd"), own);
    fs.writeFileSync(etc("group"), "root:x:0:\nkvm:x:90:admin\nchrony:x:102:\n");
    fs.writeFileSync(etc("shadow"), "root:$6$secret:20000::::::\nchrony:!:20000::::::\n", { mode: 0o640 });
    fs.writeFileSync(etc("gshadow"), "root:*::\nkvm:!::admin\nchrony:!::\n", { mode: 0o640 });
    const list = path.join(root.path, "users.conf");
    fs.writeFileSync(list, usersConfiguration(passwd, group));
    const add = () => execFileSync("systemd-sysusers", [`--root=${root.path}`, list], { stdio: "pipe" });
    add();
    add();
    assert.equal(fs.readFileSync(etc("passwd"), "utf8"), `${own}store:x:101:103::/var/lib/store:/usr/sbin/nologin\n`);
    assert.equal(
      fs.readFileSync(etc("group"), "utf8"),
      "root:x:0:\nkvm:x:90:admin,store\nchrony:x:102:\nstore:x:103:\n",
    );
    assert.match(
      fs.readFileSync(etc("shadow"), "utf8"),
      /^root:\$6\$secret:20000::::::\nchrony:!:20000::::::\nstore:!\*?:/,
    );
  });
});

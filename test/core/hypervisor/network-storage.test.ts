import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { StoragePlace } from "../../../core/hypervisor/driver.ts";
import { HostStorages } from "../../../core/hypervisor/libvirt/host-storages.ts";
import { MachineLocks } from "../../../core/hypervisor/libvirt/machine-locks.ts";
import { NodeError } from "../../../core/model/error.ts";
import { type Machine, realMachine } from "../../../core/node/machine.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { undoAfter } from "../../support/undo.ts";
import { refuses, uuidOf } from "./support.ts";

/*
 * What an agent does with storages of NFS servers, up to the commands mount and umount. Here a link leads to a folder in
 * their place, and all other commands work on that; test/iso/shared-storage.image.ts has the real ones.
 */

const never = new AbortController().signal;
const url = "192.168.0.1:/nfs_root";
const uuid = uuidOf(1);

type Bed = {
  storages: HostStorages;
  /** The same host after its agent was started anew. */
  again(): HostStorages;
  path: string;
  place(isNew: boolean): StoragePlace;
  /** Folders of servers, by their address. */
  exports: Map<string, string>;
  commands: string[];
  /** Commands that never end. */
  hangs: Set<string>;
  /** Owner of what is written, as the server has it. */
  owner: string;
  /** What the command complains of in place of being carried out. */
  fails: Map<string, string>;
};

function bed(t: TestContext): Bed {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const root = join(folder.path, "storage");
  mkdirSync(root);
  const exported = join(folder.path, "export");
  mkdirSync(exported, { mode: 0o755 });
  const mounts = new Map<string, string>();
  const real = realMachine();
  const commands: string[] = [];
  const done = (code = 0, stderr = "") => ({ code, stdout: "", stderr });
  const machine: Machine = {
    ...real,
    readFile: async (file) => {
      if (file === "/etc/machine-id") return "0123456789abcdef0123456789abcdef\n";
      assert.equal(file, "/proc/self/mountinfo");
      return [...mounts].map(([at, from]) => `61 21 0:52 / ${at} rw,relatime - nfs4 ${from} rw,hard\n`).join("");
    },
    run: async (command, args, options) => {
      commands.push([command, ...args].join(" "));
      const target = args.at(-1) ?? "";
      if (all.hangs.has(command)) throw new NodeError("RUN.TIMEOUT", `${command} did not end.`);
      const complaint = all.fails.get(command);
      if (complaint !== undefined) return done(1, complaint);
      if (command === "mount") {
        const source = args.at(-2) ?? "";
        const from = all.exports.get(source);
        if (from === undefined) return done(32, `mount.nfs4: access denied by server while mounting ${source}`);
        rmdirSync(target);
        symlinkSync(from, target);
        mounts.set(target, source);
        return done();
      }
      if (command === "umount") {
        if (!mounts.delete(target)) return done(32, "umount: not mounted");
        unlinkSync(target);
        mkdirSync(target);
        return done();
      }
      const result = await real.run(command, args, options);
      const isOwner = command === "stat" && args.includes("--format=%u %a");
      return isOwner ? { ...result, stdout: result.stdout.replace(/^\d+/, all.owner) } : result;
    },
  };
  const path = join(root, uuid);
  const all: Bed = {
    storages: new HostStorages(machine, { root, locks: new MachineLocks({ machine }) }),
    again: () => new HostStorages(machine, { root, locks: new MachineLocks({ machine }) }),
    path,
    place: (isNew) => ({ type: "NFS", url, path, mark: { uuid, isNew } }),
    exports: new Map([[url, exported]]),
    commands,
    hangs: new Set(),
    owner: "0",
    fails: new Map(),
  };
  return all;
}

const exportOf = (all: Bed) => all.exports.get(url) ?? "";

test("a new storage is mounted hard, marked, and found again as it is", async (t) => {
  const all = bed(t);
  const room = await all.storages.room(all.place(true), never);
  assert.ok(room.totalBytes > 0 && room.availableBytes <= room.totalBytes);
  const mount = all.commands.find((each) => each.startsWith("mount "));
  assert.match(mount ?? "", /^mount -t nfs4 -o vers=4,proto=tcp,hard,\S*nodev,nosuid -- 192\.168\.0\.1:\/nfs_root /);
  assert.deepEqual(readdirSync(exportOf(all)), [`.binnacle-storage-${uuid}`], "nothing else is left there");
  all.commands.length = 0;
  await all.again().room(all.place(false), never);
  assert.ok(!all.commands.some((each) => each.startsWith("mount ")), "what is mounted is not mounted once more");
  await all.storages.require([`${all.path}/volumes/1`]);
});

test("a folder without the storage's mark is never taken for it, and is let go again", async (t) => {
  const all = bed(t);
  await all.storages.room(all.place(true), never);
  await all.storages.keepOnly([]);
  // The server has lost the disk that lay there.
  renameSync(exportOf(all), `${exportOf(all)}.away`);
  mkdirSync(exportOf(all), { mode: 0o755 });
  await refuses(all.storages.room(all.place(false), never), "STORAGE.1054");
  assert.ok(!existsSync(all.path), "it is not mounted any more");
  assert.deepEqual(readdirSync(exportOf(all)), [], "nor has it been marked");
  await refuses(all.storages.require([`${all.path}/volumes/1`]), "STORAGE.1052");
});

test("one that loses its mark while it is mounted is refused before a volume of it is touched", async (t) => {
  const all = bed(t);
  await all.storages.room(all.place(true), never);
  unlinkSync(join(exportOf(all), `.binnacle-storage-${uuid}`));
  await refuses(all.storages.require([`${all.path}/volumes/1`]), "STORAGE.1054");
  writeFileSync(join(exportOf(all), `.binnacle-storage-${uuid}`), uuidOf(2));
  await refuses(all.storages.require([`${all.path}/volumes/1`]), "STORAGE.1054");
});

test("what is not mounted is no storage, whatever lies in its folder", async (t) => {
  const all = bed(t);
  mkdirSync(all.path);
  writeFileSync(join(all.path, `.binnacle-storage-${uuid}`), uuid);
  await refuses(all.storages.require([`${all.path}/volumes/1`]), "STORAGE.1052");
  await all.storages.require(["/elsewhere/volumes/1"]);
});

for (const [what, change, code] of [
  ["is not exported", (all: Bed) => all.exports.clear(), "STORAGE.1051"],
  ["is exported read-only", (all: Bed) => all.fails.set("tee", "tee: /x: Read-only file system"), "STORAGE.1053"],
  ["gives root's files to nobody", (all: Bed) => Object.assign(all, { owner: "65534" }), "STORAGE.1053"],
  ["does not answer", (all: Bed) => all.hangs.add("mount"), "STORAGE.1055"],
  ["stops answering after it was mounted", (all: Bed) => all.hangs.add("stat"), "STORAGE.1055"],
] as const)
  test(`a server's folder that ${what} is refused as such, and nothing of it stays on the host`, async (t) => {
    const all = bed(t);
    change(all);
    const error = await refuses(all.storages.room(all.place(true), never), code);
    assert.match(error.remedy ?? "", /server|Export/);
    assert.deepEqual(readdirSync(exportOf(all) === "" ? join(all.path, "..") : exportOf(all)), []);
    if (code === "STORAGE.1051") assert.ok(!existsSync(all.path));
  });

test("a full storage is still one", async (t) => {
  const all = bed(t);
  await all.storages.room(all.place(true), never);
  const tee = "tee: /x: No space left on device";
  writeFileSync(join(exportOf(all), ".binnacle-probe-0123456789abcdef0123456789abcdef"), "");
  all.fails.set("tee", tee);
  await all.storages.room(all.place(false), never);
});

test("a server that hangs holds up nobody who asks for another storage, and those who ask for it for one time-out", async (t) => {
  const all = bed(t);
  await all.storages.room(all.place(true), never);
  all.hangs.add("stat");
  const both = [all.storages.require([`${all.path}/volumes/1`]), all.storages.require([`${all.path}/volumes/2`])];
  await all.storages.require(["/elsewhere/volumes/1"]);
  for (const each of both) await refuses(each, "STORAGE.1055");
  all.hangs.clear();
  await all.storages.require([`${all.path}/volumes/1`]);
});

for (const given of [
  "-o:/x",
  "192.168.0.1,nolock:/x",
  "192.168.0.1 /x:/y",
  "192.168.0.1:/x/../../etc",
  "192.168.0.1:/a\nb",
  "[fd00::1:/x",
  "192.168.0.1:x",
  "",
])
  test(`no command is run for the address ${JSON.stringify(given)}`, async (t) => {
    const all = bed(t);
    await refuses(all.storages.room({ ...all.place(true), url: given }, never), "STORAGE.1006");
    assert.deepEqual(all.commands, []);
  });

test("blanks, commas and brackets of an address reach mount as they are, each in one word", async (t) => {
  for (const given of ["[fd00::1]:/nfs root,rw//a/", "store.example.com:/--bind"]) {
    const all = bed(t);
    const source = given.replace("//", "/").replace(/(?<=.)\/$/, "");
    all.exports.set(source, exportOf(all));
    await all.storages.room({ ...all.place(true), url: given }, never);
    assert.ok(
      all.commands.some((each) => each.endsWith(` -- ${source} ${all.path}`)),
      all.commands[0],
    );
  }
});

test("a manager's storage has the place that its uuid says, and no other", async (t) => {
  const all = bed(t);
  for (const path of [join(all.path, ".."), "/etc", `${all.path}x`, join(all.path, "..", uuidOf(2))])
    await refuses(all.storages.room({ ...all.place(true), path }, never), "HYPERVISOR.BAD_PATH");
  assert.deepEqual(all.commands, []);
});

test("storages that a host is to have stay mounted, others go unless something uses them", async (t) => {
  const all = bed(t);
  await all.storages.room(all.place(true), never);
  await all.storages.keepOnly([uuid]);
  assert.ok(existsSync(join(all.path, `.binnacle-storage-${uuid}`)));
  all.fails.set("umount", "umount: target is busy.");
  await all.storages.keepOnly([]);
  assert.ok(existsSync(join(all.path, `.binnacle-storage-${uuid}`)));
  all.fails.clear();
  await all.storages.keepOnly([]);
  assert.ok(!existsSync(all.path));
});

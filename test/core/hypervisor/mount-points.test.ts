import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { HostCommand } from "../../../core/hypervisor/driver.ts";
import { LibvirtDriver } from "../../../core/hypervisor/libvirt.ts";
import { type Machine, realMachine } from "../../../core/node/machine.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { undoAfter } from "../../support/undo.ts";
import { refuses, uuidOf } from "./support.ts";

/* Shared mount points of a host whose agent is started anew. What is mounted is told by a table of this test. */

const never = new AbortController().signal;

function bed(t: TestContext) {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const path = join(folder.path, "shared");
  mkdirSync(path);
  const mountPoints = join(folder.path, "shared-mount-points.json");
  const mounts = new Set<string>([path]);
  const commands: string[] = [];
  const real = realMachine();
  const machine: Machine = {
    ...real,
    readFile: async (file) => {
      assert.equal(file, "/proc/self/mountinfo");
      return [...mounts].map((at) => `61 21 0:52 / ${at} rw - ocfs2 /dev/sdb rw\n`).join("");
    },
    run: async (command, args, options) => {
      commands.push(command);
      if (command !== "qemu-img") return await real.run(command, args, options);
      writeFileSync(args.at(-2) ?? "", "");
      return { code: 0, stdout: "", stderr: "" };
    },
  };
  const start = () => new LibvirtDriver({ machine, mountPoints });
  const place = { type: "SharedMountPoint", url: path, path };
  return { folder: folder.path, path, mountPoints, mounts, commands, start, place };
}

const createVolume = (path: string): HostCommand => ({
  ...{ do: "createVolume", path, sizeBytes: 1_048_576, format: "qcow2" },
});

test("an agent that is started anew makes nothing below a shared mount point that is not mounted", async (t) => {
  const { path, mounts, commands, start, place } = bed(t);
  await start().storage(place, never);
  mounts.clear();
  const again = start();
  commands.length = 0;
  const volume = join(path, "volumes", `${uuidOf(1)}.qcow2`);
  const image = { path: join(path, "imagecache", `${"0".repeat(64)}.raw`), sha256: "0".repeat(64) };
  const elsewhere = join(path, "..", "elsewhere.qcow2");
  for (const command of [
    createVolume(volume),
    { do: "deleteVolume", path: volume },
    { do: "copyVolume", path: elsewhere, from: volume, sizeBytes: 1_048_576 },
    { do: "copyVolume", path: volume, from: elsewhere, sizeBytes: 1_048_576 },
  ] as const)
    await refuses(again.carryOut(command, never), "STORAGE.1052");
  const piece = again.images.write({ ...image, format: "raw", sizeBytes: 1, bringer: uuidOf(2) }, 0, Buffer.from("x"));
  await refuses(piece, "STORAGE.1052");
  const probe = again.shared.lock({ path, probe: uuidOf(3), step: "hold" }, never);
  await refuses(probe, "STORAGE.1052");
  assert.deepEqual(commands, []);
  assert.ok(!existsSync(join(path, "volumes")) && !existsSync(join(path, "imagecache")));
  mounts.add(path);
  await again.carryOut(createVolume(volume), never);
  assert.ok(existsSync(volume));
});

test("one that was never seen mounted is known as well, before its first use", async (t) => {
  const { path, mounts, start, place } = bed(t);
  mounts.clear();
  await refuses(start().storage(place, never), "STORAGE.1052");
  await refuses(start().carryOut(createVolume(join(path, "a.qcow2")), never), "STORAGE.1052");
});

test("a folder that has become a local storage since needs no mount any more", async (t) => {
  const { path, mounts, start, place } = bed(t);
  await start().storage(place, never);
  mounts.clear();
  await start().storage({ ...place, type: "LocalStorage" }, never);
  await start().carryOut(createVolume(join(path, "a.qcow2")), never);
});

test("while the note can't be read nothing is made, and the error says which file it is", async (t) => {
  const { path, mountPoints, commands, start, place } = bed(t);
  for (const text of ["{", '{"sharedMountPoints":["a/../b"]}']) {
    writeFileSync(mountPoints, text);
    const error = await refuses(start().carryOut(createVolume(join(path, "a.qcow2")), never), "HYPERVISOR.FAILED");
    assert.ok(error.message.includes(mountPoints), error.message);
    await refuses(start().storage(place, never), "HYPERVISOR.FAILED");
    assert.equal(readFileSync(mountPoints, "utf8"), text);
  }
  assert.deepEqual(commands, []);
});

test("of one below the other the inner one decides, and names that only begin alike are none", async (t) => {
  const { path, mounts, start, place } = bed(t);
  const inner = join(path, "inner");
  mkdirSync(inner);
  mkdirSync(`${path}-local`);
  mounts.add(inner);
  const driver = start();
  await driver.storage(place, never);
  await driver.storage({ ...place, url: inner, path: inner }, never);
  mounts.delete(inner);
  await driver.carryOut(createVolume(join(path, "a.qcow2")), never);
  await refuses(start().carryOut(createVolume(join(inner, "a.qcow2")), never), "STORAGE.1052");
  mounts.clear();
  await start().carryOut(createVolume(join(`${path}-local`, "a.qcow2")), never);
});

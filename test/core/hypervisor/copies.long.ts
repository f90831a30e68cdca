import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, watch, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { copyVolume } from "../../../core/hypervisor/libvirt/copies.ts";
import { VolumeFiles } from "../../../core/hypervisor/libvirt/volume-files.ts";
import { realMachine } from "../../../core/node/machine.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { undoAfter } from "../../support/undo.ts";
import { refuses, uuidOf } from "./support.ts";

/* Copies of volumes with the real qemu-img, where only that can show it. */

const mebibyte = 1024 ** 2;
const sizeBytes = 1024 * mebibyte;
const machine = realMachine();
const volumes = new VolumeFiles(machine);
const never = new AbortController().signal;

function program(name: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(name, args, { encoding: "utf8" });
  assert.equal(status, 0, `${name}: ${stdout}${stderr}`);
  return stdout;
}

/** A volume with so much in it that copying it takes a while, in a folder where copies go to another one. */
function bed(t: TestContext) {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const from = join(folder.path, "source.qcow2");
  program("qemu-img", "create", "-q", "-f", "qcow2", from, String(sizeBytes));
  program("qemu-io", "-f", "qcow2", "-c", "write -q -P 5 0 256M", "-c", "write -q -P 6 512M 1M", from);
  const there = join(folder.path, "there");
  mkdirSync(there);
  const path = join(there, "copy.qcow2");
  const copy = (signal = never) =>
    copyVolume({ machine, volumes }, { do: "copyVolume", from, path, sizeBytes }, signal);
  /** Resolves when something is being made. */
  const begun = async () => {
    const watcher = watch(there);
    undoAfter(t, () => watcher.close());
    if (!existsSync(`${path}.new`)) await once(watcher, "change");
  };
  const isSame = () => program("qemu-img", "compare", "-q", "-f", "qcow2", "-F", "qcow2", from, path);
  return { from, there, path, copy, begun, isSame };
}

test("a copy that is called off leaves nothing of itself, and the volume as it was; asked for again it is made", async (t) => {
  const { there, from, path, copy, begun, isSame } = bed(t);
  const off = new AbortController();
  const going = begun();
  const attempt = copy(off.signal);
  await going;
  off.abort();
  await refuses(attempt, "HYPERVISOR.ABORTED");
  assert.deepEqual(readdirSync(there), []);
  program("qemu-img", "check", "-q", "-f", "qcow2", from);
  await copy();
  assert.deepEqual(readdirSync(there), ["copy.qcow2"]);
  isSame();
  program("qemu-img", "check", "-q", "-f", "qcow2", path);
});

test("an agent that is killed while it copies leaves no half copy under the volume's name; the command done again makes it, a deletion leaves nothing", async (t) => {
  const { there, from, path, copy, begun, isSame } = bed(t);
  for (const then of ["again", "deleted"] as const) {
    const going = begun();
    const child = join(import.meta.dirname, "copies.real-child.ts");
    const agent = spawn(process.execPath, [child, from, path, String(sizeBytes)], { stdio: "ignore" });
    const gone = once(agent, "exit");
    await going;
    agent.kill("SIGKILL");
    await gone;
    assert.equal(existsSync(path), false);
    if (then === "again") {
      await copy();
      assert.deepEqual(readdirSync(there), ["copy.qcow2"]);
      isSame();
      await volumes.delete(path);
    }
    await volumes.delete(path);
    assert.deepEqual(readdirSync(there), []);
  }
});

test("paths are names and nothing else for qemu-img, and a source that stands on another file is not read", async (t) => {
  const { there, from, copy } = bed(t);
  const odd = join(there, `a  b,file.locking=off;$(id)<x y='1'>&amp;"--help" %s.qcow2`);
  program("mv", from, odd);
  const copied = { do: "copyVolume", from: odd, path: `${odd}:json:{}`, sizeBytes } as const;
  await copyVolume({ machine, volumes }, copied, never);
  program("qemu-img", "compare", "-q", "-f", "qcow2", "-F", "qcow2", odd, copied.path);
  await refuses(copy(), "HYPERVISOR.NO_VOLUME");
  const secret = join(there, "shadow");
  writeFileSync(secret, "root:secret".padEnd(mebibyte));
  program("qemu-img", "create", "-q", "-f", "qcow2", "-b", secret, "-F", "raw", from);
  await refuses(copy(), "HYPERVISOR.VOLUME_DIFFERS");
  const snapshotUuid = uuidOf(0x2001);
  const kept = { ...copied, path: join(there, "x"), snapshotUuid };
  await refuses(copyVolume({ machine, volumes }, kept, never), "HYPERVISOR.VOLUME_NO_SNAPSHOT");
  assert.equal(existsSync(kept.path), false);
});

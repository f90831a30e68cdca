import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, existsSync, openSync, readdirSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { HostCommand } from "../../../core/hypervisor/driver.ts";
import { LibvirtDriver } from "../../../core/hypervisor/libvirt.ts";
import { LibvirtHost } from "../../support/libvirt/host.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { Random } from "../../support/random.ts";
import { undoAfter } from "../../support/undo.ts";
import { refuses, uuidOf } from "./support.ts";

/* Volumes of machines with the real libvirt and QEMU, where only these can show it. */

const mebibyte = 1024 ** 2;
const never = new AbortController().signal;
const machineUuid = uuidOf(1);

function program(name: string, ...args: string[]): { status: number | null; told: string } {
  const { status, stdout, stderr } = spawnSync(name, args, { encoding: "utf8", maxBuffer: 2 ** 28 });
  return { status, told: `${stdout}${stderr}` };
}

function isWhole(path: string): void {
  const { status, told } = program("qemu-img", "check", "-f", "qcow2", path);
  assert.equal(status, 0, told);
}

/** Writes or reads what a guest would. */
function io(path: string, ...commands: string[]): void {
  const args = commands.flatMap((command) => ["-c", command]);
  const { status, told } = program("qemu-io", "-f", "qcow2", ...args, path);
  assert.ok(status === 0 && !told.includes("Pattern verification failed"), told);
}

/** A host with one machine that runs, and a folder for volumes; the machine's own is `root`. */
async function bed(t: TestContext) {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const host = new LibvirtHost(join(folder.path, "host"), "kvm-1");
  undoAfter(t, () => host.cutPower());
  await host.start();
  const driver = new LibvirtDriver({ machine: host.machine, uri: host.uri, hasKvm: false });
  const carryOut = (command: HostCommand) => driver.carryOut(command, never);
  const volumes = join(folder.path, "volumes");
  const create = (path: string) => carryOut({ do: "createVolume", path, sizeBytes: 16 * mebibyte, format: "qcow2" });
  const root = join(volumes, "root.qcow2");
  await create(root);
  const disk = (path: string, deviceId: number) =>
    ({ volumeUuid: uuidOf(0x100 + deviceId), path, format: "qcow2", deviceId }) as const;
  const start = (...disks: ReturnType<typeof disk>[]) => {
    const size = { cpuNum: 1, memorySize: 128 * mebibyte };
    const machine = { uuid: machineUuid, name: "web", ...size, nics: [], disks: [disk(root, 0), ...disks] };
    return carryOut({ do: "startMachine", machine });
  };
  await start();
  return { host, carryOut, create, disk, start, volumes };
}

test("a machine takes as many volumes as it may have while it runs, and has them in their places after a start", async (t) => {
  const { host, carryOut, create, disk, start, volumes } = await bed(t);
  const disks = Array.from({ length: 24 }, (_, n) => disk(join(volumes, `data-${n + 1}.qcow2`), n + 1));
  for (const each of disks) {
    await create(each.path);
    await carryOut({ do: "attachVolume", uuid: machineUuid, disk: each });
  }
  const places = async () => {
    const text = await host.virsh("domblklist", machineUuid);
    return [...text.matchAll(/(vd\w) +\S+(?:data-(\d+)|root)\.qcow2/g)].map(([, place, n]) => `${place} ${n ?? 0}`);
  };
  const expected = Array.from({ length: 25 }, (_, n) => `vd${String.fromCharCode(97 + n)} ${n}`);
  assert.deepEqual(await places(), expected);
  await carryOut({ do: "stopMachine", uuid: machineUuid, graceMs: 0 });
  await start(...disks.filter((_, n) => n % 2 === 1));
  assert.deepEqual(
    await places(),
    expected.filter((_, n) => n % 2 === 0),
    "those that are left keep their places",
  );
});

test("a machine without a guest that listens keeps its volume, with an error that says so, and as before when it is asked again", async (t) => {
  const { host, carryOut, create, disk, volumes } = await bed(t);
  const path = join(volumes, "data.qcow2");
  await create(path);
  await carryOut({ do: "attachVolume", uuid: machineUuid, disk: disk(path, 1) });
  for (let time = 0; time < 2; time++) {
    const attempt = carryOut({ do: "detachVolume", uuid: machineUuid, path, waitMs: 100 });
    await refuses(attempt, "HYPERVISOR.VOLUME_NOT_RELEASED");
  }
  for (const how of ["--details", "--inactive"])
    assert.match(await host.virsh("domblklist", how, machineUuid), /data\.qcow2/);
  await carryOut({ do: "stopMachine", uuid: machineUuid, graceMs: 0 });
  await carryOut({ do: "deleteVolume", path });
});

test("the path of a volume is a name and nothing else, for libvirt's XML, for virsh, for QEMU and its monitor", async (t) => {
  const { carryOut, create, disk, volumes } = await bed(t);
  const path = join(volumes, `a  b,file.locking=off;$(id)<x y='1'>&amp;"--help".qcow2`);
  await create(path);
  await carryOut({ do: "attachVolume", uuid: machineUuid, disk: disk(path, 1) });
  await carryOut({ do: "attachVolume", uuid: machineUuid, disk: disk(path, 1) });
  const of = { uuid: machineUuid, path, snapshotUuid: uuidOf(0x200) };
  await carryOut({ do: "snapshotVolume", ...of });
  await carryOut({ do: "resizeVolume", uuid: machineUuid, path, format: "qcow2", sizeBytes: 32 * mebibyte });
  await carryOut({ do: "deleteSnapshot", ...of });
  await carryOut({ do: "stopMachine", uuid: machineUuid, graceMs: 0 });
  await carryOut({ do: "snapshotVolume", ...of, uuid: null });
  await carryOut({ do: "revertVolume", path, snapshotUuid: of.snapshotUuid, sizeBytes: 32 * mebibyte });
  await carryOut({ do: "deleteVolume", path });
  assert.deepEqual(readdirSync(volumes), ["root.qcow2"]);
});

test("what was interrupted in a volume is put right before anything else opens it, and what was written stays", async (t) => {
  const { carryOut, create, disk, start, volumes } = await bed(t);
  const path = join(volumes, "data.qcow2");
  const snapshot = { path, snapshotUuid: uuidOf(0x200) };
  await create(path);
  io(path, "write -P 1 0 4M");
  await carryOut({ do: "snapshotVolume", uuid: null, ...snapshot });
  assert.equal(existsSync(`${path}.changing`), false);
  io(path, "write -P 2 0 2M");
  // As another snapshot leaves it that comes as far as counting its clusters, and not to its place in the file's list.
  await carryOut({ do: "snapshotVolume", uuid: null, path, snapshotUuid: uuidOf(0x201) });
  const count = Buffer.alloc(4);
  count.writeUInt32BE(1);
  const file = openSync(path, "r+");
  writeSync(file, count, 0, 4, 60);
  closeSync(file);
  assert.notEqual(program("qemu-img", "check", "-f", "qcow2", path).status, 0, "the test would show nothing");
  writeFileSync(`${path}.changing`, "");
  await carryOut({ do: "stopMachine", uuid: machineUuid, graceMs: 0 });
  await start(disk(path, 1));
  assert.equal(existsSync(`${path}.changing`), false);
  await carryOut({ do: "stopMachine", uuid: machineUuid, graceMs: 0 });
  isWhole(path);
  io(path, "read -P 2 0 2M", "read -P 1 2M 2M");
  await carryOut({ do: "revertVolume", ...snapshot, sizeBytes: 16 * mebibyte });
  io(path, "read -P 1 0 4M");
  isWhole(path);
});

test("however much there is to be put right in a volume, and to be said of it, its machine starts", async (t) => {
  const { carryOut, disk, start, volumes } = await bed(t);
  const path = join(volumes, "large.qcow2");
  const made = program("qemu-img", "create", "-q", "-f", "qcow2", "-o", "preallocation=metadata", path, "32G");
  assert.equal(made.status, 0, made.told);
  // Every cluster is counted, and nothing refers to it: as a snapshot leaves it that was about to be deleted.
  await carryOut({ do: "snapshotVolume", uuid: null, path, snapshotUuid: uuidOf(0x201) });
  const count = Buffer.alloc(4);
  const file = openSync(path, "r+");
  writeSync(file, count, 0, 4, 60);
  closeSync(file);
  const { told } = program("qemu-img", "check", "-f", "qcow2", path);
  assert.ok(told.length > 10 * mebibyte, `the test would show nothing: ${told.length}`);
  writeFileSync(`${path}.changing`, "");
  await carryOut({ do: "stopMachine", uuid: machineUuid, graceMs: 0 });
  await start(disk(path, 1));
  await carryOut({ do: "stopMachine", uuid: machineUuid, graceMs: 0 });
  isWhole(path);
});

test("a host whose power is cut while a snapshot is taken or deleted has a whole volume, and the command done again does it", async (t) => {
  const { host, carryOut, disk, start, volumes } = await bed(t);
  const random = new Random(Date.now() % 2 ** 32);
  const path = join(volumes, "large.qcow2");
  // Its map of clusters is so large that QEMU has something to do.
  const made = program("qemu-img", "create", "-q", "-f", "qcow2", "-o", "preallocation=metadata", path, "32G");
  assert.equal(made.status, 0, made.told);
  io(path, "write -P 7 1G 1M");
  for (const verb of ["snapshotVolume", "deleteSnapshot", "snapshotVolume"] as const) {
    await carryOut({ do: "stopMachine", uuid: machineUuid, graceMs: 0 });
    await start(disk(path, 1));
    const command = { do: verb, uuid: machineUuid, path, snapshotUuid: uuidOf(0x200) } as const;
    const cut = carryOut(command).catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, random.below(150)));
    await host.cutPower();
    await cut;
    await host.start();
    await start(disk(path, 1));
    await carryOut(command);
    await carryOut({ do: "stopMachine", uuid: machineUuid, graceMs: 0 });
    isWhole(path);
    io(path, "read -P 7 1G 1M");
    const has = program("qemu-img", "snapshot", "-l", path).told.includes(uuidOf(0x200));
    assert.equal(has, verb === "snapshotVolume");
    await start(disk(path, 1));
  }
});

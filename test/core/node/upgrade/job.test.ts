import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { join } from "node:path";
import { afterEach, test } from "node:test";
import { grubConfig } from "../../../../core/model/grub-config.ts";
import { cancelUpgrade } from "../../../../core/node/upgrade/cancel.ts";
import type { UpgradeDisk } from "../../../../core/node/upgrade/disk.ts";
import { startUpgrade } from "../../../../core/node/upgrade/job.ts";
import { upgradeStatus } from "../../../../core/node/upgrade/status.ts";
import {
  contentOf,
  ended,
  filesBelow,
  isoHead,
  menu,
  type UpgradeBed,
  upgradeBed,
  writeImageFolder,
  writeNode,
} from "./bed.ts";

const beds: UpgradeBed[] = [];
afterEach(() => Promise.all(beds.splice(0).map((bed) => bed.dispose())));

async function newBed(): Promise<UpgradeBed> {
  const bed = await upgradeBed();
  beds.push(bed);
  return bed;
}

function sha256(data: Buffer | string): string {
  return createHash("sha256").update(data).digest("hex");
}

test("an upgrade puts the new system beside the running one, and on trial for the next start", async () => {
  const bed = await newBed();
  const { code, job, log } = await bed.upgrade();
  assert.equal(code, "done", log.join("\n"));
  assert.deepEqual([job.kind, job.subject, job.console, job.progress], ["upgrade", bed.file, "root", 1]);
  assert.deepEqual(Object.fromEntries(bed.environment()), {
    default_version: "1.0.0",
    trial_version: "1.1.0",
    trial_left: "3",
  });
  assert.equal(bed.bootMenu(), grubConfig({ ...menu, versions: ["1.1.0", "1.0.0"] }));
  for (const version of ["1.0.0", "1.1.0"]) {
    const system = filesBelow(join(bed.paths.systems, version));
    assert.equal(system["system.squashfs"], contentOf(version, "system.squashfs"));
    assert.ok("manifest.json" in system);
    assert.deepEqual(filesBelow(join(bed.paths.boot, version)), {
      "initrd.img": contentOf(version, "initrd.img"),
      vmlinuz: contentOf(version, "vmlinuz"),
    });
  }
  assert.deepEqual(bed.mounts, {});
  assert.match(log.join("\n"), /Restart the node to start it/);
  assert.match(log.join("\n"), /no backup needed/);
  const { entries } = await bed.audit.read(10);
  const [entry] = entries;
  assert.deepEqual(
    [entry?.console, entry?.action, entry?.result, entry?.before, entry?.after],
    ["root", "upgrade.system", "ok", "1.0.0", "1.1.0"],
  );
});

test("a second upgrade before the restart is refused, and the status tells why", async () => {
  const bed = await newBed();
  await bed.upgrade();
  assert.deepEqual(await upgradeStatus(bed.world), {
    imageBased: true,
    running: "1.0.0",
    default: "1.0.0",
    trial: { version: "1.1.0", left: 3, isRunning: false },
    failed: null,
    installed: ["1.1.0", "1.0.0"].map((version) => ({
      version,
      sizeBytes: ["vmlinuz", "initrd.img", "system.squashfs"].reduce(
        (sum, name) => sum + contentOf(version, name).length,
        fs.statSync(join(bed.paths.systems, version, "manifest.json")).size,
      ),
    })),
    repository: [],
  });
  const { code, log } = await bed.upgrade();
  assert.equal(code, "UPGRADE.TRIAL_PENDING");
  assert.match(log.at(-1) ?? "", /^Restart the node/);
});

const refusals: [what: string, code: string, change: (bed: UpgradeBed) => void][] = [
  ["a file that is not there", "UPGRADE.BAD_FILE", (bed) => fs.rmSync(bed.file)],
  [
    "a folder",
    "UPGRADE.BAD_FILE",
    (bed) => {
      fs.rmSync(bed.file);
      fs.mkdirSync(bed.file);
    },
  ],
  ["an empty file", "UPGRADE.NOT_ISO", (bed) => fs.writeFileSync(bed.file, "")],
  ["something else than an ISO", "UPGRADE.NOT_ISO", (bed) => fs.writeFileSync(bed.file, Buffer.alloc(100_000, 1))],
  ["an ISO that is cut short", "UPGRADE.DAMAGED", (bed) => fs.writeFileSync(bed.file, isoHead(1000))],
  ["an ISO of something else", "UPGRADE.NOT_BINNACLE", (bed) => fs.rmSync(join(bed.content, "manifest.json"))],
  ["an image of another product", "UPGRADE.NOT_BINNACLE", (bed) => writeImageFolder(bed.content, "1.1.0", "Other")],
  ["a version that is no folder's name", "UPGRADE.NOT_BINNACLE", (bed) => writeImageFolder(bed.content, "1.1/../x")],
  ["a version that looks like a leftover", "UPGRADE.NOT_BINNACLE", (bed) => writeImageFolder(bed.content, "1.1.new")],
  ["the running version", "UPGRADE.NOT_NEWER", (bed) => writeImageFolder(bed.content, "1.0.0")],
  ["a damaged system", "UPGRADE.DAMAGED", (bed) => fs.appendFileSync(join(bed.content, "system.squashfs"), "x")],
  ["a damaged kernel", "UPGRADE.DAMAGED", (bed) => fs.truncateSync(join(bed.content, "vmlinuz"), 10)],
  ["an image without its kernel", "UPGRADE.DAMAGED", (bed) => fs.rmSync(join(bed.content, "vmlinuz"))],
  [
    "an image with another checksum beside it",
    "UPGRADE.DAMAGED",
    (bed) => fs.writeFileSync(`${bed.file}.sha256`, `${"0".repeat(64)}  new.iso\n`),
  ],
  [
    "a checksum of another file",
    "UPGRADE.BAD_CHECKSUM",
    (bed) => fs.writeFileSync(`${bed.file}.sha256`, `${"0".repeat(64)}  other.iso\n`),
  ],
  [
    "a machine that is not installed",
    "UPGRADE.NOT_INSTALLED",
    (bed) => {
      bed.state.isInstalled = false;
    },
  ],
  [
    "a live system",
    "UPGRADE.NOT_INSTALLED",
    (bed) => {
      bed.state.commandLine = "boot=binnacle binnacle.mode=rescue";
    },
  ],
  [
    "an expert node",
    "UPGRADE.EXPERT",
    (bed) => {
      bed.state.commandLine += " binnacle.overlay=root";
    },
  ],
  [
    "a disk that can only be read",
    "UPGRADE.READ_ONLY",
    (bed) => {
      bed.state.mountOptions = "ro,noatime";
    },
  ],
  ["a store without a backup", "UPGRADE.NO_BACKUP", (bed) => fs.mkdirSync(bed.paths.manager, { recursive: true })],
];
for (const [what, code, change] of refusals)
  test(`${what} is refused, with a remedy, and nothing on the disk changes`, async () => {
    const bed = await newBed();
    change(bed);
    const before = filesBelow(bed.root);
    const { code: found, job, log } = await bed.upgrade();
    assert.equal(found, code, log.join("\n"));
    assert.equal(log.at(-2), `${code}: ${job.error?.description}`);
    assert.match(log.at(-1) ?? "", /^[A-Z-].*\w/);
    assert.deepEqual(filesBelow(bed.root), before);
    assert.deepEqual(bed.mounts, {});
    assert.equal((await bed.audit.read(1)).entries[0]?.result, "refused");
  });

test("a damaged file is named", async () => {
  const bed = await newBed();
  fs.appendFileSync(join(bed.content, "initrd.img"), "x");
  assert.match((await bed.upgrade()).job.error?.description ?? "", /^initrd\.img is damaged/);
});

test("a fresh backup of the store and a right checksum beside the image let an upgrade go on", async () => {
  const bed = await newBed();
  fs.mkdirSync(bed.paths.manager, { recursive: true });
  fs.mkdirSync(bed.paths.backups);
  fs.writeFileSync(join(bed.paths.backups, "2026-11-21.db"), "x");
  fs.writeFileSync(`${bed.file}.sha256`, `${sha256(fs.readFileSync(bed.file))}  new.iso\n`);
  const { code, log } = await bed.upgrade();
  assert.equal(code, "done", log.join("\n"));
  assert.match(log.join("\n"), /Checking the image and its files/);
  assert.match(log.join("\n"), /fresh backup/);
});

test("two upgrades never run at once", async () => {
  const bed = await newBed();
  const tools = { jobs: bed.jobs, audit: bed.audit, world: bed.world };
  const first = startUpgrade(tools, { file: bed.file, target: "system" }, "root");
  const request = { file: bed.file, target: "repository" } as const;
  assert.throws(() => startUpgrade(tools, request, "tty1"), { code: "UPGRADE.RUNNING" });
  await assert.rejects(cancelUpgrade(bed.jobs, bed.world), { code: "UPGRADE.RUNNING" });
  assert.equal((await ended(bed.jobs, first.id)).state, "done");
});

test("a path that is not absolute is refused at once: the agent has another working folder", async () => {
  const bed = await newBed();
  const tools = { jobs: bed.jobs, audit: bed.audit, world: bed.world };
  assert.throws(() => startUpgrade(tools, { file: "new.iso", target: "system" }, "root"), { code: "UPGRADE.BAD_FILE" });
});

test("without a default in the boot environment the running version becomes it before the new one is in the menu", async () => {
  const bed = await newBed();
  writeNode(bed.root, ["1.0.0"], {});
  await bed.upgrade();
  assert.equal(bed.environment().get("default_version"), "1.0.0");
});

test("on a RAID, where GRUB can't count, the menu says so", async () => {
  const bed = await newBed();
  const { machine } = bed.world;
  const filesystems = [{ source: "/dev/md1", uuid: null, options: "rw" }];
  bed.world.machine = {
    ...machine,
    run: async (command, args, options) =>
      command === "findmnt"
        ? { code: 0, stdout: JSON.stringify({ filesystems }), stderr: "" }
        : machine.run(command, args, options),
  };
  assert.equal((await bed.upgrade()).code, "done");
  assert.equal(bed.bootMenu(), grubConfig({ ...menu, versions: ["1.1.0", "1.0.0"], canCount: false }));
});

/** The real disk, until the power goes: that call is done half if it copies, else not at all, and none comes after it. */
function cutAfter(calls: number, real: UpgradeDisk): { disk: UpgradeDisk; wasCut: () => boolean } {
  let left = calls;
  const cut = () => {
    left -= 1;
    return left < 0;
  };
  const guard =
    <A extends unknown[]>(act: (...args: A) => Promise<void>) =>
    async (...args: A) => {
      if (cut()) throw new Error("power cut");
      await act(...args);
    };
  const disk: UpgradeDisk = {
    makeFolder: guard(real.makeFolder),
    write: guard(real.write),
    rename: guard(real.rename),
    remove: guard(real.remove),
    async copy(from, to, options) {
      if (!cut()) return real.copy(from, to, options);
      const content = fs.readFileSync(from);
      if (left === -1) fs.writeFileSync(to, content.subarray(0, content.length / 2));
      throw new Error("power cut");
    },
  };
  return { disk, wasCut: () => left < 0 };
}

test("a power cut at any step leaves the former version started, and the next attempt goes through", async () => {
  let steps = 0;
  for (;;) {
    const bed = await newBed();
    writeNode(bed.root, ["1.0.0", "0.9.0"], { default_version: "1.0.0", other: "x" });
    // What an earlier cut has left: a folder half copied, and a version that never got its kernel.
    fs.mkdirSync(join(bed.paths.systems, "1.1.0.new"));
    fs.mkdirSync(join(bed.paths.systems, "1.1.0"));
    fs.writeFileSync(join(bed.paths.systems, "1.1.0/system.squashfs"), "half");
    const before = (folder: string) => filesBelow(join(folder, "1.0.0"));
    const kept = [before(bed.paths.systems), before(bed.paths.boot)];

    const { disk, wasCut } = cutAfter(steps, bed.world.disk);
    const { code, log } = await bed.upgrade({}, disk);
    assert.equal(bed.environment().get("default_version"), "1.0.0");
    assert.equal(bed.environment().get("other"), "x");
    assert.match(bed.bootMenu(), /^menuentry "Binnacle 1\.0\.0.*--id version-1\.0\.0 /m);
    assert.deepEqual([before(bed.paths.systems), before(bed.paths.boot)], kept);
    if (!wasCut()) {
      assert.equal(code, "done", log.join("\n"));
      break;
    }
    assert.equal(bed.environment().get("trial_version"), undefined, `step ${steps}`);

    const again = await bed.upgrade();
    assert.equal(again.code, "done", `step ${steps}: ${again.log.join("\n")}`);
    assert.equal(bed.environment().get("trial_version"), "1.1.0");
    assert.deepEqual(fs.readdirSync(bed.paths.systems).sort(), ["0.9.0", "1.0.0", "1.1.0"]);
    assert.deepEqual(fs.readdirSync(bed.paths.boot).sort(), ["0.9.0", "1.0.0", "1.1.0", "grub"]);
    assert.equal(filesBelow(join(bed.paths.boot, "1.1.0"))["vmlinuz"], contentOf("1.1.0", "vmlinuz"));
    steps += 1;
  }
  assert.ok(steps > 12, `only ${steps} steps`);
});

/** The real disk, but that somebody cancels the job when `at` is about to be written or copied. */
function cancelling(bed: UpgradeBed, at: (file: string) => boolean): UpgradeDisk {
  const cancel = (file: string) => {
    const running = bed.jobs.list().find(({ state }) => state === "running");
    if (running !== undefined && at(file)) bed.jobs.cancel(running.id);
  };
  const { disk } = bed.world;
  return {
    ...disk,
    copy: (from, to, options) => {
      cancel(to);
      return disk.copy(from, to, options);
    },
    write: (file, text) => {
      cancel(file);
      return disk.write(file, text);
    },
  };
}

for (const name of ["system.squashfs", "vmlinuz", "grub.cfg", "grubenv"])
  test(`an upgrade that is cancelled at ${name} is not started by the next boot`, async () => {
    const bed = await newBed();
    const { code } = await bed.upgrade(
      {},
      cancelling(bed, (file) => file.endsWith(name)),
    );
    assert.equal(code, "cancelled");
    assert.deepEqual(Object.fromEntries(bed.environment()), { default_version: "1.0.0" });
    assert.deepEqual(bed.mounts, {});
    assert.ok(!fs.readdirSync(bed.paths.systems).some((found) => found.endsWith(".new")));
    assert.equal((await bed.upgrade()).code, "done");
  });

test("a disk that fills up meanwhile fails the upgrade with the reason, and leaves nothing behind", async () => {
  const bed = await newBed();
  const before = filesBelow(bed.root);
  const full: UpgradeDisk = {
    ...bed.world.disk,
    copy: (from, to, options) =>
      to.endsWith("initrd.img")
        ? Promise.reject(Object.assign(new Error("full"), { code: "ENOSPC" }))
        : bed.world.disk.copy(from, to, options),
  };
  const { code, job } = await bed.upgrade({}, full);
  assert.equal(code, "UPGRADE.FAILED");
  assert.match(job.error?.description ?? "", /initrd\.img failed because the file system is full/);
  assert.deepEqual(filesBelow(bed.root), before);
});

test("a refresh of the repository keeps the image with its checksum, and starts nothing", async () => {
  const bed = await newBed();
  fs.mkdirSync(bed.paths.repository, { recursive: true });
  fs.writeFileSync(join(bed.paths.repository, "binnacle-1.1.0-x86_64.iso.new"), "half");
  const before = [bed.bootMenu(), bed.environment()];
  const { code, log } = await bed.upgrade({ target: "repository" });
  assert.equal(code, "done", log.join("\n"));
  const name = "binnacle-1.1.0-x86_64.iso";
  const image = fs.readFileSync(bed.file);
  assert.deepEqual(filesBelow(bed.paths.repository), {
    [name]: image.toString("utf8"),
    [`${name}.sha256`]: `${sha256(image)}  ${name}\n`,
  });
  assert.deepEqual([bed.bootMenu(), bed.environment()], before);
  assert.deepEqual(fs.readdirSync(bed.paths.systems), ["1.0.0"]);
  assert.deepEqual((await upgradeStatus(bed.world)).repository, [
    { version: "1.1.0", file: name, sizeBytes: image.length },
  ]);
});

test("a machine that is no node can keep images, and a damaged one is not kept", async () => {
  const bed = await newBed();
  bed.state.isInstalled = false;
  fs.writeFileSync(`${bed.file}.sha256`, `${"0".repeat(64)}\n`);
  assert.equal((await bed.upgrade({ target: "repository" })).code, "UPGRADE.DAMAGED");
  assert.deepEqual(fs.readdirSync(bed.paths.repository), []);
  fs.rmSync(`${bed.file}.sha256`);
  assert.equal((await bed.upgrade({ target: "repository" })).code, "done");
});

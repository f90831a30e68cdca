import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { join } from "node:path";
import { grubConfig } from "../../../../core/model/grub-config.ts";
import { Audit } from "../../../../core/node/audit.ts";
import { Jobs } from "../../../../core/node/jobs.ts";
import { createLog } from "../../../../core/node/log.ts";
import { type Machine, realMachine } from "../../../../core/node/machine.ts";
import { formatBootEnvironment, parseBootEnvironment } from "../../../../core/node/role/boot-trial.ts";
import { realDisk } from "../../../../core/node/upgrade/disk.ts";
import { startUpgrade, type UpgradeRequest } from "../../../../core/node/upgrade/job.ts";
import { type UpgradeWorld, upgradePaths } from "../../../../core/node/upgrade/world.ts";
import { temporaryFolder } from "../../../support/programs.ts";

export const rootUuid = "11111111-2222-3333-4444-555555555555";
export const bootUuid = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";
export const menu = { rootUuid, bootUuid, consoles: ["tty0", "ttyS0,115200n8"], canCount: true, isExpert: false };
export const commandLine = `boot=binnacle binnacle.root=UUID=${rootUuid} binnacle.system=1.0.0 console=tty0 console=ttyS0,115200n8 quiet`;

/** What the files of a version hold. */
export function contentOf(version: string, name: string): string {
  return `${name} of ${version} `.repeat(200);
}

/** The folder `binnacle` of an image. */
export function writeImageFolder(folder: string, version: string, product = "Binnacle"): void {
  fs.mkdirSync(folder, { recursive: true });
  const files: Record<string, { sha256: string; sizeBytes: number }> = {};
  for (const name of ["vmlinuz", "initrd.img", "system.squashfs"]) {
    const text = contentOf(version, name);
    fs.writeFileSync(join(folder, name), text);
    files[name] = { sha256: createHash("sha256").update(text).digest("hex"), sizeBytes: Buffer.byteLength(text) };
  }
  fs.writeFileSync(join(folder, "manifest.json"), JSON.stringify({ product, version, files }));
}

/** The files of an installed node below `root`: versions, boot menu and boot environment. */
export function writeNode(root: string, versions: readonly string[], environment: Record<string, string>): void {
  const paths = upgradePaths(root);
  for (const version of versions) {
    for (const [folder, names] of [
      [paths.systems, ["system.squashfs", "manifest.json"]],
      [paths.boot, ["vmlinuz", "initrd.img"]],
    ] as const) {
      fs.mkdirSync(join(folder, version), { recursive: true });
      for (const name of names) fs.writeFileSync(join(folder, version, name), contentOf(version, name));
    }
  }
  fs.mkdirSync(join(paths.boot, "grub"), { recursive: true });
  fs.writeFileSync(paths.bootMenu, grubConfig({ ...menu, versions }));
  fs.writeFileSync(paths.bootEnvironment, formatBootEnvironment(new Map(Object.entries(environment))));
}

export type UpgradeBed = Awaited<ReturnType<typeof upgradeBed>>;

/**
 * An installed node in a folder, and an image beside it. Mounting copies what the image is said to hold; everything else
 * is done for real.
 */
export async function upgradeBed() {
  const folder = temporaryFolder();
  const root = join(folder.path, "root");
  const file = join(folder.path, "new.iso");
  const content = join(folder.path, "content");
  const mounts: Record<string, string> = {};
  const state = { commandLine, mountOptions: "rw,noatime", isInstalled: true };
  const paths = upgradePaths(root);
  writeNode(root, ["1.0.0"], { default_version: "1.0.0" });
  writeImageFolder(join(content, "binnacle"), "1.1.0");
  fs.writeFileSync(file, isoHead());

  const real = realMachine();
  const done = (stdout = "", code = 0) => ({ code, stdout, stderr: "" });
  const machine: Machine = {
    ...real,
    readFile: async (path) => (path === "/proc/cmdline" ? `${state.commandLine}\n` : real.readFile(path)),
    run: async (command, args, options) => {
      const place = args.at(-1) ?? "";
      if (command === "mount") {
        fs.cpSync(content, place, { recursive: true });
        mounts[place] = args.at(-2) ?? "";
        return done();
      }
      if (command === "umount") {
        if (mounts[place] === undefined) return done("", 32);
        for (const name of fs.readdirSync(place)) fs.rmSync(join(place, name), { recursive: true, maxRetries: 5 });
        delete mounts[place];
        return done();
      }
      if (command !== "findmnt") return real.run(command, args, options);
      if (!state.isInstalled) return done("", 1);
      return done(JSON.stringify({ filesystems: [{ source: "/dev/sda4", uuid: null, options: state.mountOptions }] }));
    },
  };
  const world: UpgradeWorld = { machine, paths, disk: realDisk };
  const home = join(folder.path, "home");
  fs.mkdirSync(home);
  const jobs = await Jobs.open({ folder: home });
  const audit = new Audit({ file: join(home, "audit.jsonl"), now: Date.now, log: createLog({ level: "silent" }) });

  return {
    root,
    paths,
    file,
    content: join(content, "binnacle"),
    mounts,
    state,
    world,
    jobs,
    audit,
    /** Runs the job to its end; `disk` in place of the real one. */
    async upgrade(request: Partial<UpgradeRequest> = {}, disk = world.disk) {
      const tools = { jobs, audit, world: { ...world, disk } };
      const { id } = startUpgrade(tools, { file, target: "system", ...request }, "root");
      const job = await ended(jobs, id);
      return { job, code: job.error?.code ?? job.state, log: (await jobs.log(id, 0)).lines };
    },
    environment: () => parseBootEnvironment(fs.readFileSync(paths.bootEnvironment, "utf8")),
    bootMenu: () => fs.readFileSync(paths.bootMenu, "utf8"),
    async dispose() {
      await jobs.close();
      folder.dispose();
    },
  };
}

/** Waits until a job has ended. */
export async function ended(jobs: Jobs, id: string) {
  for (;;) {
    const changed = new Promise<void>((resolve) => {
      const stop = jobs.subscribe((job) => {
        if (job.id !== id || job.state === "running") return;
        stop();
        resolve();
      });
    });
    if (jobs.get(id).state !== "running") return jobs.get(id);
    await changed;
  }
}

/** What an ISO begins with: the primary volume descriptor, of `blocks` blocks. */
export function isoHead(blocks = 17): Buffer {
  const head = Buffer.alloc(17 * 2048);
  head.write("\x01CD001\x01", 16 * 2048, "latin1");
  head.writeUInt32LE(blocks, 16 * 2048 + 80);
  head.writeUInt16LE(2048, 16 * 2048 + 128);
  return head;
}

/** All files below a folder, with what they hold. */
export function filesBelow(folder: string): Record<string, string> {
  const names = fs.readdirSync(folder, { recursive: true, encoding: "utf8" });
  const files = names.filter((name) => fs.statSync(join(folder, name)).isFile());
  return Object.fromEntries(files.sort().map((name) => [name, fs.readFileSync(join(folder, name), "utf8")]));
}

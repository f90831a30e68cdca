import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { Audit } from "../../../../core/node/audit.ts";
import { Jobs } from "../../../../core/node/jobs.ts";
import { createLog } from "../../../../core/node/log.ts";
import { type Machine, realMachine } from "../../../../core/node/machine.ts";
import { startUpgrade } from "../../../../core/node/upgrade/job.ts";
import { upgradeStatus } from "../../../../core/node/upgrade/status.ts";
import { upgradeWorld } from "../../../../core/node/upgrade/world.ts";
import { commandLine, ended, writeImageFolder, writeNode } from "./bed.ts";

/*
 * Upgrades a node whose file systems are mounted in this process's own namespace, from a real ISO. Where the kernel can't
 * mount one, xorriso reads it instead. Prints what it saw as JSON.
 */

const real = realMachine();
const run = async (command: string, ...args: string[]) => {
  const { code, stdout, stderr } = await real.run(command, args, { timeoutMs: 30_000 });
  assert.equal(code, 0, `${command}: ${stderr}`);
  return stdout;
};

async function main(folder: string): Promise<void> {
  const canMount = /\biso9660$/m.test(fs.readFileSync("/proc/filesystems", "utf8"));
  const machine: Machine = {
    ...real,
    readFile: async (path) => (path === "/proc/cmdline" ? commandLine : real.readFile(path)),
    run: async (command, args, options) => {
      if (command !== "mount" || canMount) return real.run(command, args, options);
      const [file = "", place = ""] = args.slice(-2);
      await run("mount", "-t", "tmpfs", "image", place);
      await run("xorriso", "-osirrox", "on", "-indev", file, "-extract", "/", place);
      return { code: 0, stdout: "", stderr: "" };
    },
  };
  const root = join(folder, "root");
  const world = upgradeWorld(machine, root);
  for (const place of [world.paths.disk, world.paths.boot]) {
    fs.mkdirSync(place, { recursive: true });
    await run("mount", "-t", "tmpfs", "-o", "size=600m", "node", place);
  }
  writeNode(root, ["1.0.0"], { default_version: "1.0.0" });
  const file = join(folder, "binnacle-1.1.0-x86_64.iso");
  writeImageFolder(join(folder, "disc/binnacle"), "1.1.0");
  await run("xorriso", "-as", "mkisofs", "-quiet", "-R", "-V", "BINNACLE_1_1_0", "-o", file, join(folder, "disc"));
  const sum = (await run("sha256sum", file)).split(" ")[0];
  fs.writeFileSync(`${file}.sha256`, `${sum}  binnacle-1.1.0-x86_64.iso\n`);

  const home = join(folder, "home");
  fs.mkdirSync(home);
  const jobs = await Jobs.open({ folder: home });
  const audit = new Audit({ file: join(home, "audit.jsonl"), now: Date.now, log: createLog({ level: "silent" }) });
  const attempt = async (change: () => Promise<unknown>) => {
    await change();
    const job = startUpgrade({ jobs, audit, world }, { file, target: "system" }, "root");
    const end = await ended(jobs, job.id);
    return end.error?.code ?? end.state;
  };
  const outcomes = {
    readOnly: await attempt(() => run("mount", "-o", "remount,ro", world.paths.boot)),
    cutShort: await attempt(async () => {
      await run("mount", "-o", "remount,rw", world.paths.boot);
      fs.copyFileSync(file, `${file}.whole`);
      fs.truncateSync(file, fs.statSync(file).size / 2);
    }),
    whole: await attempt(async () => fs.renameSync(`${file}.whole`, file)),
  };
  const mounted = (await run("findmnt", "--list", "--output", "TARGET")).includes(world.paths.work);
  const { installed, trial } = await upgradeStatus(world);
  await run("umount", world.paths.disk);
  const without = await attempt(async () => undefined);
  await jobs.close();
  console.log(JSON.stringify({ ...outcomes, without, mounted, trial, installed: installed.map((one) => one.version) }));
}

const [folder] = process.argv.slice(2);
assert.ok(folder !== undefined, "the folder to work in is missing");
// The notices of jobs alone don't keep a program running.
const alive = setInterval(() => {}, 1000);
await main(folder);
clearInterval(alive);

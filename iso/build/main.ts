import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { parseArgs } from "node:util";
import { version } from "../../core/version.ts";
import { ensureBuilt } from "../../scripts/dev/build.ts";
import { projectRoot } from "../../scripts/dev/source.ts";
import { installPackages } from "../../scripts/dev/test-packages.ts";
import { baseArchive } from "./base.ts";
import { readIds, writeIds } from "./ids.ts";
import { buildMedia, checksum } from "./media.ts";
import { differences, listedPackages, readLock, writeLock } from "./packages.ts";
import { IsoError } from "./run.ts";
import { buildSystem } from "./system.ts";

/*
 * npm run iso: makes build/iso/binnacle-VERSION-x86_64.iso, with .sha256 and .packages beside it, from this repository
 * and Debian's archive. As root, on Debian. The same sources and the same packages give the same bytes.
 */

const usage = `usage: npm run iso -- [--out FOLDER] [--update] [--locked] [--fresh]

  --out FOLDER       where the image goes (build/iso)
  --update           take the archive's newest packages, and write their versions into iso/packages.lock.json, and
                     into iso/accounts.lock.json the ids of users and groups that are new with them
  --locked           fail when the archive has other versions than the lock
  --fresh            fetch the packages again, whatever the cache holds`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      out: { type: "string", default: path.join(projectRoot, "build/iso") },
      update: { type: "boolean", default: false },
      locked: { type: "boolean", default: false },
      fresh: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(usage);
  if (process.getuid?.() !== 0)
    throw new IsoError("ISO.ROOT", "The image is built as root: it holds files of many owners.");
  const absent = await installPackages("iso");
  if (absent.length > 0)
    throw new IsoError(
      "ISO.TOOLS",
      `Not installed: ${absent.map(({ name }) => name).join(", ")}. apt-get install them.`,
    );
  const startedAt = performance.now();
  const say = (text: string) =>
    console.log(`${String(Math.round((performance.now() - startedAt) / 1000)).padStart(4)} s  ${text}`);

  const lockFile = path.join(projectRoot, "iso/packages.lock.json");
  const lock = values.update || !fs.existsSync(lockFile) ? undefined : readLock(lockFile);
  const idsFile = path.join(projectRoot, "iso/accounts.lock.json");
  const ids = readIds(idsFile);
  const epoch = lock?.epoch ?? Math.floor(Date.now() / 1000);
  const cache = path.join(process.env["XDG_CACHE_HOME"] || path.join(os.homedir(), ".cache"), "binnacle-iso");
  say("Debian's part");
  const packages = listedPackages(path.join(projectRoot, "iso/packages"));
  const base = await baseArchive({ packages, epoch, cache, fresh: values.fresh });
  say("the programs");
  await ensureBuilt();
  fs.mkdirSync(values.out, { recursive: true });
  const work = fs.mkdtempSync(path.join(values.out, ".work-"));
  try {
    say("the system");
    const system = await buildSystem({ base, work, cache, epoch, version, ids, takesNew: values.update });
    const changes = lock === undefined ? [] : differences(lock, system.packages);
    if (changes.length > 0) {
      const text = `The archive has moved on since iso/packages.lock.json was written:\n  ${changes.join("\n  ")}`;
      if (values.locked) throw new IsoError("ISO.LOCKED", `${text}\nTake them over: npm run iso -- --update`);
      console.log(`${text}\nThe image holds what the archive has. To take the versions over: npm run iso -- --update`);
    }
    if (lock === undefined) writeLock(lockFile, { epoch, packages: system.packages });
    if (values.update) writeIds(idsFile, system.ids);
    say("the medium");
    const name = `binnacle-${version}-x86_64.iso`;
    const building = path.join(work, name);
    await buildMedia({ system, work, epoch, version, out: building });
    const sum = await checksum(building);
    const list = Object.entries(system.packages).map(([packageName, version]) => `${packageName} ${version}`);
    const target = path.join(values.out, name);
    // Never a checksum beside an image that it is not of, wherever this is cut off.
    for (const end of [".packages", ".sha256"]) fs.rmSync(target + end, { force: true });
    fs.renameSync(building, target);
    fs.writeFileSync(`${target}.packages`, `${list.join("\n")}\n`);
    fs.writeFileSync(`${target}.sha256`, `${sum}  ${name}\n`);
    say(`${target}, ${Math.round(fs.statSync(target).size / 1_000_000)} MB, sha256 ${sum}`);
  } finally {
    fs.rmSync(work, { recursive: true, force: true });
  }
}

try {
  await main();
} catch (error) {
  console.error(error instanceof IsoError ? `${error.code}: ${error.message}` : error);
  process.exitCode = 1;
}

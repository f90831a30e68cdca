import * as fs from "node:fs";
import * as path from "node:path";
import * as z from "zod";
import { IsoError } from "./run.ts";

/*
 * What the image is made of: iso/packages/ROLE.list, a package a line, and iso/packages.lock.json, the version of every
 * package that came of it, with the time that the files of the image bear.
 */

const lockSchema = z.object({
  /** Seconds since the epoch, when the versions were written down: the time of everything in the image. */
  epoch: z.number().int().positive(),
  packages: z.record(z.string(), z.string()),
});
export type Lock = z.infer<typeof lockSchema>;

/** Names of all packages that the lists ask for, sorted. @throws IsoError ISO.LIST for a line that is no name. */
export function listedPackages(folder: string): string[] {
  const lists = fs.readdirSync(folder).filter((name) => name.endsWith(".list"));
  const names = lists.flatMap((list) => packagesOf(fs.readFileSync(path.join(folder, list), "utf8"), list));
  return [...new Set(names)].sort();
}

/** The names in one list. Debian Policy 5.6.1 says what a name looks like. */
export function packagesOf(text: string, list: string): string[] {
  return text.split("\n").flatMap((line, index) => {
    const name = line.replace(/#.*/, "").trim();
    if (name === "") return [];
    if (!/^[a-z0-9][a-z0-9+.-]+$/.test(name))
      throw new IsoError("ISO.LIST", `${list}:${index + 1}: '${name}' is no name of a package. One name a line.`);
    return [name];
  });
}

/** @throws IsoError ISO.LOCK when the file is not what `writeLock` writes. */
export function readLock(file: string): Lock {
  try {
    return lockSchema.parse(JSON.parse(fs.readFileSync(file, "utf8")));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new IsoError("ISO.LOCK", `${file} can't be used: ${why}. Make it anew: npm run iso -- --update`);
  }
}

export function writeLock(file: string, lock: Lock): void {
  const packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
  fs.writeFileSync(file, `${JSON.stringify({ epoch: lock.epoch, packages }, null, 2)}\n`);
}

/** What is in a built system other than the lock says, a line each; empty when it is the same. */
export function differences(lock: Lock, built: Readonly<Record<string, string>>): string[] {
  const names = [...new Set([...Object.keys(lock.packages), ...Object.keys(built)])].sort();
  return names.flatMap((name) => {
    const [wanted, got] = [lock.packages[name], built[name]];
    if (wanted === got) return [];
    return [`${name}: ${wanted ?? "not"} in the lock, ${got ?? "not"} in the archive`];
  });
}

/** Package and version from `dpkg-query --show`, without the architecture. */
export function parsePackages(text: string): Record<string, string> {
  const lines = text.split("\n").filter((line) => line !== "");
  return Object.fromEntries(lines.map((line) => line.split("\t")).map(([name = "", version = ""]) => [name, version]));
}

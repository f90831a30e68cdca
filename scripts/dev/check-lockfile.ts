import * as fs from "node:fs";
import * as path from "node:path";
import { type Finding, projectRoot } from "./source.ts";

type Package = { optionalDependencies?: Record<string, string> };

/**
 * Optional packages (a binary for each platform) that a package names and package-lock.json lacks. npm leaves out what
 * its registry did not have or what a folder `node_modules` did not hold when it wrote the file; `npm ci` then refuses.
 */
export function checkLockfile(root: string = projectRoot): Finding[] {
  const file = "package-lock.json";
  const lock: { packages: Record<string, Package> } = JSON.parse(fs.readFileSync(path.join(root, file), "utf8"));
  const places = new Set(Object.keys(lock.packages));
  return Object.entries(lock.packages).flatMap(([place, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies)
      .filter((name) => !findable(place, name, places))
      .map((name) => ({
        file,
        line: 1,
        rule: "lockfile/incomplete",
        text: `${place || "package.json"} names ${name}, which is not in the file: 'npm ci' fails.`,
        remedy:
          "Remove node_modules and package-lock.json and run 'npm install'. If it stays, the registry lacks that version: pin one that it has for every platform.",
      })),
  );
}

/** Whether Node's search from a package's folder upwards finds another package. */
function findable(from: string, name: string, places: ReadonlySet<string>): boolean {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("/node_modules/")))) {
    if (places.has(folder === "" ? `node_modules/${name}` : `${folder}/node_modules/${name}`)) return true;
    if (folder === "") return false;
  }
}

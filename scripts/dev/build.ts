import * as fs from "node:fs";
import * as path from "node:path";
import type { BuildFailure, Plugin } from "esbuild";
import { projectRoot } from "./source.ts";

/** The programs that are shipped: one bundle each, `build/NAME.js`. One whose source is not there is left out. */
export const programs = {
  agent: "core/agent.ts",
  tui: "tui/main.ts",
  menu: "tui/menu.ts",
  manager: "core/manager.ts",
  role: "core/role.ts",
  "zstack-upgrade": "scripts/zstack-upgrade.ts",
  "zs-network": "scripts/zs-network.ts",
  "zstack-cli": "scripts/zstack-cli.ts",
  "zstack-ctl": "scripts/zstack-ctl.ts",
  "network-resume": "core/network-resume.ts",
  installer: "tui/installer/main.ts",
  "installer-engine": "iso/engine/main.ts",
} as const;
export type ProgramName = keyof typeof programs;

/** What runs in browsers: the console proxy's pages, from this folder to `build/console-pages`. */
const pagesFolder = "core/console/pages";
const pages = ["vnc.ts", "vnc.html", "serial.ts", "serial.html", "page.css", "terminal.css"];

/**
 * How Node runs each program; the units and `binnacle` of a node say the same. Neither makes much garbage: a large
 * young generation would only take memory (8 MB). A screen a second needs no optimized code, whose making takes 8 more.
 */
export const nodeFlags = {
  agent: ["--max-semi-space-size=1"],
  tui: ["--max-semi-space-size=1", "--no-opt", "--no-maglev"],
  menu: [],
  manager: [],
  role: [],
  "zstack-upgrade": [],
  "zs-network": [],
  "zstack-cli": [],
  "zstack-ctl": [],
  "network-resume": [],
  installer: ["--max-semi-space-size=1", "--no-opt", "--no-maglev"],
  "installer-engine": ["--max-semi-space-size=1"],
} as const satisfies Record<ProgramName, readonly string[]>;

/** Packages that are loaded from node_modules: blessed requires its widgets by a name made at run time. */
const external = ["blessed", "blessed-contrib"];

/** Other files whose change makes the bundles out of date. */
const alwaysInputs = ["package.json", "package-lock.json", "scripts/dev/build.ts"];

/** Bundled CommonJS packages ask for `require` and `__dirname`, which a module does not have. */
const banner = [
  'import { createRequire as binnacleCreateRequire } from "node:module";',
  "const require = binnacleCreateRequire(import.meta.url);",
  "const __filename = import.meta.filename, __dirname = import.meta.dirname;",
].join(" ");

/**
 * Node's own modules are taken by a call: an `import` of one asks it for each of its exports, and some of those load
 * half of Node (`node:http` has `WebSocket`, and with it undici, TLS, HTTP/2 and workers: 13 MB and 15 ms).
 */
const lazyBuiltins: Plugin = {
  name: "lazy-builtins",
  setup(builder) {
    // What is imported when it is needed is left to Node: the chunk that would stand for it has no names to import.
    builder.onResolve({ filter: /^node:/ }, ({ path: name, kind }) =>
      kind === "dynamic-import" ? { path: name, external: true } : { path: name, namespace: "builtin" },
    );
    builder.onLoad({ filter: /.*/, namespace: "builtin" }, ({ path: name }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(name)});`,
    }));
  },
};

/** Left after a build: what went in and what came out, by what `stat` says of it, and the folders of packages used. */
type Stamp = { entries: string[]; inputs: FileState[]; outputs: FileState[]; packages: string[] };
type FileState = readonly [file: string, mtimeMs: number, size: number];

/** Some source does not compile; the message has a line for each place. */
class BuildError extends Error {
  constructor(cause: unknown) {
    const lines = isBuildFailure(cause)
      ? cause.errors.map(({ text, location: at }) => (at ? `${at.file}:${at.line}:${at.column + 1}: ${text}` : text))
      : [String(cause)];
    super(["The programs can't be built:", ...lines].join("\n"));
  }
}

function isBuildFailure(error: unknown): error is BuildFailure {
  return error instanceof Error && "errors" in error && Array.isArray(error.errors);
}

const chunkKeptMs = 24 * 3600_000;

/** The folder of the bundles. */
export function buildFolder(root: string = projectRoot): string {
  return path.join(root, "build");
}

/** Where a program's bundle lies, whether or not it is built. */
export function bundle(name: ProgramName, root: string = projectRoot): string {
  return path.join(buildFolder(root), `${name}.js`);
}

/**
 * Builds the bundles when a source has changed since they were built. Resolves to whether it built.
 * Any number may run at once: each builds apart and renames file by file. When two builds of different sources mix,
 * the stamp does not fit what lies there, and the next start builds again.
 * @throws when a source does not compile, or the folder can't be written.
 */
export async function ensureBuilt(root: string = projectRoot): Promise<boolean> {
  if (isUpToDate(root)) return false;
  await build(root);
  return true;
}

/** The files of the newest build, relative to `root`, programs and the chunks that they load. @throws when nothing is built */
export function builtFiles(root: string = projectRoot): string[] {
  return readStamp(root)
    .outputs.map(([file]) => file)
    .sort();
}

/** The folders of the packages that went into the newest build, relative to `root`. @throws when nothing is built */
export function bundledPackages(root: string = projectRoot): string[] {
  return readStamp(root).packages;
}

/** The innermost package that a file in `node_modules` belongs to, as the folder of it; undefined for another file. */
export function packageFolder(file: string): string | undefined {
  return /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(file)?.[0];
}

/** Written by this program only; what a damaged one does wrong is caught, and the answer is a new build. */
function readStamp(root: string): Stamp {
  return JSON.parse(fs.readFileSync(path.join(buildFolder(root), "stamp.json"), "utf8"));
}

function isUpToDate(root: string): boolean {
  try {
    const stamp = readStamp(root);
    const unchanged = ([file, mtimeMs, size]: FileState) => {
      const now = fs.statSync(path.join(root, file), { throwIfNoEntry: false });
      return now !== undefined && now.mtimeMs === mtimeMs && now.size === size;
    };
    return stamp.entries.join() === presentEntries(root).join() && [...stamp.inputs, ...stamp.outputs].every(unchanged);
  } catch {
    return false;
  }
}

async function build(root: string): Promise<void> {
  const { build: bundleWith } = await import("esbuild");
  const startedAt = Date.now();
  const target = buildFolder(root);
  fs.mkdirSync(path.join(target, "chunks"), { recursive: true });
  const temporary = fs.mkdtempSync(path.join(target, ".new-"));
  try {
    const entries = presentEntries(root);
    const attempts = await Promise.allSettled(
      Object.entries(programs)
        .filter(([, entry]) => entries.includes(entry))
        .map(([name, entry]) =>
          bundleWith({
            absWorkingDir: root,
            entryPoints: { [name]: entry },
            outdir: temporary,
            entryNames: "[name]",
            chunkNames: "chunks/[name]-[hash]",
            bundle: true,
            splitting: true,
            format: "esm",
            platform: "node",
            target: "node24",
            external,
            plugins: [lazyBuiltins],
            banner: { js: banner },
            // Unminified, with names kept: a stack trace in a crash file reads without further tools.
            minify: false,
            keepNames: false,
            legalComments: "none",
            metafile: true,
            write: true,
            logLevel: "silent",
          }),
        ),
    );
    const served = pages.map((name) => `${pagesFolder}/${name}`).filter((name) => fs.existsSync(path.join(root, name)));
    const ofPages = await Promise.allSettled(
      served.length === 0
        ? []
        : [
            bundleWith({
              absWorkingDir: root,
              entryPoints: served,
              outdir: path.join(temporary, "console-pages"),
              bundle: true,
              format: "esm",
              platform: "browser",
              target: "es2022",
              loader: { ".html": "copy" },
              minify: true,
              legalComments: "none",
              metafile: true,
              write: true,
              logLevel: "silent",
            }),
          ],
    );
    // Only now, when none of them writes any more: the folder goes when one has failed.
    const results = [...attempts, ...ofPages].map((attempt) => {
      if (attempt.status === "rejected") throw new BuildError(attempt.reason);
      return attempt.value;
    });
    const inputs = results.flatMap(({ metafile }) => Object.keys(metafile.inputs));
    const own = inputs.filter((file) => !file.includes("node_modules/") && !file.startsWith("<"));
    const outputs = results.flatMap(({ metafile }) => Object.keys(metafile.outputs));
    const packages = [...new Set(inputs.flatMap((file) => packageFolder(file) ?? []))].sort();
    install(root, temporary, {
      entries,
      inputs: [...new Set([...own, ...alwaysInputs])],
      outputs,
      packages,
      startedAt,
    });
  } finally {
    fs.rmSync(temporary, { recursive: true, force: true });
  }
}

type Built = { entries: string[]; inputs: string[]; outputs: string[]; packages: string[]; startedAt: number };

/** Moves what was built to its place: chunks, then the programs that name them, then the stamp. */
function install(root: string, temporary: string, built: Built): void {
  const { entries, inputs, outputs, packages, startedAt } = built;
  const target = buildFolder(root);
  const names = [...new Set(outputs.map((file) => path.relative(temporary, path.join(root, file))))];
  const byDepth = names.sort((a, b) => Number(b.startsWith("chunks/")) - Number(a.startsWith("chunks/")));
  const stamp: Stamp = {
    entries,
    // A source that was saved during the build may be in the bundle as it was before: it counts as changed.
    inputs: inputs
      .flatMap((file) => stateOf(root, file, file))
      .map(([file, mtimeMs, size]): FileState => [file, mtimeMs < startedAt ? mtimeMs : 0, size]),
    outputs: byDepth.flatMap((name) => stateOf(root, path.join(temporary, name), path.join("build", name))),
    packages,
  };
  for (const folder of new Set(byDepth.map((name) => path.dirname(path.join(target, name)))))
    fs.mkdirSync(folder, { recursive: true });
  for (const name of byDepth) fs.renameSync(path.join(temporary, name), path.join(target, name));
  const stampFile = path.join(temporary, "stamp.json");
  fs.writeFileSync(stampFile, JSON.stringify(stamp));
  fs.renameSync(stampFile, path.join(target, "stamp.json"));
  removeLeftovers(target, new Set(names), Date.now() - chunkKeptMs);
}

function stateOf(root: string, file: string, name: string): FileState[] {
  const found = fs.statSync(path.resolve(root, file), { throwIfNoEntry: false });
  return found === undefined ? [] : [[name, found.mtimeMs, found.size]];
}

/** A console that runs still loads its screens from the chunks of its own build: they are kept for a day. */
function removeLeftovers(target: string, current: ReadonlySet<string>, before: number): void {
  const chunks = fs.readdirSync(path.join(target, "chunks")).map((name) => `chunks/${name}`);
  const aborted = fs.readdirSync(target).filter((name) => name.startsWith(".new-"));
  for (const name of [...chunks, ...aborted]) {
    const found = fs.statSync(path.join(target, name), { throwIfNoEntry: false });
    if (found === undefined || current.has(name) || found.mtimeMs > before) continue;
    fs.rmSync(path.join(target, name), { recursive: true, force: true });
  }
}

function presentEntries(root: string): string[] {
  return Object.values(programs).filter((entry) => fs.existsSync(path.join(root, entry)));
}

/** What to tell a person whose build failed. */
export function describeBuildFailure(error: unknown, root: string = projectRoot): string {
  if (!(error instanceof Error)) return String(error);
  if ("code" in error && (error.code === "EACCES" || error.code === "EROFS" || error.code === "EPERM"))
    return `The bundles are out of date and ${buildFolder(root)} can't be written. Run 'npm run build' as its owner.`;
  return error.message;
}

if (import.meta.main) {
  const started = performance.now();
  try {
    const built = await ensureBuilt();
    console.log(`${built ? "Built" : "Up to date"} in ${Math.round(performance.now() - started)} ms.`);
  } catch (error) {
    console.error(describeBuildFailure(error));
    process.exitCode = 1;
  }
}

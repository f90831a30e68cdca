import * as fs from "node:fs";
import * as path from "node:path";
import { type Program, parseSync } from "oxc-parser";

/** One TypeScript file of the project, parsed. */
export type Source = {
  /** Relative to the project's root, with `/`. */
  readonly path: string;
  readonly text: string;
  readonly program: Program;
  /** Line, from 1, of an offset in the text. */
  line(offset: number): number;
};

/** Something that a check objects to. */
export type Finding = {
  readonly file: string;
  readonly line: number;
  readonly rule: string;
  /** What is wrong, in one sentence. */
  readonly text: string;
  /** What to do about it. */
  readonly remedy: string;
};

export const projectRoot = path.resolve(import.meta.dirname, "../..");
export const projectFolders = ["core", "tui", "scripts", "iso", "test", "bench"];
const skippedFolders = new Set(["node_modules", "fixtures", "golden", "build"]);

/**
 * All TypeScript files under some folders of a project, in the order of their paths; a folder that is absent has none.
 * A file that does not parse is left out: the compiler names it.
 */
export function readSources(root: string, folders: readonly string[] = projectFolders): Source[] {
  const paths = folders.flatMap((folder) => listTypeScript(root, folder));
  return paths.sort().flatMap((file) => {
    const source = parseSource(file, fs.readFileSync(path.join(root, file), "utf8"));
    return source === undefined ? [] : [source];
  });
}

function parseSource(file: string, text: string): Source | undefined {
  const parsed = parseSync(file, text, { lang: "ts", sourceType: "module" });
  if (parsed.errors.some((error) => error.severity === "Error")) return undefined;
  const lineStarts = [0];
  for (let i = text.indexOf("\n"); i !== -1; i = text.indexOf("\n", i + 1)) lineStarts.push(i + 1);
  const line = (offset: number) => lineStarts.findLastIndex((start) => start <= offset) + 1;
  return { path: file, text, program: parsed.program, line };
}

function listTypeScript(root: string, folder: string): string[] {
  const absolute = path.join(root, folder);
  if (!fs.existsSync(absolute)) return [];
  return fs.readdirSync(absolute, { withFileTypes: true }).flatMap((entry) => {
    const name = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return skippedFolders.has(entry.name) ? [] : listTypeScript(root, name);
    return entry.isFile() && name.endsWith(".ts") && !name.endsWith(".d.ts") ? [name] : [];
  });
}

/** `file:line  rule  what is wrong` and, below it, what to do. */
export function describeFinding(finding: Finding): string {
  return `${finding.file}:${finding.line}  ${finding.rule}  ${finding.text}\n    ${finding.remedy}`;
}

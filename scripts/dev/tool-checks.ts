import { execFile } from "node:child_process";
import * as path from "node:path";
import { type Finding, projectRoot } from "./source.ts";

const toolTimeoutMs = 120_000;

/** What the compiler objects to. */
export async function checkTypes(): Promise<Finding[]> {
  const outputs = await Promise.all(
    projects.map((project) => tool("tsc", ["--project", project, "--noEmit", "--pretty", "false"])),
  );
  const place = /^(?<file>[^\s(][^(]*)\((?<line>\d+),\d+\): error (?<rule>TS\d+): (?<text>.*)$/;
  return outputs.flatMap((output) =>
    parsed(output, place, "types", () => "Make the types agree; `any`, `as` and `!` only silence the compiler."),
  );
}

/** What runs in a browser knows other names than what runs in Node. */
const projects = [".", "core/console/pages"];

/** What Biome objects to: lint, formatting, the order of imports. */
export async function checkStyle(): Promise<Finding[]> {
  const options = ["--reporter=concise", "--max-diagnostics=none", "--diagnostic-level=warn", "--error-on-warnings"];
  const output = await tool("biome", ["check", ...options, "."]);
  const place = /^[^\w\s]\s(?<file>[^:]+):(?:(?<line>\d+):\d+:)? (?<rule>[\w/]+): (?<text>.*)$/;
  return parsed(output, place, "style", (rule) => {
    const name = rule.split("/").at(-1) ?? rule;
    if (name === "format" || name === "organizeImports") return "Run 'npm run format'.";
    return `'npx biome explain ${name}' says why and how; 'npm run format' mends what it safely can.`;
  });
}

type UnusedThing = { name: string; line?: number };
type UnusedIssue = { file: string } & Readonly<Record<string, unknown>>;

/** Files, exports and dependencies that nothing uses, and packages that are used without being named. */
export async function checkUnused(): Promise<Finding[]> {
  const output = await tool("knip", ["--reporter", "json", "--no-progress"]);
  const start = output.stdout.indexOf('{"issues"');
  if (start === -1) return [broken("unused", output)];
  const { issues }: { issues: UnusedIssue[] } = JSON.parse(output.stdout.slice(start));
  return issues.flatMap((issue) =>
    Object.entries(issue).flatMap(([kind, things]) => {
      if (!Array.isArray(things)) return [];
      return things.flat().map((thing: UnusedThing) => ({
        file: issue.file,
        line: thing.line ?? 1,
        rule: `unused/${kind}`,
        text: `${thing.name}: ${unusedKinds.get(kind)?.[0] ?? `reported as one of the ${kind}`}.`,
        remedy: unusedKinds.get(kind)?.[1] ?? "See knip's documentation of this kind.",
      }));
    }),
  );
}

const unusedKinds: ReadonlyMap<string, readonly [what: string, remedy: string]> = new Map([
  [
    "files",
    ["nothing imports this file", 'Use it or remove it; a program\'s entry belongs to "knip" in package.json.'],
  ],
  ["exports", ["exported, and nobody imports it", "Remove the word `export`, or the code."]],
  ["types", ["exported, and nobody imports it", "Remove the word `export`, or the type."]],
  ["dependencies", ["nothing imports this package", "Run 'npm uninstall' for it."]],
  ["devDependencies", ["nothing imports this package", "Run 'npm uninstall' for it."]],
  ["unlisted", ["imported, but not in package.json", "Run 'npm install' for it, with its exact version."]],
  ["unresolved", ["the import leads nowhere", "Mend the path or add the file."]],
  ["binaries", ["a command that no package brings", "Add the package, or call the command by its path."]],
  ["duplicates", ["exported under two names", "Keep one."]],
]);

type Output = { stdout: string; stderr: string; failed: boolean };

/** A command of a package, with its output whatever its status says. */
function tool(name: string, args: readonly string[]): Promise<Output> {
  const file = path.join(projectRoot, "node_modules/.bin", name);
  const options = { cwd: projectRoot, timeout: toolTimeoutMs, maxBuffer: 100_000_000 };
  return new Promise((resolve) => {
    execFile(file, args, options, (error, stdout, stderr) => resolve({ stdout, stderr, failed: error !== null }));
  });
}

function parsed(output: Output, place: RegExp, check: string, remedy: (rule: string) => string): Finding[] {
  const findings = `${output.stdout}\n${output.stderr}`.split("\n").flatMap((row) => {
    const { file, line, rule, text } = place.exec(row)?.groups ?? {};
    if (file === undefined || rule === undefined) return [];
    return [{ file, line: Number(line ?? 1), rule: `${check}/${rule}`, text: text ?? "", remedy: remedy(rule) }];
  });
  return findings.length === 0 && output.failed ? [broken(check, output)] : findings;
}

/** A tool that failed without naming a place: its own words, not lost. */
function broken(check: string, output: Output): Finding {
  const said = `${output.stdout}\n${output.stderr}`.trim().slice(-2000);
  return {
    file: "package.json",
    line: 1,
    rule: `${check}/broken`,
    text: said,
    remedy: "The tool itself failed: run it by hand.",
  };
}

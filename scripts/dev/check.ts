import { checkImports } from "./check-imports.ts";
import { checkLockfile } from "./check-lockfile.ts";
import { checkMessages } from "./check-messages.ts";
import { describeFinding, type Finding } from "./source.ts";
import { checkStyle, checkTypes, checkUnused } from "./tool-checks.ts";

/*
 * npm run check [-- NAME...]: everything that can be said of the sources without running them. Each finding names the
 * file and line, the rule, and what to do. Ends with status 1 when there is any.
 */

const checks: Readonly<Record<string, () => Finding[] | Promise<Finding[]>>> = {
  types: checkTypes,
  style: checkStyle,
  unused: checkUnused,
  imports: () => checkImports(),
  messages: () => checkMessages(),
  lockfile: () => checkLockfile(),
};

type Result = { name: string; findings: Finding[]; ms: number };

async function run(name: string, check: () => Promise<Finding[]>): Promise<Result> {
  const started = performance.now();
  const findings = await check().catch((error: unknown) => [
    {
      file: "scripts/dev/check.ts",
      line: 1,
      rule: `${name}/broken`,
      text: String(error),
      remedy: "The check itself failed.",
    },
  ]);
  return { name, findings, ms: performance.now() - started };
}

const chosen = process.argv.slice(2);
const unknown = chosen.filter((name) => checks[name] === undefined);
if (unknown.length > 0) {
  console.error(`There is no check ${unknown.join(", ")}. There are: ${Object.keys(checks).join(", ")}.`);
  process.exit(2);
}
const entries = Object.entries(checks).filter(([name]) => chosen.length === 0 || chosen.includes(name));
const results = await Promise.all(entries.map(([name, check]) => run(name, async () => check())));
for (const { name, findings, ms } of results) {
  for (const finding of findings) console.log(describeFinding(finding));
  const answer = findings.length === 0 ? "ok" : `${findings.length} found`;
  console.log(`${name.padEnd(10)}${answer.padEnd(12)}${(ms / 1000).toFixed(1)} s`);
}
process.exitCode = results.some((result) => result.findings.length > 0) ? 1 : 0;

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openConsole } from "../../test/support/console.ts";
import { startAgent } from "../../test/support/programs.ts";
import { projectRoot } from "./source.ts";

/*
 * Puts the home screen of a recorded server into the README and prints it. The screen is what the real programs draw on
 * a terminal of 80x24.
 */

const machine = "bonded-server";
const begin = "<!-- picture: npm run -s picture -->\n```text\n";
const end = "```\n<!-- end of picture -->";

const recordedAt: unknown = JSON.parse(
  readFileSync(join(projectRoot, "test/fixtures/machines", `${machine}.json`), "utf8"),
).now;
const agent = await startAgent({ fixture: machine });
const bed = await openConsole({
  socketPath: agent.socketPath,
  args: ["--frozen-clock", new Date(Number(recordedAt)).toISOString(), "--no-quit"],
});
try {
  await bed.until(/CPU USAGE +\d+ %/);
  const picture = `${bed.screen().join("\n")}\n`;
  const file = join(projectRoot, "README.md");
  const readme = readFileSync(file, "utf8");
  const from = readme.indexOf(begin);
  const to = readme.indexOf(end);
  if (from < 0 || to < from) throw new Error(`${file} has no place for the picture: ${begin.split("\n")[0]}`);
  writeFileSync(file, readme.slice(0, from + begin.length) + picture + readme.slice(to));
  process.stdout.write(picture);
} finally {
  await bed.close();
  await agent.stop();
}

import { open, readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { NodeError } from "../../core/model/error.ts";
import { type Hardware, hardware as hardwareReport } from "../../core/model/installation/hardware.ts";
import { draftFromAnswers } from "./draft.ts";
import { putIntoImage } from "./into.ts";
import { type AnswerProblem, describeProblems } from "./problem.ts";
import { readAnswers } from "./read.ts";
import { summarize } from "./summary.ts";
import { longestFileBytes } from "./yaml.ts";

/*
 * npm run -s iso:answers -- check FILE [--hardware REPORT]
 * npm run -s iso:answers -- into ISO FILE OUT
 *
 * Ends with 0 when all is well, 1 when something is wrong with a file, 2 for wrong usage.
 */

const usage = `Usage:
  npm run -s iso:answers -- check FILE [--hardware REPORT]
      Checks an answer file, and says what it will do. With a hardware report (JSON) of a machine, also which disk
      and which interface it means there.
  npm run -s iso:answers -- into ISO FILE OUT
      Checks an answer file and makes OUT, a copy of the image ISO that installs by it, and OUT.sha256.
The format is described in iso/answers/README.md.`;

class UsageError extends Error {}

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parsed(args);
  if (values.help === true) {
    console.log(usage);
    return 0;
  }
  const [command, ...files] = positionals;
  const [first, second, third] = files;
  if (command === "check" && first !== undefined && files.length === 1) {
    return check(first, values.hardware === undefined ? null : await readHardware(values.hardware));
  }
  if (command === "into" && values.hardware === undefined && third !== undefined && files.length === 3) {
    return into(first ?? "", second ?? "", third);
  }
  throw new UsageError(command === undefined ? "What is to be done is missing." : "This is not how it is used.");
}

function parsed(args: readonly string[]) {
  try {
    const options = { hardware: { type: "string" }, help: { type: "boolean", short: "h" } } as const;
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

async function check(file: string, hardware: Hardware | null): Promise<number> {
  const { problems, summary } = judge(await readWhole(file), hardware);
  const lines = describeProblems(file, problems);
  if (summary === null) {
    const count = problems.filter(({ severity }) => severity === "error").length;
    for (const line of lines) console.error(line);
    console.error(`${count === 1 ? "1 error" : `${count} errors`}: nothing would be installed.`);
    return 1;
  }
  console.log(`${file} is in order. What it will do:`);
  for (const line of [...summary, ...lines]) console.log(line);
  return 0;
}

function judge(bytes: Uint8Array, hardware: Hardware | null): { problems: AnswerProblem[]; summary: string[] | null } {
  const { read, problems } = readAnswers(bytes);
  if (read === null) return { problems, summary: null };
  const result = draftFromAnswers(read, hardware);
  const isWrong = result.problems.some(({ severity }) => severity === "error");
  return { problems: result.problems, summary: isWrong ? null : summarize(read.answers, result.draft) };
}

async function into(image: string, file: string, out: string): Promise<number> {
  const answer = await check(file, null);
  if (answer !== 0) return answer;
  await putIntoImage(resolve(image), resolve(file), resolve(out));
  console.log(`${out} is made, and ${out}.sha256. It installs on any machine that boots from it, without a question.`);
  return 0;
}

/** At most one byte more than an answer file may have: a disk or /dev/zero given by mistake does not fill the memory. */
async function readWhole(file: string): Promise<Uint8Array> {
  const handle = await open(file, "r");
  try {
    const buffer = Buffer.alloc(longestFileBytes + 1);
    let length = 0;
    while (length < buffer.length) {
      const { bytesRead } = await handle.read(buffer, length, buffer.length - length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return buffer.subarray(0, length);
  } finally {
    await handle.close();
  }
}

async function readHardware(file: string): Promise<Hardware> {
  const text = await readFile(file, "utf8");
  try {
    return hardwareReport.parse(JSON.parse(text));
  } catch (cause) {
    throw new NodeError("HARDWARE.UNREADABLE", `${file} is not a hardware report of the installer.`, { cause });
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof UsageError) {
    console.error(`${error.message}\n${usage}`);
    process.exitCode = 2;
  } else {
    console.error(error instanceof Error ? error.message : String(error));
    if (error instanceof NodeError && error.remedy !== undefined) console.error(`  ${error.remedy}`);
    process.exitCode = 1;
  }
}

import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { finished } from "node:stream/promises";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { version } from "../../core/version.ts";
import { describeBuildFailure, ensureBuilt } from "./build.ts";
import { projectRoot } from "./source.ts";
import { installPackages } from "./test-packages.ts";

/*
 * npm test [-- PATTERN...]: sets up what the tests need, builds the programs, and runs every *.test.ts below test/, or
 * those whose path holds a PATTERN; *.last.test.ts when the others have ended. `--long` runs the long beds, *.long.ts,
 * instead, `--network` the network in many ways, *.network.ts, `--image` those that install the image in many ways,
 * *.image.ts, `--matrix` every role with every firmware, *.matrix.ts. With CI=true a test that is skipped has failed: a bed that can't run shows nothing.
 */
const beds = ["long", "network", "image", "matrix"] as const;

/** For one test. Ten power cuts, each with an installation after it, take the better part of an hour under emulation. */
const [testTimeoutMs, longTimeoutMs, imageTimeoutMs] = [120_000, 30 * 60_000, 90 * 60_000];
/** A file is ended after as long as so many of its tests may take. */
const mostSlowTests = 3;
/** Two cores: a terminal test keeps one of them busy only now and then, an emulated machine both. */
const [concurrency, longConcurrency] = [2, 1];

type Skip = { file: string; name: string; reason: string };
type Counts = { passed: number; failed: number; skipped: number };

async function main(args: readonly string[]): Promise<boolean> {
  const bed = beds.find((name) => args.includes(`--${name}`));
  const isLong = bed !== undefined;
  const isCi = process.env["CI"] === "true";
  const patterns = args.filter((arg) => !arg.startsWith("--"));
  const files = testFiles(`.${bed ?? "test"}.ts`, patterns);
  if (files.length === 0) {
    console.log(patterns.length === 0 ? "There are no such tests." : `No test's path holds ${patterns.join(" or ")}.`);
    return patterns.length === 0;
  }

  const absent = await installPackages("test");
  for (const { name, why } of absent) console.log(`Not installed: ${name} (${why}).`);
  if (absent.length > 0)
    console.log(`Some tests will be skipped. As root: apt-get install ${absent.map((p) => p.name).join(" ")}`);
  await ensureBuilt();
  if (bed === "image" || bed === "matrix") buildImageOnce();

  // Beds that record what a terminal showed put it here; the tests that search it run when all others have ended.
  const recordings = fs.mkdtempSync(path.join(os.tmpdir(), "binnacle-recordings-"));
  process.env["BINNACLE_TEST_RECORDINGS"] = recordings;
  const skips: Skip[] = [];
  const total: Counts = { passed: 0, failed: 0, skipped: 0 };
  try {
    const isLast = (file: string) => file.endsWith(".last.test.ts");
    for (const part of [files.filter((file) => !isLast(file)), files.filter(isLast)]) {
      if (part.length === 0) continue;
      const limits = isLong
        ? { timeoutMs: bed === "long" ? longTimeoutMs : imageTimeoutMs, concurrency: longConcurrency }
        : { timeoutMs: testTimeoutMs, concurrency };
      const counts = await runFiles(part, limits, skips);
      total.passed += counts.passed;
      total.failed += counts.failed;
      total.skipped += counts.skipped;
    }
  } finally {
    fs.rmSync(recordings, { recursive: true, force: true });
  }

  if (skips.length > 0) console.log(`\nSkipped${isCi ? " (with CI=true this is a failure)" : ""}:`);
  for (const { file, name, reason } of skips) console.log(`  ${file}: ${name}\n    ${reason}`);
  console.log(`\ntests: ${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  return total.failed === 0 && !(isCi && (skips.length > 0 || absent.length > 0));
}

/** The files of a bed install the same image; BINNACLE_TEST_IMAGE tells them where it is, and may name another one. */
function buildImageOnce(): void {
  // Where it can't be built, each file says why.
  if (process.env["BINNACLE_TEST_IMAGE"] !== undefined || process.getuid?.() !== 0 || process.arch !== "x64") return;
  const out = path.join(os.tmpdir(), "binnacle-test-image");
  const build = [path.join(projectRoot, "iso/build/main.ts"), "--out", out];
  execFileSync(process.execPath, build, { stdio: ["ignore", "inherit", "inherit"], timeout: 40 * 60_000 });
  process.env["BINNACLE_TEST_IMAGE"] = path.join(out, `binnacle-${version}-x86_64.iso`);
}

type Limits = { timeoutMs: number; concurrency: number };

async function runFiles(files: readonly string[], limits: Limits, skips: Skip[]): Promise<Counts> {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  const stream = run({
    files: files.map((file) => path.join(projectRoot, file)),
    concurrency: limits.concurrency,
    cwd: projectRoot,
    // A test that timed out may leave a timer or a socket open, which would keep its file's process for ever. Forcing a
    // file to end with its last test would lose what it has not reported yet.
    timeout: limits.timeoutMs * mostSlowTests,
    execArgv: [`--test-timeout=${limits.timeoutMs}`],
  });
  stream.on("test:pass", (event) => {
    if (event.skip === undefined || event.skip === false) return;
    const file = event.file === undefined ? "" : path.relative(projectRoot, event.file);
    skips.push({ file, name: event.name, reason: typeof event.skip === "string" ? event.skip : "no reason is given" });
  });
  stream.on("test:summary", (summary) => {
    // One for each file, and one without a file for all.
    if (summary.file !== undefined) return;
    const { tests, passed, skipped, todo } = summary.counts;
    counts.passed = passed;
    counts.skipped = skipped + todo;
    counts.failed = Math.max(tests - passed - skipped - todo, summary.success ? 0 : 1);
  });
  const report = stream.compose(new spec());
  report.pipe(process.stdout, { end: false });
  await finished(report);
  return counts;
}

function testFiles(ending: string, patterns: readonly string[]): string[] {
  const files = fs
    .readdirSync(path.join(projectRoot, "test"), { recursive: true, encoding: "utf8" })
    .map((file) => `test/${file}`)
    .filter((file) => file.endsWith(ending) && !file.startsWith("test/fixtures/"));
  return files.filter((file) => patterns.length === 0 || patterns.some((pattern) => file.includes(pattern))).sort();
}

try {
  if (!(await main(process.argv.slice(2)))) process.exitCode = 1;
} catch (error) {
  console.error(describeBuildFailure(error));
  process.exitCode = 1;
}

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { cloudCallNames } from "../../../core/model/cloud/calls/index.ts";
import { callHelp, generalHelp } from "../../../scripts/cloud/help.ts";
import { wrap } from "../../../scripts/help-lines.ts";
import { openConsole } from "../../support/console.ts";
import { undoAfter } from "../../support/undo.ts";
import { type CliBed, cliBed } from "./bed.ts";

/* The smallest terminal of all: eighty columns, twenty-four lines. */

test("no line of help is broken by a terminal of eighty columns, nor by one of sixty", () => {
  // A line that is to be copied stays whole.
  for (const width of [80, 60])
    for (const text of [generalHelp(width), ...cloudCallNames.map((name) => callHelp(name, width))])
      for (const line of text.split("\n"))
        assert.ok(
          line.length <= width || (width < 80 && line.startsWith("  zstack-cli ")) || /^ *\S+$/.test(line),
          line,
        );
});

test("text is divided at blanks, choices behind their bars, and what has neither stays whole", () => {
  assert.deepEqual(wrap("one two three", 7), ["one two", "three"]);
  assert.deepEqual(wrap("of: Waiting|Running|Failed, no", 12), ["of: Waiting|", "Running|", "Failed, no"]);
  assert.deepEqual(wrap("see /a/path/that/is/long now", 8), ["see", "/a/path/that/is/long", "now"]);
});

test("an error on a terminal is divided between its words; where there is none it is one line", async (t) => {
  const bed = await cliBed(t);
  await bed.logIn();
  const words = ["ChangeZoneState", "uuid=5f4f5bd1e0b24e9b8b4f5f5e6c3a2d10", "stateEvent=stop"];
  const { stderr } = await bed.run(...words);
  assert.match(
    stderr,
    /^SYS\.1001: A field of the call is wrong: It must be one of enable or disable\. \(stateEvent\)\n/,
  );
  const typed = await bed.typeSmall({}, ...words);
  await typed.exited;
  const lines = typed.text().trimEnd().split("\n");
  assert.deepEqual(lines, [
    "SYS.1001: A field of the call is wrong: It must be one of enable or disable.",
    "(stateEvent)",
    "  stateEvent: What is wanted: enable or disable.",
  ]);
});

/** A program that says what it was given, and waits until somebody presses Enter. */
function pager(bed: CliBed): { file: string; given: string } {
  const [file, given] = [join(bed.home, "pager"), join(bed.home, "given")];
  writeFileSync(
    file,
    `#!/bin/sh\ncat > ${given}\nprintf 'PAGED %s secure=%s' "$1" "$LESSSECURE"\nread -r line < /dev/tty\n`,
  );
  chmodSync(file, 0o755);
  return { file, given };
}

async function zones(bed: CliBed, count: number): Promise<void> {
  await bed.logIn();
  const lines = Array.from({ length: count }, (_, i) => `CreateZone name=zone-${i + 10}\n`).join("");
  assert.equal((await bed.feed(lines)).code, 0);
}

test("a table that is longer than the screen goes through PAGER, in which nobody starts a shell, and the prompt goes on", async (t) => {
  const bed = await cliBed(t);
  await zones(bed, 30);
  const { file, given } = pager(bed);
  const typed = await bed.typeSmall({ PAGER: `${file} -x` }, "-s");
  await typed.until(/^admin@.*>$/m);
  typed.type("QueryZone limit=3 fields=name\r");
  await typed.until(/3 of 30\nadmin@.*>$/m);
  assert.equal(existsSync(given), false);
  typed.type("QueryZone fields=name\r");
  await typed.until("PAGED -x secure=1");
  assert.match(readFileSync(given, "utf8"), /^name\n-+\n(zone-\d+\n){30}$/);
  typed.type("\r");
  await typed.until(/PAGED[\s\S]*admin@.*>$/m);
  typed.type("QueryZone count=true\r");
  await typed.until(/^30$/m);
});

test("a table that fits, JSON, and what goes to no terminal need no pager; nor does one that is not there lose a table", async (t) => {
  const bed = await cliBed(t);
  await zones(bed, 30);
  const { file, given } = pager(bed);
  const json = await bed.typeSmall({ PAGER: file }, "QueryZone");
  assert.equal((await json.exited).exitCode, 0);
  const through = ["sh", "-c", 'exec "$@" | cat', "sh", ...bed.command("-s", "QueryZone", "sortBy=name")] as const;
  const env = { HOME: bed.home, PAGER: file };
  const piped = await openConsole({ socketPath: "", command: [...through], columns: 80, rows: 24, env });
  undoAfter(t, () => piped.close());
  assert.equal((await piped.exited).exitCode, 0);
  assert.match(piped.text(), /^zone-39 /m);
  assert.equal(existsSync(given), false);
  for (const none of ["/nowhere/pager", "", "cat"]) {
    const typed = await bed.typeSmall({ PAGER: none }, "-s", "QueryZone", "fields=name", "sortBy=name");
    assert.equal((await typed.exited).exitCode, 0);
    assert.match(typed.raw(), /\r\nzone-10\r\n/);
    assert.match(typed.text(), /^zone-39$/m);
  }
});

const hasLess = spawnSync("less", ["--version"]).status === 0;
test("without PAGER it is less, which leaves the table on the screen", {
  skip: !hasLess && "no less here",
}, async (t) => {
  const bed = await cliBed(t);
  await zones(bed, 30);
  const typed = await bed.typeSmall({}, "-s", "QueryZone", "fields=name", "sortBy=name");
  await typed.until(/^:$/m);
  assert.doesNotMatch(typed.text(), /^zone-39$/m);
  typed.type("G");
  await typed.until(/^zone-39$/m);
  typed.type("q");
  assert.equal((await typed.exited).exitCode, 0);
  assert.match(typed.text(), /^zone-39$/m);
});

test("what Tab offers leaves the line that it is for on the screen, and says how much more there is", async (t) => {
  const bed = await cliBed(t);
  await bed.logIn();
  const typed = await bed.typeSmall({});
  await typed.until(/^admin@.*>$/m);
  typed.type("QueryVmInstance \t");
  await typed.until(/^and \d+ more lines\nadmin@.*> QueryVmInstance$/m);
  const [first, second] = typed.screen();
  assert.match(`${first}\n${second}`, /> QueryVmInstance\n|^uuid\n|\nuuid$/);
});

test("names of settings, by which they are changed, are never cut", async (t) => {
  const bed = await cliBed(t);
  await bed.logIn();
  const { stdout } = await bed.run("-s", "QueryGlobalConfig", "limit=1000");
  for (const { value } of bed.mirror.all("GlobalConfig")) assert.match(stdout, new RegExp(` ${value.name}( |$)`, "m"));
  for (const line of stdout.split("\n")) assert.ok(line.length <= 80, line);
});

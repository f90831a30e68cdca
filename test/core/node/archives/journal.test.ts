import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { estimateLogs, parseDiskUsage } from "../../../../core/node/archives/estimate.ts";
import { type JournalLine, parseLine, readJournal } from "../../../../core/node/archives/journal.ts";
import { reserveBytes } from "../../../../core/node/archives/world.ts";
import { type Machine, realMachine } from "../../../../core/node/machine.ts";
import { archiveBed, journalNow, plantedMachine } from "./bed.ts";

const real = { skip: existsSync("/usr/bin/journalctl") ? false : "journalctl is not installed" };
/** Of the first entry of the journal in test/fixtures/journal. */
const start = 1_795_010_400_000;

const folder = await mkdtemp(join(tmpdir(), "binnacle-journal-"));
after(() => rm(folder, { recursive: true, maxRetries: 5 }));
await writeFile(
  join(folder, "node.journal"),
  gunzipSync(await readFile(new URL("../../../fixtures/journal/node.journal.gz", import.meta.url))),
);
const source = [`--directory=${folder}`];

async function read(machine: Machine, more: object = {}): Promise<JournalLine[]> {
  const all: JournalLine[] = [];
  const { signal } = new AbortController();
  const onLines = async (lines: readonly JournalLine[]) => void all.push(...lines);
  const count = await readJournal({ machine, range: "week", mask: {}, signal, onLines, ...more });
  assert.equal(count, all.length);
  return all;
}

test("pages join without a gap or a double, oldest first, and end at the newest entry", real, async () => {
  const machine = { ...realMachine(), now: () => start + 60_000 };
  const all = await read(machine, { source, pageLines: 5 });
  assert.equal(all.length, 34);
  assert.equal(new Set(all.map(({ cursor }) => cursor)).size, 34);
  assert.equal(all[0]?.message, "Linux version 6.12.0");
  assert.equal(all.at(-1)?.message, "Tick 19");
  assert.equal(all.at(-1)?.head.startsWith(new Date(start + 33_000).toISOString()), true);
  assert.deepEqual(
    (await read(machine, { source, pageLines: 34 })).map(({ cursor }) => cursor),
    all.map(({ cursor }) => cursor),
  );
});

test("a range leaves out what is older", real, async () => {
  const machine = { ...realMachine(), now: () => start + 31_500 + 3_600_000 };
  assert.deepEqual(
    (await read(machine, { source, range: "hour" })).map(({ message }) => message),
    ["Tick 18", "Tick 19"],
  );
});

test("a private key that a program prints line by line is masked, whatever comes in between", async () => {
  const key = Buffer.from("a private key that nobody must see").toString("base64");
  const lines = ["-----BEGIN PRIVATE KEY-----", key, "-----END PRIVATE KEY-----", "after"];
  const journal = lines.flatMap((message) => [{ message }, { message: "other", unit: "other.service" }]);
  const all = await read(plantedMachine({ journal }));
  assert.equal(all.length, 8);
  assert.ok(all.every(({ message }) => !message.includes(key)));
  assert.equal(all.filter(({ message }) => message === "other").length, 4);
  assert.equal(all.at(-2)?.message, "after");
});

test("what is no entry is passed over: words, half lines, entries without a time", () => {
  for (const text of ["", "-- No entries --", '{"__CURSOR":"a"', '{"__CURSOR":"a"}', "[]", "null"])
    assert.equal(parseLine(text), undefined);
});

test("an entry keeps bytes that are no text, the unit that systemd speaks of, and says that a message is too long", () => {
  const entry = { __CURSOR: "c", __REALTIME_TIMESTAMP: "1000000", _SYSTEMD_UNIT: "init.scope", UNIT: "x.service" };
  assert.equal(parseLine(JSON.stringify({ ...entry, MESSAGE: [104, 105] }))?.message, "hi");
  assert.equal(parseLine(JSON.stringify({ ...entry, MESSAGE: [104, 105] }))?.unit, "x.service");
  assert.equal(parseLine(JSON.stringify({ ...entry, MESSAGE: null }))?.message, "[over 4096 bytes]");
});

test("the estimate counts the lines of each range, and the room for folder, archive and reserve", real, async () => {
  const bed = await archiveBed(
    { ...realMachine(), now: () => start + 31_500 + 3_600_000 },
    { freeBytes: async () => 7 },
  );
  try {
    const estimates = await estimateLogs(bed.world, source);
    const bytes = (range: string) => estimates.find((one) => one.range === range)?.logBytes ?? 0;
    assert.equal(estimates.length, 4);
    assert.ok(bytes("hour") < bytes("day") && bytes("day") === bytes("week"), JSON.stringify(estimates));
    for (const { logBytes, neededBytes, freeBytes } of estimates) {
      assert.ok(neededBytes >= (logBytes ?? 0) + reserveBytes);
      assert.equal(freeBytes, 7);
    }
  } finally {
    await bed.dispose();
  }
});

test("an estimate without a journal says that the size is not known, and never zero", async () => {
  const bed = await archiveBed({ ...plantedMachine({}), run: () => Promise.reject(new Error("none")) });
  try {
    for (const { logBytes, neededBytes } of await estimateLogs(bed.world)) {
      assert.equal(logBytes, null);
      assert.ok(neededBytes > reserveBytes);
    }
    assert.equal(bed.world.machine.now(), journalNow);
  } finally {
    await bed.dispose();
  }
});

test("journalctl's words about the room that it takes", () => {
  assert.equal(parseDiskUsage("Archived and active journals take up 56.0M in the file system.\n"), 56 * 1024 ** 2);
  assert.equal(parseDiskUsage("Archived and active journals take up 0B in the file system."), 0);
  assert.equal(parseDiskUsage("nonsense"), undefined);
});

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { LogCollections, Serving, StoreBackups } from "../../../core/model/archives.ts";
import type { Job } from "../../../core/model/records.ts";
import { archiveJobScreen } from "../../../tui/screens/archive-job.ts";
import { backupScreen } from "../../../tui/screens/backup.ts";
import { collectLogsScreen } from "../../../tui/screens/collect-logs.ts";
import type { Screen } from "../../../tui/screens/screen.ts";
import { servingScreen } from "../../../tui/screens/serving.ts";
import { matchesLines } from "../../support/golden.ts";
import { press } from "../widgets/support.ts";
import { type BedOptions, bed, clientOf, recordedFacts, untilAnswered } from "./support.ts";

const recorded = await recordedFacts("bonded-server");
const { now } = recorded;
const G = 1024 ** 3;

const serving: Serving = {
  kind: "logs",
  name: "mgmt01-logs-20261121-140307",
  console: "tty1",
  addresses: ["http://192.168.100.200:7071/abcdefghijkmnpqr/", "http://10.20.0.5:7071/abcdefghijkmnpqr/"],
  port: 7071,
  endsAt: now + 3_540_000,
  downloads: 2,
  wrong: 0,
  firewall: "open",
  local: false,
};

const archive = {
  kind: "logs",
  name: serving.name,
  at: now - 7_200_000,
  sizeBytes: 12_000_000,
  diskBytes: 2 * G,
  sha256: null,
} as const;

const collections: LogCollections = {
  archives: [archive],
  estimates: [
    { range: "hour", logBytes: 9_000_000, neededBytes: 300_000_000, freeBytes: 88 * G },
    { range: "day", logBytes: 48_000_000, neededBytes: 330_000_000, freeBytes: 88 * G },
    { range: "week", logBytes: null, neededBytes: 300_000_000, freeBytes: 88 * G },
    { range: "boot", logBytes: 90 * G, neededBytes: 120 * G, freeBytes: 88 * G },
  ],
  folder: "/var/lib/binnacle/logs",
};

const noStore: StoreBackups = { backups: [], store: null, folder: "/var/lib/binnacle/backups", freeBytes: 88 * G };

const job: Job = {
  id: "1",
  kind: "logs.collect",
  subject: "day",
  console: "tty1",
  state: "running",
  startedAt: now - 5_000,
  endedAt: null,
  progress: 0.4,
  cancellable: true,
  error: null,
  lines: 0,
};

/** A console whose calls are answered from here; what was asked is kept. */
async function console(answers: Record<string, unknown>, more: Partial<BedOptions> = {}) {
  const asked: [call: string, request: unknown][] = [];
  const made = await bed({ ...recorded, ...more });
  const control = {
    ...made.control,
    replace(screen: Screen, next: Screen) {
      made.control.close(screen);
      made.control.open(next);
    },
    client: clientOf((call, request) => {
      asked.push([call, request]);
      const answer = answers[call];
      if (answer instanceof Error) throw answer;
      return answer;
    }),
  };
  const top = () => made.opened.at(-1);
  const text = () => (top() === undefined ? "" : made.lines(top() as Screen).join("\n"));
  const shows = (what: string) => untilAnswered(() => text().includes(what), text);
  return { ...made, control, asked, text, shows, top };
}

const looks = [
  { look: "rich.en", language: "en", rich: true },
  { look: "basic.en", language: "en", rich: false },
  { look: "rich.zh", language: "zh", rich: true },
] as const;

for (const { look, language, rich } of looks)
  describe(`at 80x24, ${look}`, () => {
    test("the list of collected logs", async () => {
      const c = await console({ logCollections: collections, serving: { serving } }, { language, rich });
      c.control.open(collectLogsScreen(c.control));
      await c.shows(serving.name);
      matchesLines("archives", `collect.80x24.${look}`, c.text());
    });

    test("a node without a store", async () => {
      const c = await console({ storeBackups: noStore, serving: { serving: null } }, { language, rich });
      c.control.open(backupScreen(c.control));
      await c.shows("/var/lib/binnacle/backups");
      matchesLines("archives", `backup-none.80x24.${look}`, c.text());
    });

    test("the address and its code", async () => {
      const c = await console({}, { language, rich });
      c.control.open(servingScreen(c.control, { ...serving, wrong: 3 }));
      matchesLines("archives", `serving.80x24.${look}`, c.text());
    });
  });

describe("Collect Logs", () => {
  test("starts the chosen range, follows the job, and shows the address when it is done", async () => {
    const jobs: Job[] = [job];
    const answers = { logCollections: collections, serving: { serving: null as Serving | null }, startCollecting: job };
    const c = await console(answers, { state: { jobs: [] } });
    c.control.open(collectLogsScreen(c.control));
    await c.shows("the last 24 hours");
    press(c.top() as Screen, "down", "enter");
    await untilAnswered(() => c.opened.length === 2, c.text);
    assert.deepEqual(c.asked.at(-1), ["startCollecting", { body: { range: "day" } }]);

    const d = await console({ ...answers, serving: { serving } }, { state: { jobs } });
    d.control.open(archiveJobScreen(d.control, "1", { kind: "logs", title: "collect.title", help: "help.collect" }));
    assert.match(d.text(), /40 %/);
    jobs[0] = { ...job, state: "done", endedAt: now, progress: 1 };
    d.top()?.changed?.();
    await d.shows(serving.addresses[0] ?? "");
    assert.equal(d.opened.length, 1);
  });

  test("offers no second one while one is made, but to follow it", async () => {
    const c = await console({ logCollections: collections, serving: { serving: null } }, { state: { jobs: [job] } });
    c.control.open(collectLogsScreen(c.control));
    await c.shows("Being made");
    assert.doesNotMatch(c.text(), /the last hour/);
    press(c.top() as Screen, "enter");
    assert.match(c.text(), /Esc leaves; the work goes on/);
  });

  test("stops a job after a question, and says what became of it", async () => {
    const jobs = [job];
    const c = await console({ cancelJob: job }, { state: { jobs } });
    c.control.open(archiveJobScreen(c.control, "1", { kind: "logs", title: "collect.title", help: "help.collect" }));
    press(c.top() as Screen, "c");
    assert.match(c.text(), /Nothing is kept then/);
    assert.deepEqual(c.asked, []);
    press(c.top() as Screen, "y");
    assert.deepEqual(c.asked, [["cancelJob", { params: { id: "1" } }]]);
    jobs[0] = { ...job, state: "failed", error: { code: "COLLECT.NO_SPACE", description: "full" } };
    assert.match(c.text(), /Too little room/);
  });

  test("deletes an archive after a question, and hands one out with Enter", async () => {
    const answers = {
      logCollections: collections,
      serving: { serving: null },
      deleteArchive: {},
      startServing: { serving },
    };
    const c = await console(answers);
    c.control.open(collectLogsScreen(c.control));
    await c.shows(serving.name);
    press(c.top() as Screen, "d");
    assert.equal(c.opened.length, 1, "no archive is selected");
    press(c.top() as Screen, "end", "d", "n");
    assert.deepEqual(
      c.asked.filter(([call]) => call === "deleteArchive"),
      [],
    );
    press(c.top() as Screen, "d", "y");
    await untilAnswered(() => c.asked.some(([call]) => call === "deleteArchive"), c.text);
    assert.deepEqual(c.asked.find(([call]) => call === "deleteArchive")?.[1], {
      params: { kind: "logs", name: serving.name },
    });
    await untilAnswered(() => c.asked.filter(([call]) => call === "logCollections").length >= 2, c.text);
    await new Promise((resolve) => setImmediate(resolve));
    press(c.top() as Screen, "enter");
    await c.shows("http://192.168.100.200:7071/");
  });
});

describe("Backup Database", () => {
  test("of a node with a store names its size and starts a backup", async () => {
    const store = { file: "/var/lib/binnacle/manager/store.sqlite", sizeBytes: 40_000_000 };
    const c = await console({
      storeBackups: { ...noStore, store },
      serving: { serving: null },
      startBackup: { ...job, kind: "store.backup" },
    });
    c.control.open(backupScreen(c.control));
    await c.shows("the store as it is now");
    assert.match(c.text(), /about 38\.1 M, 88 G free/);
    press(c.top() as Screen, "enter");
    await untilAnswered(() => c.opened.length === 2, c.text);
    assert.equal(c.asked.at(-1)?.[0], "startBackup");
  });
});

describe("the address", () => {
  test("is prolonged with p, ended with e, and its code is that of the next address with n", async () => {
    const c = await console({
      prolongServing: { serving: { ...serving, endsAt: now + 7_140_000 } },
      endServing: { serving: null },
    });
    c.control.open(servingScreen(c.control, serving));
    assert.match(c.text(), /Ends in 59 m\b/);
    press(c.top() as Screen, "n");
    assert.match(c.text(), /^ {2}http:\/\/10\.20\.0\.5:7071/m);
    press(c.top() as Screen, "p");
    await c.shows("1 h 59 m");
    press(c.top() as Screen, "e");
    await untilAnswered(() => c.opened.length === 0, c.text);
  });

  test("has its code on a large plain screen too, and a small one says what it needs", async () => {
    const c = await console({});
    const screen = servingScreen(c.control, serving);
    assert.match(
      c.lines(screen, 80, 24).join("\n").replaceAll(/\s+/g, " "),
      /The code needs 102x36; this screen has 80x24\./,
    );
    assert.doesNotMatch(c.lines(screen, 102, 36).join("\n"), /The code needs/);
    assert.ok(c.frame(screen, 102, 36).styles.includes("paper"));
  });

  test("says when the firewall stays closed, when nobody else reaches it, and when there is no address", async () => {
    const c = await console({});
    const text = (more: Partial<Serving>) =>
      c
        .lines(servingScreen(c.control, { ...serving, ...more }))
        .join("\n")
        .replaceAll(/\s+/g, " ");
    assert.match(text({ firewall: "closed" }), /The firewall could not be opened/);
    assert.match(text({ local: true }), /only this machine/);
    assert.match(text({ addresses: [] }), /no address now\. Port 7071/);
  });
});

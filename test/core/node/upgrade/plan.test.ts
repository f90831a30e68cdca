import assert from "node:assert/strict";
import { test } from "node:test";
import { NodeError } from "../../../../core/model/error.ts";
import { type InstalledSystems, type InstalledVersion, planUpgrade } from "../../../../core/node/upgrade/plan.ts";
import { statusOf } from "../../../../core/node/upgrade/status.ts";

const [mib, gib, hour] = [1024 ** 2, 1024 ** 3, 3600_000];
const now = 1_795_269_787_000;
const image = { version: "1.1.0", systemBytes: gib, bootBytes: 100 * mib };

function installed(version: string, isComplete = true): InstalledVersion {
  return { version, systemBytes: gib, bootBytes: 100 * mib, isComplete };
}

function node(change: Partial<InstalledSystems> = {}): InstalledSystems {
  return {
    running: "1.0.0",
    default: "1.0.0",
    trial: undefined,
    failed: undefined,
    installed: [installed("1.0.0")],
    leftovers: { systemBytes: 0, bootBytes: 0 },
    free: { systemBytes: 10 * gib, bootBytes: 800 * mib },
    readOnly: undefined,
    backup: undefined,
    ...change,
  };
}

test("a node gets the new version beside the running one, which stays what it falls back to", () => {
  assert.deepEqual(planUpgrade(node(), image, now), {
    version: "1.1.0",
    former: "1.0.0",
    remove: [],
    menuBefore: ["1.0.0"],
    menu: ["1.1.0", "1.0.0"],
  });
});

const refusals: [what: string, change: Partial<InstalledSystems>, version: string, code: string, sentence: RegExp][] = [
  ["the same version", {}, "1.0.0", "UPGRADE.NOT_NEWER", /1\.0\.0 is the same as this node's, 1\.0\.0/],
  ["an older version", {}, "1.0.0~rc1", "UPGRADE.NOT_NEWER", /older than/],
  [
    "a version older than the default, when a former one was chosen in the menu",
    { running: "1.0.0", default: "1.2.0", installed: [installed("1.0.0"), installed("1.2.0")] },
    "1.1.0",
    "UPGRADE.NOT_NEWER",
    /older than this node's, 1\.2\.0/,
  ],
  [
    "an upgrade that waits for a restart",
    { trial: { version: "1.1.0", left: 3 } },
    "1.2.0",
    "UPGRADE.TRIAL_PENDING",
    /1\.1\.0 is complete/,
  ],
  [
    "a running version that is on trial",
    { running: "1.1.0", trial: { version: "1.1.0", left: 0 }, installed: [installed("1.0.0"), installed("1.1.0")] },
    "1.2.0",
    "UPGRADE.ON_TRIAL",
    /1\.1\.0 is still on trial/,
  ],
  ["a disk that can only be read", { readOnly: "/boot" }, "1.1.0", "UPGRADE.READ_ONLY", /^\/boot can only be read/],
  [
    "a running version whose files are absent",
    { installed: [installed("1.0.0", false)] },
    "1.1.0",
    "UPGRADE.NO_FALLBACK",
    /1\.0\.0 are absent/,
  ],
  ["a store without a backup", { backup: { newestAt: undefined } }, "1.1.0", "UPGRADE.NO_BACKUP", /no backup/],
  [
    "a store whose backup is a day old",
    { backup: { newestAt: now - 24 * hour } },
    "1.1.0",
    "UPGRADE.NO_BACKUP",
    /24 hours old/,
  ],
  [
    "too little room on the root partition",
    { free: { systemBytes: gib, bootBytes: gib } },
    "1.1.0",
    "UPGRADE.NO_SPACE",
    /needs 1\.3 GiB on the root partition, where 1\.0 GiB/,
  ],
  [
    "too little room on /boot",
    { free: { systemBytes: 9 * gib, bootBytes: 0 } },
    "1.1.0",
    "UPGRADE.NO_SPACE",
    /needs 108 MiB on \/boot, where 0 bytes/,
  ],
];
for (const [what, change, version, code, sentence] of refusals)
  test(`${what} refuses the upgrade, and says what to do`, () => {
    assert.throws(
      () => planUpgrade(node(change), { ...image, version }, now),
      (error: unknown) => {
        assert.ok(error instanceof NodeError);
        assert.equal(error.code, code);
        assert.match(error.message, sentence);
        assert.ok((error.remedy ?? "").length > 10);
        return true;
      },
    );
  });

test("a backup of the last day is enough", () => {
  assert.equal(planUpgrade(node({ backup: { newestAt: now - 23 * hour } }), image, now).version, "1.1.0");
});

test("a trial that has used up its starts does not stand in the way of another upgrade", () => {
  const systems = node({ trial: { version: "1.1.0", left: 0 }, installed: [installed("1.0.0"), installed("1.1.0")] });
  const plan = planUpgrade(systems, { ...image, version: "1.2.0" }, now);
  assert.deepEqual(plan.menu, ["1.2.0", "1.1.0", "1.0.0"]);
});

const many = ["0.6.0", "0.7.0", "0.9.0", "1.0.0"].map((version) => installed(version));

test("former versions stay while there is room", () => {
  assert.deepEqual(planUpgrade(node({ installed: many }), image, now).remove, []);
});

test("without room the oldest versions go first, and no more than needed", () => {
  const free = { systemBytes: gib / 2, bootBytes: 800 * mib };
  const plan = planUpgrade(node({ installed: many, free }), image, now);
  assert.deepEqual(plan.remove, ["0.6.0"]);
  assert.deepEqual(plan.menu, ["1.1.0", "1.0.0", "0.9.0", "0.7.0"]);
});

test("the running version, the default and the previous one are never removed", () => {
  const free = { systemBytes: 0, bootBytes: 0 };
  const systems = node({ installed: [...many, installed("1.0.1")], default: "1.0.1", free });
  const plan = planUpgrade(systems, image, now);
  assert.deepEqual(plan.remove, ["0.6.0", "0.7.0"]);
  assert.deepEqual([plan.former, plan.menu], ["1.0.1", ["1.1.0", "1.0.1", "1.0.0", "0.9.0"]]);
  const two = node({ installed: [installed("0.9.0"), installed("1.0.0")], free });
  assert.throws(() => planUpgrade(two, image, now), { code: "UPGRADE.NO_SPACE" });
});

test("a version whose trial failed is not the one to go back to", () => {
  const free = { systemBytes: 0, bootBytes: 0 };
  const systems = node({ installed: ["0.8.0", "0.9.0", "1.0.0"].map((version) => installed(version)), free });
  assert.deepEqual(
    planUpgrade({ ...systems, failed: "0.9.0", free: { systemBytes: gib, bootBytes: gib } }, image, now).remove,
    ["0.9.0"],
  );
});

test("parts of a version that a former attempt left are made anew, also where there is room", () => {
  const cut = node({ installed: [installed("1.0.0"), installed("1.1.0"), installed("0.9.0", false)] });
  const plan = planUpgrade(cut, image, now);
  assert.deepEqual(plan.remove.toSorted(), ["0.9.0", "1.1.0"]);
  assert.deepEqual([plan.menuBefore, plan.menu], [["1.0.0"], ["1.1.0", "1.0.0"]]);
});

test("what unfinished upgrades left counts as room", () => {
  const leftovers = { systemBytes: 2 * gib, bootBytes: 200 * mib };
  assert.equal(planUpgrade(node({ free: { systemBytes: 0, bootBytes: 0 }, leftovers }), image, now).version, "1.1.0");
});

test("a default that is not on the disk is no default: the running version is", () => {
  assert.equal(planUpgrade(node({ default: "0.5.0" }), image, now).former, "1.0.0");
  assert.equal(planUpgrade(node({ default: undefined }), image, now).former, "1.0.0");
});

test("the status tells a trial that waits, one that runs, and one that failed", () => {
  const of = (change: Partial<InstalledSystems>) => {
    const { trial, failed } = statusOf(node(change));
    return { trial, failed };
  };
  const trial = { version: "1.1.0", left: 2 };
  assert.deepEqual(of({ trial }), { trial: { ...trial, isRunning: false }, failed: null });
  assert.deepEqual(of({ trial: { ...trial, left: 0 }, running: "1.1.0" }), {
    trial: { version: "1.1.0", left: 0, isRunning: true },
    failed: null,
  });
  assert.deepEqual(of({ trial: { ...trial, left: 0 } }), { trial: null, failed: "1.1.0" });
  assert.deepEqual(of({ failed: "1.1.0" }), { trial: null, failed: "1.1.0" });
});

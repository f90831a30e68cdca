import assert from "node:assert/strict";
import { test } from "node:test";
import {
  expected,
  findSetting,
  formatSetting,
  parseSetting,
  reservedMemory,
  settingId,
  settingsProblems,
} from "../../../../core/model/cloud/setting-values.ts";
import { type Setting, settings } from "../../../../core/model/cloud/settings.ts";
import { formatSize, parseSize } from "../../../../core/model/cloud/size.ts";
import { Random } from "../../../support/random.ts";
import { nextOf, readable, refusalOf } from "./support.ts";

/** Defaults that the specification names, in its own words. */
const specified: readonly [name: string, text: string][] = [
  ["host.load.all", "true"],
  ["load.parallelismDegree", "100"],
  ["ping.interval", "60"],
  ["ping.parallelismDegree", "100"],
  ["ping.maxFailure", "3"],
  ["connection.autoReconnectOnError", "true"],
  ["maintenanceMode.ignoreError", "false"],
  ["reservedMemory", "1G"],
  ["dataVolume.maxNum", "24"],
  ["host.syncLevel", "10"],
  ["vm.migrationQuantity", "2"],
  ["cpu.overProvisioning.ratio", "10"],
  ["overProvisioning.memory", "1"],
  ["overProvisioning.primaryStorage", "1"],
  ["threshold.primaryStorage.physicalCapacity", "0.9"],
  ["vm.deletionPolicy", "Delay"],
  ["vm.expungePeriod", "86400"],
  ["session.timeout", "7200"],
  ["ha.enable", "true"],
  ["ha.strategy", "Permissive"],
  ["host.check.interval", "5"],
  ["host.check.maxAttempts", "12"],
  ["host.check.successTimes", "3"],
  ["host.check.successRatio", "0.5"],
  ["host.selfFencer.interval", "5"],
  ["host.selfFencer.maxAttempts", "12"],
  ["host.selfFencer.storageChecker.timeout", "15"],
  ["neverStopVm.retry.delay", "60"],
  ["neverStopVm.scan.interval", "60"],
  ["neverStopVm.gc.maxRetryIntervalTime", "300"],
  ["backup.interval", "43200"],
  ["backup.keepAmount", "14"],
];

test("every default of the specification is found by the name it has there", () => {
  for (const [name, text] of specified) {
    const setting = nextOf(findSetting(name));
    assert.equal(formatSetting(setting, setting.default), text, name);
  }
});

test("a setting has one id, a description, and a default within its own limits that survives being written", () => {
  assert.equal(new Set(settings.map(settingId)).size, settings.length);
  for (const setting of settings) {
    assert.match(setting.description, /^[A-Z].*\.$/);
    const text = formatSetting(setting, setting.default);
    assert.equal(nextOf(parseSetting(setting, text)), setting.default, settingId(setting));
  }
});

/** The last texts that a setting takes, and the first that it does not. */
function limitsOf(setting: Setting): { good: string[]; wrong: string[] } {
  switch (setting.type) {
    case "boolean":
      return { good: ["true", "false"], wrong: ["True", "1", "yes"] };
    case "choice":
      return { good: [...setting.choices], wrong: setting.choices.map((each) => each.toLowerCase()) };
    case "integer":
      return {
        good: [String(setting.min), String(setting.max)],
        wrong: [
          String(setting.min - 1),
          String(setting.max + 1),
          `${setting.min}.5`,
          `0${setting.max}`,
          `+${setting.max}`,
        ],
      };
    case "number":
      return {
        good: [String(setting.min), String(setting.max)],
        wrong: [String(setting.min - 0.001), String(setting.max + 0.001), ".5", "5.", "1,5", "NaN", "Infinity"],
      };
    case "size":
      return {
        good: [formatSize(setting.min), formatSize(setting.max)],
        wrong: [`${setting.max + 1}`, "-1", "1g", "1 G", "1.5G", "1GB"],
      };
    case "address":
      return { good: ["auto", "192.0.2.7", "2001:db8::1"], wrong: ["", "Auto", "192.0.2", "proxy.example", "::/0"] };
  }
}

test("a setting takes its limits, and refuses what is just beyond them", () => {
  for (const setting of settings) {
    const { good, wrong } = limitsOf(setting);
    for (const text of good) assert.ok(parseSetting(setting, text).done, `${settingId(setting)} = ${text}`);
    for (const text of wrong) {
      const refusal = refusalOf(parseSetting(setting, text));
      assert.equal(refusal.code, "SYS.1004");
      assert.equal(refusal.where, settingId(setting));
      assert.ok(refusal.remedy.includes(expected(setting)));
    }
  }
});

test("no setting takes what is empty, hostile or too long", () => {
  for (const setting of settings)
    for (const text of [
      "",
      " ",
      "true\n",
      "1\n",
      "1e3",
      "0x10",
      "1\u0000",
      "\u001b[2J",
      "٣",
      "9".repeat(10_000),
      "__proto__",
      "null",
    ])
      assert.equal(
        refusalOf(parseSetting(setting, text)).code,
        "SYS.1004",
        `${settingId(setting)} ${JSON.stringify(text)}`,
      );
});

test("a name of no setting, or of several, is refused with what to do", () => {
  for (const name of ["", "__proto__", "toString", "host.", "x\u001b[2J", "a".repeat(9999)])
    assert.equal(refusalOf(findSetting(name)).code, "SYS.1003");
  assert.equal(refusalOf(findSetting("ping")).details, "There is no setting ping.");
  const { details, remedy } = refusalOf(findSetting("deletionPolicy"));
  assert.equal(details, "Several settings are called deletionPolicy.");
  assert.equal(remedy, "Name one of vm.deletionPolicy, volume.deletionPolicy, image.deletionPolicy.");
});

test("settings that contradict each other are told, the defaults do not", () => {
  assert.deepEqual(settingsProblems(new Map()), []);
  assert.deepEqual(settingsProblems(new Map([["ha.host.check.successTimes", 12]])), []);
  const problems = settingsProblems(
    new Map([
      ["ha.host.check.successTimes", 13],
      ["ha.neverStopVm.retry.delay", 301],
      ["vm.expungePeriod", 10],
    ]),
  );
  assert.deepEqual(
    problems.map((each) => readable(each).where),
    ["ha.host.check.successTimes", "ha.neverStopVm.retry.delay", "vm.expungeInterval"],
  );
});

test("sizes are exact, and those that a number can't hold are refused", () => {
  assert.equal(parseSize("1G"), 1024 ** 3);
  assert.equal(parseSize("4096"), 4096);
  assert.equal(parseSize("0"), 0);
  assert.deepEqual([0, 1023, 1024, 1025, 1024 ** 5].map(formatSize), ["0B", "1023B", "1K", "1025B", "1P"]);
  assert.equal(parseSize("9P"), undefined);
  assert.equal(parseSize("9007199254740992"), undefined);
  for (let seed = 0; seed < 500; seed++) {
    const random = new Random(seed);
    const size = random.below(2 ** 31) * 1024 ** random.below(3);
    assert.equal(parseSize(formatSize(size)), size, `seed ${seed}`);
  }
});

test("the nearest tag says how much memory a host keeps", () => {
  const tags = { host: ["hvm::vmx"], cluster: ["reservedMemory::2G"], zone: ["reservedMemory::3G"] };
  assert.equal(reservedMemory(tags, 7), 2 * 1024 ** 3);
  assert.equal(reservedMemory({ ...tags, host: ["reservedMemory::512M"] }, 7), 512 * 1024 ** 2);
  assert.equal(reservedMemory({ ...tags, cluster: ["reservedMemory::lots"] }, 7), 3 * 1024 ** 3);
  assert.equal(reservedMemory({ host: [], cluster: [], zone: [] }, 7), 7);
});

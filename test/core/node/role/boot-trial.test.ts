import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { describe, it } from "node:test";
import {
  bootedVersion,
  decideBoot,
  formatBootEnvironment,
  parseBootEnvironment,
} from "../../../../core/node/role/boot-trial.ts";
import { settleBoot } from "../../../../core/node/role/settle-boot.ts";
import { temporaryFolder } from "../../../support/programs.ts";
import { bed } from "./bed.ts";

const trial = { default_version: "1.0.0", trial_version: "1.1.0", trial_left: "0", other: "x" };

describe("a finished role check", () => {
  const rows: [
    what: string,
    booted: string | undefined,
    environment: Record<string, string>,
    passed: boolean,
    action: string,
    next?: Record<string, string>,
  ][] = [
    [
      "makes the version on trial the default when it passed",
      "1.1.0",
      trial,
      true,
      "confirm",
      { default_version: "1.1.0", other: "x" },
    ],
    [
      "takes the trial off when it failed",
      "1.1.0",
      trial,
      false,
      "fallBack",
      { default_version: "1.0.0", other: "x", failed_version: "1.1.0" },
    ],
    [
      "forgets that the version had failed before",
      "1.1.0",
      { ...trial, failed_version: "1.1.0" },
      true,
      "confirm",
      { default_version: "1.1.0", other: "x" },
    ],
    ["means nothing where the former version was booted", "1.0.0", trial, false, "none"],
    ["means nothing where no trial is on", "1.0.0", { default_version: "1.0.0" }, false, "none"],
    ["means nothing where nothing is left to fall back to", "1.1.0", { trial_version: "1.1.0" }, false, "none"],
    [
      "means nothing where the trial is of the default itself",
      "1.1.0",
      { ...trial, default_version: "1.1.0" },
      false,
      "none",
    ],
    ["means nothing where no image was booted", undefined, trial, false, "none"],
  ];
  for (const [what, booted, environment, passed, action, next] of rows)
    it(what, () => {
      const decision = decideBoot({ booted, environment: new Map(Object.entries(environment)), passed });
      assert.equal(decision.action, action);
      assert.deepEqual("environment" in decision ? Object.fromEntries(decision.environment) : undefined, next);
    });

  it("is told to GRUB in its file", async () => {
    const made = bed({
      files: {
        "/proc/cmdline": "BOOT_IMAGE=/1.1.0/vmlinuz boot=binnacle binnacle.system=1.1.0 console=tty0\n",
        "/boot/grub/grubenv": formatBootEnvironment(new Map(Object.entries(trial))),
      },
    });
    assert.equal(await settleBoot(made.world, true), "confirm");
    const text = made.recorded.files["/boot/grub/grubenv"];
    assert.ok(typeof text === "string");
    assert.equal(parseBootEnvironment(text).get("default_version"), "1.1.0");
    assert.equal(await settleBoot(made.world, false), "none");
  });
});

describe("GRUB's environment", () => {
  const environment = new Map([
    ["default_version", "1.0.0"],
    ["odd", "a\\b=c # d"],
  ]);

  it("is read as it was written, in a block of 1024 bytes", () => {
    const text = formatBootEnvironment(environment);
    assert.equal(Buffer.byteLength(text), 1024);
    assert.deepEqual(parseBootEnvironment(text), environment);
  });

  const hasEditor = spawnSync("grub-editenv", ["--version"]).status === 0;
  it("is the one that grub-editenv reads and writes", { skip: hasEditor ? false : "grub-editenv is not here" }, () => {
    const folder = temporaryFolder();
    const file = path.join(folder.path, "grubenv");
    fs.writeFileSync(file, formatBootEnvironment(new Map([["default_version", "1.0.0"]])));
    const list = spawnSync("grub-editenv", [file, "list"], { encoding: "utf8" });
    assert.equal(list.stdout, "default_version=1.0.0\n");
    spawnSync("grub-editenv", [file, "set", "trial_version=1.1.0", "trial_left=1"]);
    assert.deepEqual(Object.fromEntries(parseBootEnvironment(fs.readFileSync(file, "utf8"))), {
      default_version: "1.0.0",
      trial_version: "1.1.0",
      trial_left: "1",
    });
    folder.dispose();
  });

  it("that is damaged is empty, and one that is too large is refused", () => {
    assert.equal(parseBootEnvironment("default_version=1\n").size, 0);
    assert.throws(() => formatBootEnvironment(new Map([["a", "x".repeat(1024)]])), { code: "BOOT.ENVIRONMENT" });
  });

  it("knows the booted version from the kernel's command line", () => {
    assert.equal(bootedVersion("boot=binnacle binnacle.system=1.2.3-rc1 quiet"), "1.2.3-rc1");
    assert.equal(bootedVersion("xbinnacle.system=1"), undefined);
  });
});

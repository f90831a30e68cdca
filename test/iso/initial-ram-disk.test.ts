import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { formatBootEnvironment, parseBootEnvironment } from "../../core/node/role/boot-trial.ts";
import { root, temporaryFolder } from "../support/programs.ts";

const script = path.join(root, "iso/overlay/usr/share/initramfs-tools/scripts/binnacle");

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder.dispose());

describe("a trial that GRUB can't count", () => {
  /** Runs the script's function on a file; a stand-in takes the place of mounting. */
  const count = (text: string) => {
    const file = path.join(folder.path, "grub/grubenv");
    fs.mkdirSync(path.dirname(file));
    fs.writeFileSync(file, text);
    const source = fs.readFileSync(script, "utf8").replaceAll("/run/binnacle-image/boot", folder.path);
    const stand = "local_device_setup() { :; }; umount() { :; }; trial_boot=UUID=1; DEV=none";
    const run = spawnSync(
      "sh",
      ["-eu", "-c", `${source.replaceAll("/usr/bin/mount -t ext4", "true")}\n${stand}\ncount_trial`],
      {
        encoding: "utf8",
      },
    );
    assert.deepEqual([run.status, run.stderr], [0, ""]);
    return fs.readFileSync(file, "utf8");
  };
  const trial = new Map([
    ["default_version", "1.2.3"],
    ["trial_version", "1.3.0"],
    ["trial_left", "3"],
  ]);

  it("is the last one: all its starts are taken away, and nothing else changes", () => {
    const after = count(formatBootEnvironment(trial));
    assert.equal(after.length, 1024);
    assert.deepEqual(parseBootEnvironment(after), new Map([...trial, ["trial_left", "0"]]));
  });

  it("leaves a file without a trial, or that is none, as it is", () => {
    const none = formatBootEnvironment(new Map([["default_version", "1.2.3"]]));
    assert.equal(count(none), none);
    fs.rmSync(path.join(folder.path, "grub"), { recursive: true, maxRetries: 5 });
    assert.equal(count("no block"), "no block");
  });
});

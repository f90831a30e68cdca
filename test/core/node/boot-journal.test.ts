import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { it } from "node:test";
import { emptyBootJournal } from "../../../core/node/boot-journal.ts";
import { type Machine, realMachine } from "../../../core/node/machine.ts";
import { temporaryFolder } from "../../support/programs.ts";

/** A machine on which `mountpoint` and `fsfreeze` are these scripts. */
function machineWith(folder: string, mountpoint: string, fsfreeze: string): Machine {
  const real = realMachine();
  for (const [name, text] of Object.entries({ mountpoint, fsfreeze }))
    fs.writeFileSync(path.join(folder, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  const run: Machine["run"] = (command, [flag = "", script = "", ...rest], options) =>
    real.run(command, [flag, `PATH=${folder}:$PATH; ${script}`, ...rest], options);
  return { ...real, run };
}

const log = (folder: string) => {
  const file = path.join(folder, "log");
  return fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "";
};

it("a file system of /boot is frozen and thawed", async (t) => {
  const folder = temporaryFolder();
  t.after(() => folder.dispose());
  const machine = machineWith(folder.path, "exit 0", `echo "$@" >>"${folder.path}/log"`);
  assert.equal(await emptyBootJournal(machine, "/boot"), true);
  assert.equal(log(folder.path), "--freeze /boot\n--unfreeze /boot\n");
});

it("a folder that is no mount point is never frozen: the rest of its file system would stand still", async (t) => {
  const folder = temporaryFolder();
  t.after(() => folder.dispose());
  const machine = machineWith(folder.path, "exit 32", `echo "$@" >>"${folder.path}/log"`);
  await emptyBootJournal(machine, folder.path);
  assert.equal(log(folder.path), "");
});

it("a file system that can't be frozen is said to be so", async (t) => {
  const folder = temporaryFolder();
  t.after(() => folder.dispose());
  const machine = machineWith(folder.path, "exit 0", "exit 1");
  assert.equal(await emptyBootJournal(machine, "/boot"), false);
});

it("what was killed for taking too long is thawed", async () => {
  const commands: string[] = [];
  const run: Machine["run"] = async (command, args) => {
    commands.push([command, ...args].join(" "));
    if (command === "sh") throw new Error("took too long");
    return { code: 0, stdout: "", stderr: "" };
  };
  assert.equal(await emptyBootJournal({ ...realMachine(), run }, "/boot"), false);
  assert.equal(commands.at(-1), "fsfreeze --unfreeze /boot");
});

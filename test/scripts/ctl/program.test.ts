import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { version } from "../../../core/version.ts";
import { ctlCommands } from "../../../scripts/ctl/command.ts";
import { openConsole } from "../../support/console.ts";
import { type NodeBed, nodeBed } from "../../support/ctl/node.ts";
import { root } from "../../support/programs.ts";
import { undoAfter } from "../../support/undo.ts";

/* The built program, as it is started on a node. */

const program = join(root, "build/zstack-ctl.js");

function run(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    encoding: "utf8",
    env: { PATH: process.env["PATH"] ?? "", TZ: "UTC" },
  });
  return { status, stdout, stderr };
}

/** A text as it is kept beside the tests; UPDATE_GOLDEN=1 keeps the present one. */
function golden(name: string, actual: string): string {
  const file = join(import.meta.dirname, "golden", name);
  if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(file, actual);
  return readFileSync(file, "utf8");
}

const places = (bed: NodeBed) => ["--configuration", bed.configurationFile, "--manager-socket", bed.socketPath];

describe("zstack-ctl", () => {
  test("prints its help, and that of each command", async (t) => {
    await nodeBed(t);
    const { status, stdout } = run();
    assert.equal(status, 0);
    assert.equal(stdout, golden("help.txt", stdout));
    const each = ctlCommands.map(({ name }) => run(name, "-h").stdout).join("\n");
    assert.equal(each, golden("commands.txt", each));
    for (const line of `${stdout}${each}`.split("\n")) assert.ok(line.length <= 80 || line.startsWith("usage:"), line);
    assert.equal(run("help").stdout, stdout);
    assert.equal(run("help", "dump_mysql").stdout, run("dump_mysql", "--help").stdout);
    assert.equal(run("help", "stauts").status, 2);
  });

  test("tells its version", async (t) => {
    await nodeBed(t);
    for (const word of ["version", "--version", "-v"])
      assert.deepEqual(run(word), { status: 0, stdout: `zstack-ctl ${version}\n`, stderr: "" });
  });

  test("explains names of the reference with whatever they are given, and repeats none of it", async (t) => {
    await nodeBed(t);
    for (const [name, ...words] of [
      ["install_license", "-f", "licence.txt"],
      ["install_license", "--license=licence.txt"],
      ["change_mysql_password", "--user-name", "zstack", "--new-password", "secret-word", "more"],
      ["reset_rabbitmq", "-x"],
    ] as const) {
      const alone = run(name);
      assert.deepEqual([alone.status, alone.stderr], [1, ""]);
      assert.notEqual(alone.stdout, "");
      assert.deepEqual(run(name, ...words), alone);
    }
  });

  test("says what is wrong with a command line, and does nothing", async (t) => {
    await nodeBed(t);
    for (const [words, said] of [
      [["stauts"], "There is no command stauts."],
      [["status", "--all"], "There is no option --all."],
      [["restore_mysql"], "restore_mysql needs -f FILE."],
      [["restore_mysql", "-f"], "-f needs a value, FILE."],
      [["restore_mysql", "-f", "a", "--file", "b"], "--file is there twice."],
      [["dump_mysql", "--d=1"], "--d takes no value."],
      [["configure"], "configure needs KEY=VALUE."],
      [["change_ip", "10.0.0.5"], "change_ip needs --ip IP."],
    ] as const)
      assert.deepEqual(run(...words), {
        status: 2,
        stdout: "",
        stderr: `zstack-ctl: ${said}\nSee: zstack-ctl --help\n`,
      });
  });

  test("has a status of its own for a node without a store, and one for a file that is no backup", async (t) => {
    const bed = await nodeBed(t);
    const nothing = run("dump_mysql", ...places(bed));
    assert.equal(nothing.status, 3);
    assert.match(nothing.stderr, /^zstack-ctl: BACKUP\.NO_STORE: This node has no store/);
    await bed.start();
    const wrong = run("restore_mysql", "-f", bed.configurationFile, "--yes", ...places(bed));
    assert.equal(wrong.status, 1);
    assert.match(wrong.stderr, /^zstack-ctl: BACKUP\.NOT_ONE: .* is no backup of a manager\.\n {2}Give a file/);
  });

  for (const [title, answer] of [
    ["no", "n\r"],
    ["Ctrl-C", "\x03"],
  ] as const)
    test(`asks at a terminal before it restores, and ${title} leaves everything as it is`, async (t) => {
      const bed = await nodeBed(t);
      await bed.start();
      assert.equal(await bed.ctl("dump_mysql"), 0);
      const file = /^Backup: (.*)$/m.exec(bed.said())?.[1] ?? "";
      await bed.ask("CreateZone", { name: "east" });
      const command: [string, ...string[]] = [process.execPath, program, "restore_mysql", "-f", file, ...places(bed)];
      const terminal = await openConsole({ socketPath: "", command, columns: 120, rows: 40 });
      undoAfter(t, () => terminal.close());
      await terminal.until("Restore this backup, and lose what was done since? [y/N]");
      terminal.type(answer);
      await terminal.until("Nothing was changed.");
      assert.equal((await bed.ask("QueryZone", {})).inventories.length, 1);
    });
});

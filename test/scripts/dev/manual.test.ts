import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { cloudCallNames } from "../../../core/model/cloud/calls/index.ts";
import { cliOptions } from "../../../scripts/cloud/command.ts";
import { ctlCommands, ctlUsage } from "../../../scripts/ctl/command.ts";
import { cloudManualPage, ctlManualPage, manualPage } from "../../../scripts/dev/manual.ts";
import { commands } from "../../../scripts/network/commands.ts";
import { formsOf, optionText } from "../../../scripts/network/help.ts";

const hasGroff = spawnSync("groff", ["--version"]).status === 0;

for (const command of commands)
  test(`the manual page of ${command.name} is right, and names all that may be typed`, {
    skip: hasGroff ? false : "groff is not installed",
  }, () => {
    const { stdout, stderr, status } = spawnSync("groff", ["-man", "-ww", "-Tascii", "-P-c", "-P-b", "-P-u"], {
      input: manualPage(command, "1.2.3"),
      encoding: "utf8",
    });
    assert.deepEqual([status, stderr], [0, ""]);
    const words = stdout.replaceAll(/\s+/g, " ");
    assert.ok(words.includes(`${command.name} - ${command.summary}`));
    assert.match(words, /^[A-Z-]+\(8\) System Administration [A-Z-]+\(8\) NAME .* SYNOPSIS .* SEE ALSO .*ip\(8\) /);
    for (const form of formsOf(command)) assert.ok(words.includes(`${command.name} ${form} [--yes]`), form);
    for (const option of command.options)
      assert.ok(words.includes(` ${optionText(option)} ${option.text}`), option.name);
    for (const { line } of command.examples) assert.ok(words.includes(` ${line} `), line);
  });

test("what roff would take for a command of its own is printed as it stands", { skip: !hasGroff }, () => {
  const [command] = commands;
  assert.ok(command !== undefined);
  const description = [".PP is no macro here, nor is \\fBthis\\fR.", "'tis a line."];
  const input = manualPage({ ...command, description }, "1.2.3");
  const { stdout } = spawnSync("groff", ["-man", "-Tascii", "-P-c", "-P-b", "-P-u"], { input, encoding: "utf8" });
  const words = stdout.replaceAll(/\s+/g, " ");
  for (const each of description) assert.ok(words.includes(each), words);
});

test("the manual page of zstack-cli is right, and names each call and option", { skip: !hasGroff }, () => {
  const { stdout, stderr, status } = spawnSync("groff", ["-man", "-ww", "-Tascii", "-P-c", "-P-b", "-P-u"], {
    input: cloudManualPage("1.2.3"),
    encoding: "utf8",
  });
  assert.deepEqual([status, stderr], [0, ""]);
  const words = stdout.replaceAll(/\s+/g, " ");
  assert.match(words, /SYNOPSIS zstack-cli \[OPTION\.\.\.\] CALL \[KEY=VALUE\.\.\.\] /);
  for (const name of cloudCallNames) assert.ok(words.includes(` ${name} `), name);
  for (const { name, text } of cliOptions)
    assert.match(words, new RegExp(`--${name}( [A-Z]+)? ${RegExp.escape(text)}`));
});

test("the manual page of zstack-ctl is right, and names each command and option", { skip: !hasGroff }, () => {
  const { stdout, stderr, status } = spawnSync("groff", ["-man", "-ww", "-Tascii", "-P-c", "-P-b", "-P-u"], {
    input: ctlManualPage("1.2.3"),
    encoding: "utf8",
  });
  assert.deepEqual([status, stderr], [0, ""]);
  const words = stdout.replaceAll(/\s+/g, " ");
  for (const command of ctlCommands) {
    assert.ok(words.includes(` ${ctlUsage(command)} ${command.text}`), command.name);
    for (const { name, text } of command.options)
      assert.match(words, new RegExp(`--${name}( [A-Z@]+)? ${RegExp.escape(text)}`));
  }
});

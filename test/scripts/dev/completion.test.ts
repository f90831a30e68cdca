import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { cloudCompletionScript, completionScript, ctlCompletionScript } from "../../../scripts/dev/completion.ts";
import { commands } from "../../../scripts/network/commands.ts";
import { temporaryFolder } from "../../support/programs.ts";

describe("what bash completes", () => {
  let folder: ReturnType<typeof temporaryFolder>;
  before(() => {
    folder = temporaryFolder();
    for (const name of ["lo", "eno1", "eno1.7", "eno1.70", "eno2", "bond0", "bond*"])
      fs.mkdirSync(join(folder.path, name));
    for (const name of ["eno1", "eno2"]) fs.mkdirSync(join(folder.path, name, "device"));
    fs.writeFileSync(join(folder.path, "bonding_masters"), "bond0 bond*\n");
  });
  after(() => folder.dispose());

  /** The candidates for the last word of a command line, on a machine with the folder's interfaces. */
  function completed(line: string): string[] {
    const [name = "", ...args] = line.split(" ");
    const command = commands.find((each) => each.name === name);
    assert.ok(command !== undefined);
    const script = completionScript(command).replaceAll("/sys/class/net", folder.path);
    const call = [
      "set -u",
      script,
      'COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))',
      `_${name.replaceAll("-", "_")}`,
      'printf "%s\\n" "${COMPREPLY[@]}"',
    ].join("\n");
    const { stdout, stderr, status } = spawnSync("bash", ["--norc", "-c", call, "bash", name, ...args], {
      encoding: "utf8",
    });
    assert.deepEqual([status, stderr], [0, ""], line);
    return stdout.split("\n").filter((word) => word !== "");
  }

  const all = ["bond*", "bond0", "eno1", "eno1.7", "eno1.70", "eno2", "lo"];
  const change = ["--yes", "--no-rollback", "--seconds", "--json", "--help"];
  for (const [line, ...expected] of [
    ["zs-vlan ", "-c", "-d"],
    ["zs-vlan -", "-c", "-d", ...change],
    ["zs-vlan --s", "--seconds"],
    ["zs-show-network "],
    ["zs-show-network --", "--json", "--help"],
    ["zs-vlan -c ", ...all],
    ["zs-vlan -c eno", "eno1", "eno1.7", "eno1.70", "eno2"],
    ["zs-vlan --yes -c --seconds 30 eno2", "eno2"],
    ["zs-vlan -c --seconds "],
    ["zs-vlan -c eno1 "],
    ["zs-vlan -d eno1 ", "7", "70"],
    ["zs-vlan -d eno2 "],
    ["zs-vlan -d eno1 7 "],
    ["zs-nic-to-bond -a ", "bond0", "bond*"],
    ["zs-nic-to-bond -a bond0 ", "eno1", "eno2"],
    ["zs-bond-lacp -c "],
    ["zs-bond-ab -d b", "bond0", "bond*"],
    ["zs-change-nic -c eno2", "eno2"],
    ["zs-network-setting -b eno1 10.0.0.2 255.255.2", "255.255.255.0"],
    ["zs-network-setting -b eno1 10.0.0.2 24 "],
  ] as const)
    it(`'${line}' becomes ${expected.length === 0 ? "nothing" : expected.join(", ")}`, () => {
      assert.deepEqual(completed(line).sort(), [...expected].sort());
    });
});

describe("what bash completes for zstack-cli", () => {
  /** Words as bash divides them: `=` is one of its own. */
  function completed(...words: string[]): string[] {
    const call = [
      "set -u",
      cloudCompletionScript(),
      'COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))',
      "_zstack_cli",
      'printf "%s\\n" "${COMPREPLY[@]}"',
    ].join("\n");
    const { stdout, stderr, status } = spawnSync("bash", ["--norc", "-c", call, "bash", "zstack-cli", ...words], {
      encoding: "utf8",
    });
    assert.deepEqual([status, stderr], [0, ""], words.join(" "));
    return stdout.split("\n").filter((word) => word !== "");
  }

  it("is calls, in any case, also behind options", () => {
    assert.deepEqual(completed("queryh"), ["QueryHost"]);
    assert.deepEqual(completed("-s", "-H", "10.0.0.5", "createz"), ["CreateZone"]);
    assert.deepEqual(completed("help", "GetZ"), ["GetZone"]);
  });

  it("is the keys of the call, the required ones first, and the values of a key", () => {
    assert.deepEqual(completed("ChangeHostState", ""), ["uuid=", "stateEvent="]);
    assert.deepEqual(completed("ChangeHostState", "stateEvent", "="), ["enable", "disable", "preMaintain"]);
    assert.deepEqual(completed("ChangeHostState", "stateEvent", "=", "p"), ["preMaintain"]);
  });

  it("is options where one is begun", () => {
    assert.deepEqual(completed("--json"), ["--json", "--json-errors"]);
  });
});

describe("what bash completes for zstack-ctl", () => {
  function completed(...words: string[]): string[] {
    const call = [
      "set -u",
      ctlCompletionScript(),
      'COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))',
      "_zstack_ctl",
      'printf "%s\\n" "${COMPREPLY[@]}"',
    ].join("\n");
    const { stdout, stderr, status } = spawnSync("bash", ["--norc", "-c", call, "bash", "zstack-ctl", ...words], {
      encoding: "utf8",
    });
    assert.deepEqual([status, stderr], [0, ""], words.join(" "));
    return stdout.split("\n").filter((word) => word !== "");
  }

  it("is commands, their options, and what few values there are", () => {
    assert.deepEqual(completed("rest"), ["restart_node", "restore_mysql"]);
    assert.deepEqual(completed("dump_mysql", "--"), ["--host", "--d", "--keep-amount", "--help"]);
    assert.deepEqual(completed("collect_log", "--range", "d"), ["day"]);
    assert.deepEqual(completed("configure", "api."), ["api.address=", "api.port="]);
    assert.deepEqual(completed("dump_mysql", "--host", ""), []);
  });
});

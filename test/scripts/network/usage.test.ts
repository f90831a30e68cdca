import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { countdown } from "../../../core/model/network/transaction.ts";
import { ensureBuilt } from "../../../scripts/dev/build.ts";
import { readArguments, UsageError } from "../../../scripts/network/arguments.ts";
import { commands } from "../../../scripts/network/commands.ts";
import { helpText } from "../../../scripts/network/help.ts";
import { program, runAlone } from "./bed.ts";

const golden = join(import.meta.dirname, "golden");

/** One file holds a text for each case: `$ command line`, then its exit code and what it says. */
async function matches(name: string, actual: string): Promise<void> {
  const file = join(golden, name);
  if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(file, actual);
  assert.equal(actual, readFileSync(file, "utf8"));
}

const wrong: readonly (readonly string[])[] = [
  ["zs-show-network", "eth0"],
  ["zs-show-network", "--yes"],
  ["zs-network-setting"],
  ["zs-network-setting", "eth0", "10.0.0.2", "24"],
  ["zs-network-setting", "-i", "-b", "eth0", "10.0.0.2", "24"],
  ["zs-network-setting", "-i", "-i", "eth0", "10.0.0.2", "24"],
  ["zs-network-setting", "-i", "eth0"],
  ["zs-network-setting", "-i", "eth0", "10.0.0.2"],
  ["zs-network-setting", "-i", "eth0", "10.0.0.300", "24"],
  ["zs-network-setting", "-i", "eth0", "010.0.0.2", "24"],
  ["zs-network-setting", "-i", "eth0", "10.0.0.2", "255.0.255.0"],
  ["zs-network-setting", "-i", "eth0", "10.0.0.2", "0.0.0.0"],
  ["zs-network-setting", "-i", "eth0", "10.0.0.2", "33"],
  ["zs-network-setting", "-i", "eth0", "10.0.0.2", "24", "10.0.0"],
  ["zs-network-setting", "-i", "eth0", "10.0.0.2", "24", "fd00::1"],
  ["zs-network-setting", "-i", "eth0", "fd00::2", "255.255.255.0"],
  ["zs-network-setting", "-i", "eth0", "10.0.0.2", "24", "10.0.0.1", "8.8.8.8"],
  ["zs-network-setting", "-i", "eth0/../../x", "10.0.0.2", "24"],
  ["zs-network-setting", "-i", "a-name-of-16-char", "10.0.0.2", "24"],
  ["zs-change-nic", "-c", "eth0"],
  ["zs-change-nic", "-c", "eth0", "a name"],
  ["zs-change-nic", "-c", "eth0", "0eth"],
  ["zs-change-nic", "-c", "eth0", "abcdefghijklmnop"],
  ["zs-change-nic", "-d", "eth0", "eth1"],
  ["zs-vlan", "-c", "eth0"],
  ["zs-vlan", "-c", "eth0", "0"],
  ["zs-vlan", "-c", "eth0", "4095"],
  ["zs-vlan", "-c", "eth0", "010"],
  ["zs-vlan", "-d", "eth0", "ten"],
  ["zs-bond-lacp", "bond0"],
  ["zs-bond-lacp", "-c"],
  ["zs-bond-lacp", "-c", "-d", "bond0"],
  ["zs-bond-ab", "-c", "bond0", "eth0"],
  ["zs-bond-ab", "-c", ".."],
  ["zs-nic-to-bond", "-a", "bond0"],
  ["zs-nic-to-bond", "-a", "bond0", "--", "-rf"],
  ["zs-vlan", "-c", "eth0", "10", "--seconds"],
  ["zs-vlan", "-c", "eth0", "10", "--seconds", "9"],
  ["zs-vlan", "-c", "eth0", "10", "--seconds=601"],
  ["zs-vlan", "-c", "eth0", "10", "--seconds", "1e2"],
  ["zs-vlan", "-c", "eth0", "10", "--yes=no"],
  ["zs-vlan", "-c", "eth0", "10", "--force"],
  ["zs-vlan", "-c", "eth0", ""],
  ["zs-vlan", "-c", "eth0\u001b[2J", "10"],
  ["zs-vlan", "-c", "eth\u202e0", "10"],
  ["zs-bond-lacp", "-c", "$(reboot)"],
  ["zs-bond-lacp", "-c", "b".repeat(100_000)],
];

test("each wrong usage says what is wrong with it, and how it is used, and ends with 2", async () => {
  const texts: string[] = [];
  for (const args of wrong) {
    const { code, stdout, stderr } = await runAlone(...args);
    assert.deepEqual([code, stdout], [2, ""], args.join(" "));
    const line = args.map((arg) => (/^[\w./-]{1,60}$/.test(arg) ? arg : JSON.stringify(arg.slice(0, 60)))).join(" ");
    texts.push(`$ ${line}\n${stderr}`);
  }
  await matches("wrong-usage.txt", texts.join("\n"));
});

test("a command that is none of them is told which there are", async () => {
  const { code, stdout, stderr } = await runAlone("zs-nonsense");
  assert.deepEqual([code, stdout], [2, ""]);
  assert.match(stderr, /^usage: .*zs-show-network, .*zs-nic-to-bond\n$/);
});

for (const command of commands)
  test(`${command.name} -h prints its help, whatever else is there`, async () => {
    const { code, stdout, stderr } = await runAlone(command.name, "-h");
    assert.deepEqual([code, stderr], [0, ""]);
    assert.equal(stdout, helpText(command));
    await matches(`${command.name}.help.txt`, stdout);
    assert.deepEqual(await runAlone(command.name, "nonsense", "--help"), { code: 0, stdout, stderr: "" });
    assert.ok(stdout.split("\n").every((line) => line.length <= 100));
  });

test("a command line that is wrong, or asks for help, loads little", async () => {
  await ensureBuilt();
  const files = [program];
  // What a bundle imports statically is loaded with it.
  for (const file of files)
    for (const [, name = ""] of readFileSync(file, "utf8").matchAll(
      /^(?:import|\} from) ?(?:.* from )?"(\.[^"]+)";$/gm,
    ))
      if (!files.includes(join(file, "..", name))) files.push(join(file, "..", name));
  assert.ok(files.length > 1);
  const bytes = files.reduce((sum, file) => sum + readFileSync(file).length, 0);
  assert.ok(bytes < 50_000, `${bytes} bytes in ${files.join(", ")}`);
});

test("no command line makes the reader of arguments fail in another way than wrong usage", () => {
  const parts = [
    "-c",
    "-d",
    "-i",
    "--",
    "-",
    "",
    "--yes",
    "--seconds",
    "--seconds=",
    "eth0",
    "10",
    "__proto__",
    "\u0000",
  ];
  for (const command of commands)
    for (const a of parts)
      for (const b of parts)
        for (const c of parts)
          try {
            readArguments(command, [a, b, c]);
          } catch (error) {
            assert.ok(error instanceof UsageError, String(error));
          }
});

test("the limits of the countdown are the contract's", () => {
  const [command] = commands.filter(({ name }) => name === "zs-vlan");
  assert.ok(command !== undefined);
  const seconds = (n: number) => readArguments(command, ["-c", "eth0", "1", "--seconds", String(n)]).seconds;
  assert.equal(seconds(countdown.leastSeconds), countdown.leastSeconds);
  assert.equal(seconds(countdown.mostSeconds), countdown.mostSeconds);
  assert.throws(() => seconds(countdown.leastSeconds - 1), UsageError);
  assert.throws(() => seconds(countdown.mostSeconds + 1), UsageError);
});

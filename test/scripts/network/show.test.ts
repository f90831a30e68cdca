import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { afterEach, test } from "node:test";
import { missingFacts } from "../../../core/model/facts.ts";
import { bondTable } from "../../../scripts/network/bond-table.ts";
import { kernelBonds } from "../../../scripts/network/kernel-bonds.ts";
import type { Replies } from "../../support/answering-agent.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { type Bed, network, networkBed, runAlone, transaction } from "./bed.ts";

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo();
});

const facts = {
  ...missingFacts({ code: "pending", detail: "" }, 0),
  neighbours: {
    state: "value" as const,
    at: 0,
    value: [
      { link: "p5p1", system: "switch-a", port: "Ethernet1/12" },
      { link: "eno1", system: "core\u001b[31m", port: "7" },
    ],
  },
};

async function newBed(replies: Replies = {}): Promise<Bed> {
  const bed = await networkBed({ network, facts, ...replies });
  cleanUp.push(() => bed.dispose());
  return bed;
}

const frame = "-".repeat(77);
const example = [
  frame,
  "| Bond Name | SLAVE(s)      | BONDING_OPTS                               |",
  frame,
  "| bond0     | p5p1          | miimon=100 mode=4 xmit_hash_policy=layer2+3 |",
  "|           | p5p2          |                                             |",
  frame,
];
const bond0 = {
  name: "bond0",
  legs: ["p5p1", "p5p2"],
  options: { mode: "4", xmit_hash_policy: "layer2+3", miimon: "100" },
};

test("the table of the bonds has the form that is known", () => {
  assert.deepEqual(bondTable([bond0]), example);
  assert.deepEqual(bondTable([]), example.slice(0, 3));
  assert.deepEqual(bondTable([{ name: "bond1", legs: [], options: { mode: "1", miimon: "100" } }]), [
    ...example.slice(0, 3),
    "| bond1     |               | miimon=100 mode=1                           |",
    frame,
  ]);
});

test("columns of the table widen for what is long in them", () => {
  const long = {
    name: "bond-of-storage",
    legs: ["enp65s0f0np0abc"],
    options: { ...bond0.options, primary_reselect: "x" },
  };
  assert.deepEqual(bondTable([bond0, long]), [
    "-".repeat(104),
    "| Bond Name       | SLAVE(s)        | BONDING_OPTS                                                  |",
    "-".repeat(104),
    "| bond0           | p5p1            | miimon=100 mode=4 xmit_hash_policy=layer2+3                    |",
    "|                 | p5p2            |                                                                |",
    "| bond-of-storage | enp65s0f0np0abc | miimon=100 mode=4 primary_reselect=x xmit_hash_policy=layer2+3 |",
    "-".repeat(104),
  ]);
});

test("links and addresses are shown as ip(8) shows them, then bonds, then switch ports", async () => {
  const bed = await newBed();
  const { code, stdout, stderr } = await bed.run("zs-show-network");
  assert.deepEqual([code, stderr], [0, ""]);
  const [links = "", rest] = stdout.split(`${frame}\n| Bond Name`);
  assert.match(links, /^1: lo: <LOOPBACK/);
  assert.match(links, /inet 127\.0\.0\.1\/8 scope host lo/);
  assert.equal(
    `${frame}\n| Bond Name${rest}`,
    [
      ...example,
      "Switch ports, as LLDP tells:",
      "p5p1  switch-a        Ethernet1/12",
      "eno1  core\\u{1b}[31m  7",
      "",
    ].join("\n"),
  );
});

test("a change that is under way is named, and so is what is configured by other means", async () => {
  const others = [{ link: "eno3", what: "Wi-Fi profile Guest" }];
  const theirs = transaction({ console: "tty1", phase: "waiting", remainingMs: 43_000 });
  const bed = await newBed({ network: { ...network, others, transaction: theirs } });
  const { stdout } = await bed.run("zs-show-network");
  assert.match(stdout, /\nUnder way: a change by tty1, begun \d+ s ago; it waits to be kept, 43 s left\.\n/);
  assert.match(stdout, /\neno3: configured by other means: Wi-Fi profile Guest\n$/);
  const ended = await newBed({ network: { ...network, transaction: transaction({ phase: "committed" }) } });
  assert.doesNotMatch((await ended.run("zs-show-network")).stdout, /Under way/);
});

test("--json prints one document with everything", async () => {
  const bed = await newBed();
  const { code, stdout, stderr } = await bed.run("zs-show-network", "--json");
  assert.deepEqual([code, stderr], [0, ""]);
  const { links, bonds, neighbours, configuration, others, transaction: change, ...more } = JSON.parse(stdout);
  assert.equal(links[0].ifname, "lo");
  assert.deepEqual(bonds, [bond0]);
  assert.deepEqual(neighbours, facts.neighbours.value);
  assert.deepEqual(configuration, network.configuration);
  assert.deepEqual([others, change, more], [[], null, {}]);
});

test("without an agent links and bonds are shown as the kernel has them, and it says so", async () => {
  const { code, stdout, stderr } = await runAlone("zs-show-network", "--socket", "/nonexistent/root.sock");
  assert.equal(code, 0);
  assert.match(stdout, /^1: lo: <LOOPBACK/);
  assert.ok(stdout.includes(example.slice(0, 3).join("\n")));
  assert.equal(
    stderr,
    "zs-show-network: No agent listens on /nonexistent/root.sock. The bonds are shown as the kernel has them. " +
      "See: systemctl status binnacle-agent\n",
  );
  const json = await runAlone("zs-show-network", "--json", "--socket", "/nonexistent/root.sock");
  const { error, configuration, links } = JSON.parse(json.stdout);
  assert.deepEqual([json.code, error.code, configuration, links[0].ifname], [0, "AGENT.ABSENT", null, "lo"]);
});

test("an agent that does not answer delays only the bonds", async () => {
  const bed = await newBed({ network: "silence" });
  const { code, stdout, stderr } = await bed.run("zs-show-network");
  assert.equal(code, 0);
  assert.match(stdout, /^1: lo: <LOOPBACK/);
  assert.match(stderr, /did not answer \/v1\/network within 5 s\. The bonds are shown as the kernel has them\./);
});

test("another user than root sees nothing but why", {
  skip: process.getuid?.() === 0 ? false : "only root can become another user",
}, async () => {
  const bed = await newBed();
  fs.chmodSync(bed.socket, 0o600);
  const folder = temporaryFolder();
  cleanUp.push(() => folder.dispose());
  fs.chmodSync(folder.path, 0o755);
  // The folder of the sources may be closed to others.
  const { program } = await import("./bed.ts");
  fs.cpSync(join(program, ".."), join(folder.path, "build"), { recursive: true });
  fs.writeFileSync(join(folder.path, "package.json"), '{ "type": "module" }');
  fs.chmodSync(join(bed.socket, ".."), 0o755);
  const node = join(folder.path, "node");
  fs.copyFileSync(process.execPath, node);
  for (const command of [["zs-show-network"], ["zs-vlan", "-c", "eno1", "10"]]) {
    const args = [join(folder.path, "build/zs-network.js"), ...command, "--socket", bed.socket];
    assert.throws(
      () => execFileSync(node, args, { uid: 65534, gid: 65534, cwd: "/", stdio: "pipe", encoding: "utf8" }),
      {
        status: 1,
        stdout: "",
        stderr: `${command[0]}: Only root may see and change the network of this node. Run it with sudo.\n`,
      },
    );
  }
});

test("the kernel's bonds are read from sysfs, with the options that their mode has", () => {
  const folder = temporaryFolder();
  cleanUp.push(() => folder.dispose());
  const write = (name: string, text: string) => {
    fs.mkdirSync(join(folder.path, name, ".."), { recursive: true });
    fs.writeFileSync(join(folder.path, name), text);
  };
  assert.deepEqual(kernelBonds(folder.path), []);
  write("bonding_masters", "bond0 bond1 gone\n");
  write("bond0/bonding/mode", "802.3ad 4\n");
  write("bond0/bonding/miimon", "100\n");
  write("bond0/bonding/xmit_hash_policy", "layer2+3 2\n");
  write("bond0/bonding/slaves", "p5p1 p5p2\n");
  write("bond1/bonding/mode", "active-backup 1\n");
  write("bond1/bonding/miimon", "0\n");
  write("bond1/bonding/xmit_hash_policy", "layer2 0\n");
  write("bond1/bonding/slaves", "\n");
  assert.deepEqual(kernelBonds(folder.path), [
    bond0,
    { name: "bond1", legs: [], options: { mode: "1", miimon: "0" } },
    { name: "gone", legs: [], options: { mode: "?" } },
  ]);
});

test("whoever reads only the beginning does not make it fail", async () => {
  const bed = await newBed();
  const { child, end } = bed.start("zs-show-network");
  child.stdout?.once("data", () => child.stdout?.destroy());
  const { code, stderr } = await end;
  assert.deepEqual([code, stderr.replace(/^.*Broken pipe.*$/gm, "")], [0, ""]);
});

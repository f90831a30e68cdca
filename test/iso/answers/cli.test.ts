import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, test } from "node:test";
import { runCommand } from "../../../core/node/command.ts";
import { projectRoot } from "../../../scripts/dev/source.ts";
import { answerFile, answersFolder } from "./fixtures.ts";

const cli = path.join(projectRoot, "iso/answers/cli.ts");
const right = answerFile("right", "management-least");
const noXorriso = fs.existsSync("/usr/bin/xorriso") ? false : "xorriso is not installed";
let folder = "";

before(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "binnacle-answers-"));
});
after(() => fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));

function answers(...args: string[]) {
  return runCommand(process.execPath, [cli, ...args], { timeoutMs: 60_000 });
}

async function xorriso(...args: string[]): Promise<string> {
  const run = await runCommand("xorriso", ["-no_rc", ...args], { timeoutMs: 60_000 });
  assert.equal(run.code, 0, run.stderr);
  return run.stdout;
}

/** A small image with the sign of the product and an El Torito boot image for BIOS. */
async function makeImage(name: string, sign = "manifest.json"): Promise<string> {
  const tree = path.join(folder, `${name}.tree`);
  fs.mkdirSync(path.join(tree, "binnacle"), { recursive: true });
  fs.writeFileSync(path.join(tree, "binnacle", sign), "{}\n");
  fs.writeFileSync(path.join(tree, "boot.img"), Buffer.alloc(2048, 0x90));
  const image = path.join(folder, name);
  const boot = ["-boot_image", "any", "bin_path=/boot.img", "-boot_image", "any", "load_size=2048"];
  await xorriso("-outdev", `stdio:${image}`, "-volid", "BINNACLE", "-map", tree, "/", ...boot);
  return image;
}

test("check says what a right file will do, and ends with 0", async () => {
  const run = await answers("check", right);
  assert.equal(run.code, 0, run.stderr);
  assert.match(run.stdout, /is in order[\s\S]*Role +management[\s\S]*Afterwards +reboot/);
});

test("check with a hardware report says which disk is meant", async () => {
  const run = await answers("check", right, "--hardware", path.join(answersFolder, "hardware/server.json"));
  assert.equal(run.code, 0, run.stderr);
  assert.match(run.stdout, /Disk +sdb/);
});

test("check tells the problems of a wrong file on standard error, and ends with 1", async () => {
  const run = await answers("check", answerFile("wrong", "role-misspelt"));
  assert.equal(run.code, 1);
  assert.equal(run.stdout, "");
  assert.match(run.stderr, /role-misspelt\.yaml:2:7: .*\n.*Did you mean management\?\n1 error: nothing/);
});

test("a file that is not there ends with 1", async () => {
  const run = await answers("check", path.join(folder, "none.yaml"));
  assert.equal(run.code, 1);
  assert.match(run.stderr, /none\.yaml/);
});

test("an endless file is refused for its size", async () => {
  const run = await answers("check", "/dev/zero");
  assert.equal(run.code, 1);
  assert.match(run.stderr, /1048577 bytes/);
});

test("wrong usage ends with 2 and the usage", async () => {
  for (const args of [
    [],
    ["check"],
    ["check", "a", "b"],
    ["into", "a", "b"],
    ["burn", "a"],
    ["check", "a", "--force"],
  ]) {
    const run = await answers(...args);
    assert.equal(run.code, 2, args.join(" "));
    assert.match(run.stderr, /Usage:/);
  }
});

test("into makes a bootable copy that holds the answers, and its checksum", { skip: noXorriso }, async () => {
  const image = await makeImage("plain.iso");
  const out = path.join(folder, "out.iso");
  const run = await answers("into", image, right, out);
  assert.equal(run.code, 0, run.stderr);
  const copy = path.join(folder, "copy.yaml");
  await xorriso("-osirrox", "on", "-indev", `stdio:${out}`, "-extract", "/binnacle/answers.yaml", copy);
  assert.deepEqual(fs.readFileSync(copy), fs.readFileSync(right));
  const boot = async (file: string) => {
    const report = await xorriso("-indev", `stdio:${file}`, "-report_el_torito", "plain");
    return report
      .split("\n")
      .filter((line) => /boot img :|path/.test(line))
      .map((line) => line.replace(/\d+$/, ""));
  };
  assert.notDeepEqual(await boot(image), []);
  assert.deepEqual(await boot(out), await boot(image));
  const sum = createHash("sha256").update(fs.readFileSync(out)).digest("hex");
  assert.equal(fs.readFileSync(`${out}.sha256`, "utf8"), `${sum}  out.iso\n`);
  assert.deepEqual(
    fs.readdirSync(folder).filter((file) => file.includes(".part")),
    [],
  );
});

test("into never overwrites, and takes only the product's images and right files", { skip: noXorriso }, async () => {
  const image = await makeImage("again.iso");
  const there = path.join(folder, "there.iso");
  fs.writeFileSync(there, "kept");
  const over = await answers("into", image, right, there);
  assert.equal(over.code, 1);
  assert.match(over.stderr, /exists already/);
  assert.equal(fs.readFileSync(there, "utf8"), "kept");

  const fresh = path.join(folder, "fresh.iso");
  const other = await answers("into", await makeImage("other.iso", "other.json"), right, fresh);
  assert.equal(other.code, 1);
  assert.match(other.stderr, /not an image of Binnacle/);
  const wrong = await answers("into", image, answerFile("wrong", "password-plain"), fresh);
  assert.equal(wrong.code, 1);
  assert.ok(!fs.existsSync(fresh) && !fs.existsSync(`${fresh}.sha256`));
});

import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import packageJson from "../../../package.json" with { type: "json" };
import { installPackages } from "../../../scripts/dev/test-packages.ts";
import { root } from "../../support/programs.ts";
import type { Line } from "../../support/vm/line.ts";
import type { Vm } from "../../support/vm/vm.ts";

/*
 * What the tests of the image share: the image itself, a walk through the installer, and a root shell on a node.
 */

export const rootPassword = "Harbour-light-42";
export const adminPassword = "Second-lighthouse-7";
/** Under emulation everything is some ten times slower; these only bound how long a failure takes. */
export const bootTimeoutMs = 600_000;
const installTimeoutMs = 900_000;
export const home = /NODE INFO[\s\S]*F12 Power/;

/** Why images can't be tested here; undefined when they can. */
export async function whyNot(): Promise<string | undefined> {
  if (process.arch !== "x64") return "the image is for x86_64 machines, and this one is not";
  if (process.getuid?.() !== 0) return "needs root, to build a file tree with its owners";
  const absent = [...(await installPackages("iso")), ...(await installPackages("long"))];
  return absent.length === 0 ? undefined : `needs the packages ${absent.map(({ name }) => name).join(", ")}`;
}

/** Builds the image of these sources, in a folder that outlives the tests. */
export function buildImage(): string {
  const out = path.join(os.tmpdir(), "binnacle-test-image");
  execFileSync(process.execPath, [path.join(root, "iso/build/main.ts"), "--out", out], {
    stdio: ["ignore", "ignore", "inherit"],
    timeout: 40 * 60_000,
  });
  return path.join(out, `binnacle-${packageJson.version}-x86_64.iso`);
}

export function emptyDisk(folder: string, name: string, size = "40G"): string {
  const file = path.join(folder, `${name}.qcow2`);
  execFileSync("qemu-img", ["create", "-q", "-f", "qcow2", file, size]);
  return file;
}

/** The image with an answer file in it. */
export function withAnswers(iso: string, answers: string, folder: string): string {
  const file = path.join(folder, "answers.yaml");
  const out = path.join(folder, "unattended.iso");
  fs.writeFileSync(file, answers);
  fs.rmSync(out, { force: true });
  execFileSync(process.execPath, [path.join(root, "iso/answers/cli.ts"), "into", iso, file, out], { stdio: "pipe" });
  return out;
}

/** Through all questions with Enter, as a technician in a hurry; only what has no default is typed. */
export async function enterAllTheWay(line: Line, disk: string): Promise<void> {
  const pages = [/1\/7/, /2\/7/, /3\/7/, /4\/7 Disk /, /4\/7 Disk layout[\s\S]*PARTITIONS/, /5\/7/];
  for (const page of pages) {
    await line.until((text) => page.test(text) && text.includes("F1 Help"), 120_000);
    await settled(line);
    line.type("\r");
  }
  await line.until(/6\/7[\s\S]*Continue/, 120_000);
  for (const text of [rootPassword, rootPassword, adminPassword, adminPassword]) {
    await settled(line);
    line.type(text);
    await settled(line);
    line.type("\t");
  }
  await settled(line);
  line.type("\r");
  await line.until(/7\/7[\s\S]*WILL BE ERASED/, 120_000);
  await settled(line);
  line.type(disk);
  await settled(line);
  line.type("\r");
  await line.until(/is installed on/, installTimeoutMs);
}

/** Nothing has been drawn for a moment: a page that is still being drawn would take a key for the one before. */
async function settled(line: Line): Promise<void> {
  for (;;) {
    const before = line.raw.length;
    await wait(700);
    if (line.raw.length === before) return;
  }
}

/** A root shell on the second serial line, by a login on the second terminal of the machine's screen. */
export async function openShell(vm: Vm, password = rootPassword): Promise<void> {
  await vm.screen.press("ctrl", "alt", "f2");
  await vm.screen.until("login:", 120_000);
  await vm.screen.type("root\n");
  await vm.screen.until("Password:", 60_000);
  await wait(1000);
  await vm.screen.type(`${password}\n`);
  await vm.screen.until(/root@\S+:~#/, 120_000);
  await vm.screen.type("setsid sh </dev/ttyS1 >/dev/ttyS1 2>&1 &\n");
  await wait(1000);
  await vm.shell.open(60_000);
}

let hash: string | undefined;
/** crypt(3) hash of the root password, as an answer file takes it. */
export function rootPasswordHash(): string {
  hash ??= execFileSync("openssl", ["passwd", "-6", "-stdin"], { input: `${rootPassword}\n`, encoding: "utf8" }).trim();
  return hash;
}

import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { volumeLabel } from "../../../iso/build/media.ts";
import packageJson from "../../../package.json" with { type: "json" };
import { emulator, root as rootUser, whyNot as whyNotOf } from "../../support/bed-needs.ts";
import { root } from "../../support/programs.ts";
import { Random } from "../../support/random.ts";
import type { Line } from "../../support/vm/line.ts";
import type { VmDisk, VmOptions } from "../../support/vm/options.ts";
import type { Vm } from "../../support/vm/vm.ts";

/*
 * What the tests of the image share: the image itself, a walk through the installer, and a root shell on a node.
 */

export const rootPassword = "Harbour-light-42";
export const adminPassword = "Second-lighthouse-7";
/** Under emulation everything is some ten times slower; these only bound how long a failure takes. */
export const bootTimeoutMs = 600_000;
export const installTimeoutMs = 900_000;
const pageTimeoutMs = 120_000;
const home = /NODE INFO[\s\S]*F12 Power/;
/** Whether a screen is the console's home, of a node whose role works. */
export function isHome(text: string, role = "Management Node"): boolean {
  return home.test(text) && text.includes(role) && !text.includes("Not ready");
}

/** Why images can't be tested here; undefined when they can. */
export function whyNot(): Promise<string | undefined> {
  return whyNotOf([emulator, rootUser], ["iso", "long"]);
}

type Build = { sources?: string; version?: string; out?: string; env?: Readonly<Record<string, string>> };

/** Builds the image of these sources, or of others; unless told otherwise in a folder that outlives the tests. */
export function buildImage(build: Build = {}): string {
  const { sources = root, version = packageJson.version, env } = build;
  const out = build.out ?? path.join(os.tmpdir(), "binnacle-test-image");
  execFileSync(process.execPath, [path.join(sources, "iso/build/main.ts"), "--out", out], {
    stdio: ["ignore", "ignore", "inherit"],
    timeout: 40 * 60_000,
    env: { ...process.env, ...env },
  });
  return path.join(out, `binnacle-${version}-x86_64.iso`);
}

const notSources = new Set([".git", "build", "test"]);

/** A copy of these sources, with the packages that they use, to build another image from. */
export function copySources(to: string): string {
  fs.cpSync(root, to, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (from) => !notSources.has(path.relative(root, from)),
  });
  return to;
}

/** The image of a later version: these sources with another version, and with what `change` does to them. */
export function buildLaterImage(folder: string, version: string, change?: (sources: string) => void): string {
  const sources = copySources(path.join(folder, `sources-${version}`));
  fs.writeFileSync(path.join(sources, "package.json"), JSON.stringify({ ...packageJson, version }));
  change?.(sources);
  return buildImage({ sources, version });
}

/** From 0 to 1, other ones in each run; BINNACLE_TEST_SEED gives those of a former run again. */
export function moments(t: TestContext, count: number): number[] {
  const seed = Number(process.env["BINNACLE_TEST_SEED"] ?? Date.now() % 1_000_000);
  t.diagnostic(`BINNACLE_TEST_SEED=${seed}`);
  const random = new Random(seed);
  return Array.from({ length: count }, () => random.below(1000) / 1000);
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
  for (const old of [out, `${out}.sha256`]) fs.rmSync(old, { force: true });
  execFileSync(process.execPath, [path.join(root, "iso/answers/cli.ts"), "into", iso, file, out], { stdio: "pipe" });
  return out;
}

/** What starts the medium's installer without its menu, with more words on the kernel's command line. */
export function installerKernel(iso: string, folder: string, words = ""): NonNullable<VmOptions["kernel"]> {
  const to = (name: string) => path.join(folder, name);
  for (const name of ["vmlinuz", "initrd.img"])
    execFileSync("xorriso", ["-osirrox", "on", "-indev", iso, "-extract", `/binnacle/${name}`, to(name)], {
      stdio: "pipe",
    });
  const medium = `binnacle.medium=${volumeLabel(packageJson.version)}`;
  const append = `boot=binnacle ${medium} binnacle.mode=install quiet console=ttyS0,115200n8 console=tty0 ${words}`;
  return { file: to("vmlinuz"), initrd: to("initrd.img"), append };
}

/** A small disk with a FAT file system labelled ANSWERS that holds the answer file, as on a USB stick. */
export function answersStick(folder: string, answers: string): VmDisk {
  const [file, text] = [path.join(folder, "stick.img"), path.join(folder, "answers.yaml")];
  fs.writeFileSync(text, answers);
  fs.rmSync(file, { force: true });
  execFileSync("mkfs.vfat", ["-C", "-n", "ANSWERS", file, "16384"], { stdio: "pipe" });
  execFileSync("mcopy", ["-i", file, text, "::/answers.yaml"], { stdio: "pipe" });
  return { file, bus: "usb", id: "answers" };
}

/** Through all questions with Enter, as a technician in a hurry; only what has no default is typed. */
export async function enterAllTheWay(line: Line, disk: string): Promise<void> {
  await toDiskPage(line);
  await fromDiskPage(line, disk);
  await line.until(/is installed on/, installTimeoutMs);
}

const diskPage = /4\/7 Disk /;

export async function toDiskPage(line: Line): Promise<void> {
  // Before the first page the medium boots, and looks at the hardware.
  await line.until(/1\/7/, bootTimeoutMs);
  for (const page of [/1\/7/, /2\/7/, /3\/7/]) await enterOn(line, page);
  await line.until((text) => diskPage.test(text) && text.includes("F1 Help"), pageTimeoutMs);
}

/** To the confirmation, and past it: the disk is being erased when this is done. */
export async function fromDiskPage(line: Line, disk: string): Promise<void> {
  for (const page of [diskPage, /4\/7 Disk layout[\s\S]*PARTITIONS/, /5\/7/]) await enterOn(line, page);
  await line.until(/6\/7[\s\S]*Continue/, pageTimeoutMs);
  for (const text of [rootPassword, rootPassword, adminPassword, adminPassword]) {
    await settled(line);
    line.type(text);
    await settled(line);
    line.type("\t");
  }
  await settled(line);
  line.type("\r");
  await line.until(/7\/7[\s\S]*WILL BE ERASED/, pageTimeoutMs);
  await settled(line);
  line.type(disk);
  await settled(line);
  line.type("\r");
}

async function enterOn(line: Line, page: RegExp): Promise<void> {
  await line.until((text) => page.test(text) && text.includes("F1 Help"), pageTimeoutMs);
  await settled(line);
  line.type("\r");
}

/** Nothing has been drawn for a moment: a page that is still being drawn would take a key for the one before. */
export async function settled(line: Line): Promise<void> {
  for (;;) {
    const before = line.raw.length;
    await wait(700);
    if (line.raw.length === before) return;
  }
}

/** A root shell on the second serial line, by a login on another terminal of the machine's screen. */
export async function signIn(vm: Vm, terminal = "f2", password = rootPassword): Promise<void> {
  await vm.screen.press("ctrl", "alt", terminal);
  // By the terminal's name: the one before may show a login as well, until the machine has changed over.
  await vm.screen.until(new RegExp(`tty${terminal.slice(1)}\\s+\\S+ login:`), 120_000);
  await vm.screen.type("root\n");
  await vm.screen.until("Password:", 60_000);
  await wait(1000);
  await vm.screen.type(`${password}\n`);
  await shellOnLine(vm);
}

/** The same on the medium, where nobody is asked for a password. */
export async function openMediumShell(vm: Vm): Promise<void> {
  await vm.screen.press("ctrl", "alt", "f2");
  await shellOnLine(vm);
}

async function shellOnLine(vm: Vm): Promise<void> {
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

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { access, link, rename, rm, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { pipeline } from "node:stream/promises";
import { NodeError } from "../../core/model/error.ts";
import { runCommand } from "../../core/node/command.ts";
import { errnoOf } from "../../core/node/durable.ts";

/** Where the installer looks for an answer file on the medium that it was booted from. */
export const answersOnMedium = "/binnacle/answers.yaml";
/** Lies on every image of the product. */
const signOfImage = "/binnacle/manifest.json";

const lookTimeoutMs = 60_000;
/** Writing some gigabytes to a slow disk. */
const writeTimeoutMs = 30 * 60_000;

/**
 * Makes a copy of an image that has the answer file on it and boots as the image does, and OUT.sha256 beside it. Paths
 * are absolute. OUT appears only when it is whole; neither file is ever overwritten.
 *
 * @throws NodeError ISO.NOT_AN_IMAGE, ISO.EXISTS, ISO.FAILED, and those of `runCommand`.
 */
export async function putIntoImage(image: string, answers: string, out: string): Promise<void> {
  const sum = `${out}.sha256`;
  for (const file of [out, sum]) if (await exists(file)) throw alreadyThere(file);
  await needImage(image);
  const part = `${out}.part-${process.pid}`;
  const args = ["-no_rc", "-return_with", "FAILURE", "32", "-indev", `stdio:${image}`, "-outdev", `stdio:${part}`];
  const change = ["-map", answers, answersOnMedium, "-chmod", "0444", answersOnMedium, "--"];
  try {
    const run = await runCommand("xorriso", [...args, ...change, "-boot_image", "any", "replay", "-commit"], {
      reason: "put an answer file into an image",
      timeoutMs: writeTimeoutMs,
    });
    if (run.code !== 0) throw failed(image, run.stderr);
    const digest = createHash("sha256");
    await pipeline(createReadStream(part), digest);
    await putInPlace(part, out);
    await writeFile(sum, `${digest.digest("hex")}  ${basename(out)}\n`, { flag: "wx" });
  } finally {
    await rm(part, { force: true });
  }
}

async function needImage(image: string): Promise<void> {
  const args = ["-no_rc", "-indev", `stdio:${image}`, "-find", signOfImage, "-exec", "echo", "--"];
  const found = await runCommand("xorriso", args, { reason: "look at an image", timeoutMs: lookTimeoutMs });
  if (found.code === 0 && found.stdout.includes(signOfImage)) return;
  throw new NodeError("ISO.NOT_AN_IMAGE", `${image} is not an image of Binnacle: it has no ${signOfImage}.`, {
    remedy: "Give the ISO file that npm run iso makes.",
  });
}

/** Unlike a rename, a link never replaces a file that has appeared in the meantime; FAT has none. */
async function putInPlace(part: string, out: string): Promise<void> {
  try {
    await link(part, out);
  } catch (error) {
    if (errnoOf(error) === "EEXIST") throw alreadyThere(out);
    if (errnoOf(error) !== "EPERM" && errnoOf(error) !== "ENOTSUP") throw error;
    await rename(part, out);
  }
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

function alreadyThere(file: string): NodeError {
  return new NodeError("ISO.EXISTS", `${file} exists already.`, { remedy: "Give another name, or remove it first." });
}

function failed(image: string, stderr: string): NodeError {
  const said = stderr.split("\n").filter((line) => /: (FAILURE|FATAL|SORRY) :/.test(line));
  const [first] = said.length > 0 ? said : ["it did not say why"];
  return new NodeError("ISO.FAILED", `xorriso could not write the copy of ${image}: ${first}.`, {
    remedy: "See whether the disk has room for another image, and whether the image is whole.",
  });
}

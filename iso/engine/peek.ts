import { mkdirSync, readdirSync, readFileSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCommand } from "../../core/node/command.ts";
import { plainLine } from "../../core/node/plain-text.ts";
import type { Look } from "./probe/disks.ts";
import { mountOptions } from "./probe/tools.ts";

/*
 * Part of the engine that runs in a process and a mount namespace of its own: it mounts a file system read-only, looks,
 * and ends. A disk that hangs holds this process only.
 */

const mountTimeoutMs = 15_000;

/** Mounts `device` without writing to it. The mount goes with the namespace. */
async function mountReadOnly(device: string, type: string): Promise<string> {
  // One folder for all: each process sees its own mount on it.
  const place = join(tmpdir(), "binnacle-look");
  mkdirSync(place, { recursive: true, mode: 0o700 });
  const options = `${mountOptions[type] ?? "ro"},nosuid,nodev,noexec`;
  const args = ["-t", type, "-o", options, device, place];
  const { code, stderr } = await runCommand("mount", args, { timeoutMs: mountTimeoutMs, reason: "look" });
  if (code !== 0) throw new Error(stderr.trim());
  return place;
}

/** An installed system on a file system, and how much of it is used. */
export async function peek(device: string, type: string): Promise<Look> {
  const place = await mountReadOnly(device, type);
  return { system: systemIn(place), usedBytes: usedBytes(place) };
}

/** The text of one file at the top of a file system; at most 1 MiB. */
export async function peekFile(device: string, type: string, name: string): Promise<string> {
  const text = readFileSync(join(await mountReadOnly(device, type), name), "utf8");
  if (text.length > 1024 * 1024) throw new Error(`${name} is longer than 1 MiB`);
  return text;
}

/** Name of the system that a mounted file system holds; null when it holds none that is known. */
export function systemIn(root: string): string | null {
  const versions = binnacleVersions(root);
  if (versions.length > 0) return `Binnacle ${versions.join(", ")}`;
  for (const name of ["etc/os-release", "usr/lib/os-release"]) {
    const text = readOr(join(root, name));
    const found = /^PRETTY_NAME=(?:"([^"\n]*)"|'([^'\n]*)'|(\S+))/m.exec(text);
    const pretty = found?.[1] ?? found?.[2] ?? found?.[3];
    if (pretty !== undefined) return plainLine(pretty, 80);
  }
  if (readOr(join(root, "EFI/Microsoft/Boot/BCD")) !== "") return "Windows (boot files)";
  return null;
}

function binnacleVersions(root: string): string[] {
  try {
    return readdirSync(join(root, "systems"))
      .filter((name) => readOr(join(root, "systems", name, "manifest.json")).includes('"Binnacle"'))
      .map((name) => plainLine(name, 30));
  } catch {
    return [];
  }
}

function readOr(file: string): string {
  try {
    return readFileSync(file, "utf8").slice(0, 64 * 1024);
  } catch {
    return "";
  }
}

function usedBytes(place: string): number | null {
  const { blocks, bfree, bsize } = statfsSync(place);
  return blocks === 0 ? null : (blocks - bfree) * bsize;
}

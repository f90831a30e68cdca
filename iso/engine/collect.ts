import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { NodeError } from "../../core/model/error.ts";
import type { Machine } from "../../core/node/machine.ts";
import { diskTree, walk } from "./probe/block-devices.ts";
import type { EngineState } from "./state.ts";

const httpTimeoutMs = 60_000;
/** File systems that a USB stick may have, and that this system writes. */
const writable = new Set(["vfat", "exfat", "ext2", "ext3", "ext4", "xfs"]);

/** What is collected: the log, the hardware and the answers; a draft's password hashes are no part of it. */
export function reportText(state: EngineState, now: number): string {
  const { version, phase, hardware, failure, refusal, medium, running, draft, log } = state;
  const answers = draft === null ? null : { ...draft, passwords: undefined };
  const report = {
    version,
    at: new Date(now).toISOString(),
    phase,
    step: running?.step ?? null,
    failure,
    refusal,
    medium,
  };
  return `${JSON.stringify({ ...report, answers, hardware }, null, 2)}\n\n${log.join("\n")}\n`;
}

/**
 * Puts the report on a partition of a USB stick (`sdb1`), or sends it by HTTP PUT. Gives where it is now.
 * @throws NodeError COLLECT.TARGET, COLLECT.FAILED
 */
export async function collect(
  { machine, work, signal }: { machine: Machine; work: string; signal: AbortSignal },
  to: string,
  state: EngineState,
): Promise<string> {
  const text = reportText(state, machine.now());
  const stamp = new Date(machine.now()).toISOString().slice(0, 19).replaceAll(/[-:]/g, "");
  const name = `binnacle-install-${stamp}.log`;
  return /^https?:\/\//.test(to) ? send(to, name, text, signal) : save(machine, work, to, name, text, state, signal);
}

/** To a folder (URL that ends in a slash) under the report's own name; else to the URL as it is. */
async function send(to: string, name: string, text: string, signal: AbortSignal): Promise<string> {
  let url: URL;
  try {
    url = new URL(to.endsWith("/") ? `${to}${name}` : to);
  } catch {
    throw new NodeError("COLLECT.TARGET", "This is no URL.", { remedy: "Give one such as http://192.0.2.1/logs/." });
  }
  const limit = AbortSignal.any([signal, AbortSignal.timeout(httpTimeoutMs)]);
  try {
    const headers = { "content-type": "text/plain; charset=utf-8" };
    const response = await fetch(url, { method: "PUT", body: text, headers, signal: limit });
    if (response.ok) return url.href;
    throw new NodeError("COLLECT.FAILED", `The server at ${url.host} answered ${response.status}.`, {
      remedy: "Look whether it takes uploads by PUT at this path.",
    });
  } catch (error) {
    if (error instanceof NodeError) throw error;
    throw new NodeError("COLLECT.FAILED", `${url.host} could not be reached.`, {
      remedy: "Look at the network, or take a USB stick.",
      cause: error,
    });
  }
}

/** Never to a disk that is being installed, nor to the medium, nor to anything that is mounted. */
async function save(
  machine: Machine,
  work: string,
  device: string,
  name: string,
  text: string,
  state: EngineState,
  signal: AbortSignal,
): Promise<string> {
  const tree = await diskTree(machine, signal);
  const chosen = [state.draft?.disk.disk, state.draft?.disk.mirror];
  const mediums = state.hardware?.disks.filter(({ unusable }) => unusable === "medium").map((disk) => disk.name) ?? [];
  const disk = tree.find((root) => walk(root).some((node) => node.name === device));
  const node = disk === undefined ? undefined : walk(disk).find((one) => one.name === device);
  const taken = disk === undefined || chosen.includes(disk.name) || mediums.includes(disk.name);
  if (node === undefined || taken || node.mounts.length > 0 || node.content === null || !writable.has(node.content))
    throw new NodeError("COLLECT.TARGET", `${device} is no free partition with a file system that can be written.`, {
      remedy: "Plug in a USB stick with a FAT or ext4 partition, and give its name, such as sdb1.",
    });
  const place = join(work, "stick");
  await mkdir(place, { recursive: true, mode: 0o700 });
  const run = async (command: string, args: readonly string[]) => {
    const { code, stderr } = await machine.run(command, args, { timeoutMs: 60_000, signal, reason: "collect" });
    if (code !== 0) throw new Error(stderr.trim());
  };
  try {
    await run("mount", ["-t", node.content, "-o", "nosuid,nodev,noexec", node.path, place]);
    try {
      await writeFile(join(place, name), text, { flush: true });
    } finally {
      await run("umount", [place]);
    }
  } catch (error) {
    throw new NodeError("COLLECT.FAILED", `The report could not be written to ${device}.`, {
      remedy: "Try another USB stick.",
      cause: error,
    });
  }
  return `${device}: ${name}`;
}

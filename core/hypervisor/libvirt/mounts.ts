import { NodeError } from "../../model/error.ts";
import { parseMountinfo } from "../../node/diagnostics/nfs.ts";
import type { Machine } from "../../node/machine.ts";
import type { StorageRoom } from "../driver.ts";
import { notMounted, silent } from "../shared-storage.ts";

export type FileMachine = Pick<Machine, "run" | "readFile">;

/** For one question to a file system that may hang. */
const askMs = 4_000;

export type Mounted = { type: string };

/** What is mounted at a folder; of several, one over the other, what is seen. Asks no server. */
export async function mountAt(machine: FileMachine, folder: string): Promise<Mounted | undefined> {
  const all = parseMountinfo(await machine.readFile("/proc/self/mountinfo"));
  return all.findLast(({ mount }) => mount === folder);
}

/** Folders of NFS below another one. */
export async function nfsMountsBelow(machine: FileMachine, folder: string): Promise<string[]> {
  const all = parseMountinfo(await machine.readFile("/proc/self/mountinfo"));
  return all.filter(({ mount, type }) => isNfs({ type }) && mount.startsWith(`${folder}/`)).map(({ mount }) => mount);
}

export function isNfs({ type }: Mounted): boolean {
  return type === "nfs" || type === "nfs4";
}

/**
 * Runs a command that looks at a file system which may hang: in a process of its own, which is given up after a while.
 * @param place for the error. @throws STORAGE.1055 when it does not end in its time
 */
export async function ask(
  machine: FileMachine,
  place: string,
  [command, ...args]: readonly [string, ...string[]],
  { signal, input, limitMs = askMs }: { signal?: AbortSignal | undefined; input?: string; limitMs?: number } = {},
) {
  const limits = { timeoutMs: limitMs, reason: "A storage", ...(signal === undefined ? {} : { signal }) };
  try {
    return await machine.run(command, args, { ...limits, ...(input === undefined ? {} : { input }) });
  } catch (error) {
    if (error instanceof NodeError && error.code === "RUN.TIMEOUT") throw silent(place, error);
    throw error;
  }
}

/**
 * The room of a file system. The server of a network one answers for this, whatever its client remembers.
 * @throws STORAGE.1055; STORAGE.1052 when it is gone; HYPERVISOR.FAILED
 */
export async function roomAt(machine: FileMachine, folder: string, signal?: AbortSignal): Promise<StorageRoom> {
  const words = ["stat", "--file-system", "--format=%S %b %a", "--", folder] as const;
  const { code, stdout, stderr } = await ask(machine, folder, words, { signal });
  const [blockBytes = Number.NaN, blocks = 0, free = 0] = stdout.trim().split(" ").map(Number);
  if (code === 0 && Number.isFinite(blockBytes))
    return { totalBytes: blockBytes * blocks, availableBytes: blockBytes * free };
  if (/No such file or directory/.test(stderr)) throw notMounted(folder);
  throw new NodeError("HYPERVISOR.FAILED", `The storage ${folder} can't be used on this host: ${lastWords(stderr)}.`, {
    remedy: "Look at the storage, and whether its file system is whole.",
    values: { folder },
  });
}

/** The last line that a command has complained with, to stand in a sentence. */
export function lastWords(stderr: string): string {
  const line = stderr.trim().split("\n").at(-1) ?? "";
  return line
    .replace(/^[\w./-]+: /, "")
    .replace(/\.$/, "")
    .slice(0, 300);
}

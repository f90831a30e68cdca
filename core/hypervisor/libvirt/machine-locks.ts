import { chmod, open, stat } from "node:fs/promises";
import { NodeError } from "../../model/error.ts";
import { parseMountinfo } from "../../node/diagnostics/nfs.ts";
import { errnoOf } from "../../node/durable.ts";
import type { Machine } from "../../node/machine.ts";
import type { MachineSpec } from "../driver.ts";
import { lastWords } from "./mounts.ts";

/*
 * QEMU locks the disks of a machine with fcntl(2), so that no other host opens them. On OCFS2 with the stack o2cb hosts do
 * not see these locks of each other, but those of flock(2): there QEMU is started by a script that holds such a lock on a
 * file beside the root volume for as long as QEMU lives, see iso/overlay/usr/lib/binnacle/qemu-locked.
 * Source: Linux, fs/ocfs2/file.c, ocfs2_fops_no_plocks; fs/ocfs2/locks.c.
 */

/** How hosts see on a file system that another one has a disk open. */
export type LockKind = "fcntl" | "flock";

const withFlockAlone: ReadonlySet<string> = new Set(["ocfs2"]);
/** What flock(1) is told to end with when another one has the lock; distinct from its own failures. */
const takenCode = 75;
/** A cluster file system asks all hosts. */
const tryMs = 10_000;

/** As many as the script takes. */
const mostFiles = 2;

/** `files`: one, or two for a machine that is rescued: of the disk that it starts from, and of its own root volume. */
export type MachineLock = { files: readonly string[]; emulator: string };

export type MachineLocksOptions = {
  machine: Pick<Machine, "run" | "readFile">;
  /** Where the script is; where the image has it unless told. */
  emulator?: string | undefined;
  /** Types of file systems that have flock(2) alone; OCFS2 unless told. */
  types?: ReadonlySet<string> | undefined;
};

export class MachineLocks {
  readonly #options: MachineLocksOptions;

  constructor(options: MachineLocksOptions) {
    this.#options = options;
  }

  /** What a machine is to be started with besides QEMU's own locks; undefined where these are enough. */
  async of({ disks: [first, ...others] }: MachineSpec): Promise<MachineLock | undefined> {
    if (first === undefined || (await this.kindAt(first.path)) === "fcntl") return undefined;
    const file = lockFileOf(first.path);
    const handle = await open(file, "a");
    await handle.close();
    // QEMU's user only reads it: the agent's umask would keep it out.
    await chmod(file, 0o644);
    const files = [file];
    // A volume that a machine has started from has such a file, and no other volume.
    for (const { path } of others) if (await isThere(lockFileOf(path))) files.push(lockFileOf(path));
    return { files: files.slice(0, mostFiles), emulator: this.#options.emulator ?? "/usr/lib/binnacle/qemu-locked" };
  }

  /** Asks no storage, which may hang: only what is mounted. */
  async kindAt(path: string): Promise<LockKind> {
    const all = parseMountinfo(await this.#options.machine.readFile("/proc/self/mountinfo"));
    const isBelow = (mount: string) => path.startsWith(mount.endsWith("/") ? mount : `${mount}/`);
    // Of several at one place the last one is seen.
    const found = all
      .filter(({ mount }) => isBelow(mount))
      .reduce<(typeof all)[number] | undefined>(
        (longest, each) => (each.mount.length >= (longest?.mount.length ?? 0) ? each : longest),
        undefined,
      );
    return found !== undefined && (this.#options.types ?? withFlockAlone).has(found.type) ? "flock" : "fcntl";
  }

  /**
   * Whether the machine that has this volume as its root runs, on any host.
   * @throws HYPERVISOR.FAILED when that can't be found out: nothing may be done to the volume then
   */
  async isHeld(volumePath: string): Promise<boolean> {
    const file = lockFileOf(volumePath);
    if (!(await isThere(file))) return false;
    const found = await tryFlock(this.#options.machine, file);
    if (typeof found === "string") return found === "held";
    throw new NodeError(
      "HYPERVISOR.FAILED",
      `Whether ${file} is locked can't be found out: ${lastWords(found.failed)}.`,
      {
        remedy: "Look at the storage on this host.",
        values: { file },
      },
    );
  }
}

/** What can't be looked at counts as there: whoever opens it then finds out why. */
function isThere(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    (error: unknown) => errnoOf(error) !== "ENOENT" && errnoOf(error) !== "ENOTDIR",
  );
}

export function lockFileOf(volumePath: string): string {
  return `${volumePath}.lock`;
}

/** The words of a command that keeps a file locked while another one runs; it never waits for the lock. */
export function flockWords(file: string, words: readonly string[]): [string, ...string[]] {
  return ["flock", "--exclusive", "--nonblock", "--no-fork", `--conflict-exit-code=${takenCode}`, file, ...words];
}

/** @returns `failed` with what the command said when it can't be tried */
export async function tryFlock(
  machine: Pick<Machine, "run">,
  file: string,
  signal?: AbortSignal,
): Promise<"held" | "free" | "absent" | { failed: string }> {
  // Opened by the shell: flock(1) itself would make a file that is not there.
  const script = `exec 9<"$1" && exec flock --exclusive --nonblock --conflict-exit-code=${takenCode} 9`;
  const { code, stderr } = await machine.run("sh", ["-c", script, "sh", file], {
    timeoutMs: tryMs,
    ...(signal === undefined ? {} : { signal }),
  });
  if (code === 0) return "free";
  if (code === takenCode) return "held";
  if (/No such file|cannot open/.test(stderr)) return "absent";
  return { failed: stderr };
}

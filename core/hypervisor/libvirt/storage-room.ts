import { statfs } from "node:fs/promises";
import { NodeError } from "../../model/error.ts";
import type { Machine } from "../../node/machine.ts";
import { checkVolumePath, type StoragePlace, type StorageRoom } from "../driver.ts";
import { makeVolumeFolder } from "./folder.ts";

/** As {@link HypervisorDriver.storage}. @throws HYPERVISOR.FAILED, HYPERVISOR.BAD_PATH */
export async function storageRoom(machine: Pick<Machine, "run">, { type, path }: StoragePlace): Promise<StorageRoom> {
  if (type !== "LocalStorage" && type !== "SharedMountPoint")
    throw new NodeError("HYPERVISOR.FAILED", `This version can't use storage of the type ${type}.`, {
      remedy: "Use local storage or a shared mount point.",
    });
  checkVolumePath(path);
  if (type === "SharedMountPoint") await requireMounted(machine, path);
  try {
    await makeVolumeFolder(path);
    const { bsize, blocks, bavail } = await statfs(path);
    return { totalBytes: bsize * blocks, availableBytes: bsize * bavail };
  } catch (error) {
    throw new NodeError("HYPERVISOR.FAILED", `The storage ${path} can't be used on this host.`, {
      remedy: "Look at its disk, and whether it is mounted.",
      cause: error,
    });
  }
}

/** Without its file system a folder of this name lies on the host's own disk, which no other host has. */
async function requireMounted(machine: Pick<Machine, "run">, path: string): Promise<void> {
  const { code } = await machine.run("mountpoint", ["-q", "--", path], { timeoutMs: 10_000 });
  if (code === 0) return;
  throw new NodeError("HYPERVISOR.FAILED", `Nothing is mounted at ${path} on this host.`, {
    remedy: "Mount the shared file system there, then connect the host anew (ReconnectHost).",
    values: { path },
  });
}

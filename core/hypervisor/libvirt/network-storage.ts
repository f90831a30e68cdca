import { chmod, mkdir, rmdir } from "node:fs/promises";
import { CloudError } from "../../model/cloud/refusal.ts";
import { placeRefusal } from "../../model/cloud/storage-place.ts";
import { NodeError } from "../../model/error.ts";
import type { StoragePlace, StorageRoom } from "../driver.ts";
import { networkStorageFolder, notMountable, notTheStorage, notWritable, type StorageMark } from "../shared-storage.ts";
import { makeVolumeFolder } from "./folder.ts";
import { ask, type FileMachine, isNfs, lastWords, mountAt, nfsMountsBelow, roomAt } from "./mounts.ts";

/** A server that is not there lets mount.nfs wait for minutes. */
const mountMs = 12_000;

/**
 * `hard`: while its server is gone QEMU waits; with `soft` its guests would see errors of their disks, and lose what
 * they have written. `vers=4` begins with 4.2 and takes the newest that the server has; NFS 3 keeps locks in a service of
 * its own, which forgets them. What another host has made is to be found at once: `lookupcache=positive`.
 */
const options = "vers=4,proto=tcp,hard,retry=0,lookupcache=positive,nodev,nosuid";
/** mount.nfs has a transport of its own for IPv6. */
const optionsFor = (source: string) => (source.startsWith("[") ? options.replace("proto=tcp", "proto=tcp6") : options);

/** Storages of NFS servers, mounted by this host. The agent itself never touches a file of them here: commands do. */
export class NetworkStorage {
  readonly #machine: FileMachine;
  readonly #root: string;

  /** @param root {@link networkStorageFolder} unless told */
  constructor(machine: FileMachine, root = networkStorageFolder) {
    this.#machine = machine;
    this.#root = root;
  }

  /** The folder of the storage that a path is below; undefined when it is below none. */
  folderOf(path: string): string | undefined {
    if (!path.startsWith(`${this.#root}/`)) return undefined;
    const uuid = path.slice(this.#root.length + 1).split("/", 1)[0] ?? "";
    return /^[\da-f]{32}$/.test(uuid) ? `${this.#root}/${uuid}` : undefined;
  }

  /**
   * Mounts a storage where it is not mounted yet, and sees that it is the right one and can be written to.
   * @throws STORAGE.1006, STORAGE.1051 to STORAGE.1055
   */
  async connect({ url, path, mark }: StoragePlace, signal: AbortSignal): Promise<StorageRoom> {
    const refusal = placeRefusal("NFS", url);
    if (refusal !== undefined) throw new CloudError(refusal);
    if (mark === undefined || path !== `${this.#root}/${mark.uuid}`)
      throw new NodeError("HYPERVISOR.BAD_PATH", `${path} is not the place of a network storage.`, {
        remedy: "Upgrade the manager.",
      });
    const wasMounted = await this.#mount(url, path, signal);
    try {
      const room = await roomAt(this.#machine, path, signal);
      await this.#prove(url, path, mark, signal);
      return room;
    } catch (error) {
      // What is not the storage is left alone only where something may be using it.
      if (!wasMounted) await this.#unmount(path).catch(() => undefined);
      throw error;
    }
  }

  /** That a folder is the storage that it is named by, and answers. @throws STORAGE.1052, STORAGE.1054, STORAGE.1055 */
  async require(folder: string): Promise<void> {
    await roomAt(this.#machine, folder);
    const uuid = folder.slice(this.#root.length + 1);
    if (!(await this.#isMarked(folder, uuid))) throw notTheStorage(folder, "has no mark of this storage");
  }

  /** Lets go of all storages but these. One that something uses stays. */
  async keepOnly(uuids: readonly string[]): Promise<void> {
    for (const folder of await nfsMountsBelow(this.#machine, this.#root))
      if (this.folderOf(folder) === folder && !uuids.includes(folder.slice(this.#root.length + 1)))
        await this.#unmount(folder).catch(() => undefined);
  }

  /** @returns whether it was mounted already */
  async #mount(url: string, path: string, signal: AbortSignal): Promise<boolean> {
    const found = await mountAt(this.#machine, path);
    if (found !== undefined && !isNfs(found)) throw notTheStorage(path, `is a file system of type ${found.type}`);
    if (found !== undefined) return true;
    await mkdir(this.#root, { recursive: true, mode: 0o711 });
    await makeVolumeFolder(path);
    await chmod(this.#root, 0o711);
    const source = sourceOf(url);
    const words = ["mount", "-t", "nfs4", "-o", optionsFor(source), "--", source, path] as const;
    const { code, stderr } = await ask(this.#machine, url, words, { signal, limitMs: mountMs });
    const now = await mountAt(this.#machine, path);
    if (code !== 0 && now === undefined) {
      await rmdir(path).catch(() => undefined);
      throw notMountable(url, lastWords(stderr));
    }
    if (now === undefined || !isNfs(now)) throw notMountable(url, "the kernel does not show it afterwards");
    return false;
  }

  async #unmount(path: string): Promise<void> {
    const { code } = await ask(this.#machine, path, ["umount", "--", path], { limitMs: mountMs });
    if (code === 0) await rmdir(path);
  }

  /** By a file that root writes: what it can do there, and that the folder is the storage. */
  async #prove(url: string, path: string, { uuid, isNew }: StorageMark, signal: AbortSignal): Promise<void> {
    const machineId = (await this.#machine.readFile("/etc/machine-id")).trim().slice(0, 32);
    const probe = `${path}/.binnacle-probe-${machineId}`;
    const run = (...words: [string, ...string[]]) => ask(this.#machine, url, words, { signal });
    const isMarked = await this.#isMarked(path, uuid);
    if (!isMarked && !isNew) throw notTheStorage(url, "is another folder than before: it has no mark of this storage");
    const written = await ask(this.#machine, url, ["tee", "--", probe], { signal, input: `${uuid}\n` });
    const isFull = /No space left|Disk quota/.test(written.stderr);
    if (written.code !== 0 && !isFull) throw notWritable(url, lastWords(written.stderr));
    try {
      const { stdout } = await run("stat", "--format=%u %a", "--", probe, path);
      const [owner, , , mode] = stdout.split(/\s+/);
      if (owner !== "0") throw notWritable(url, `the server gives what root writes to the user ${owner} (root_squash)`);
      if ((Number.parseInt(mode ?? "0", 8) & 1) === 0)
        throw notWritable(url, `its mode ${mode} lets QEMU's user not through`);
      if (isMarked) return;
      const synced = isFull ? written : await run("sync", "--", probe);
      const linked = synced.code === 0 ? await run("ln", "-T", "--", probe, markOf(path, uuid)) : synced;
      // Another host may have been faster.
      if (linked.code !== 0 && !(await this.#isMarked(path, uuid))) throw notWritable(url, lastWords(linked.stderr));
      await run("sync", "--", path);
    } finally {
      await run("rm", "-f", "--", probe).catch(() => undefined);
    }
  }

  async #isMarked(folder: string, uuid: string): Promise<boolean> {
    const words = ["head", "--bytes=64", "--", markOf(folder, uuid)] as const;
    const { code, stdout } = await ask(this.#machine, folder, words);
    return code === 0 && stdout.trim() === uuid;
  }
}

/** Each storage that an export is has its own: one that is removed and added again is another one. */
function markOf(folder: string, uuid: string): string {
  return `${folder}/.binnacle-storage-${uuid}`;
}

/** In the form that the kernel shows. */
function sourceOf(url: string): string {
  const at = url.indexOf(":/");
  return `${url.slice(0, at)}:${url
    .slice(at + 1)
    .replace(/\/+/g, "/")
    .replace(/(?<=.)\/$/, "")}`;
}

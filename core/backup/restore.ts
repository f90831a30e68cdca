import { mkdir, mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { NodeError } from "../model/error.ts";
import type { Backups } from "./backups.ts";
import { type Comparison, compareBackups } from "./compare.ts";
import {
  type Content,
  keepAuthority,
  type Place,
  presentFingerprint,
  putInPlace,
  requireAlone,
  type Standing,
  whatStands,
} from "./place.ts";
import { type UnpackedBackup, unpackBackup } from "./read.ts";
import { finishReplacement, isReplacing } from "./replace.ts";
import { noteRestored } from "./restored-note.ts";
import { isAtWork, removeBackup } from "./shelf.ts";
import { backUpStandingStore, hasStore } from "./standing.ts";

/** Everything beside the files by which a backup is restored. */
export type RestoreWorld = Place & {
  /** Whether the manager of this node runs. */
  isRunning(): Promise<boolean>;
  /** A backup that the running manager makes. */
  askBackup: Backups["make"];
  stop(): Promise<void>;
  /** Resolves when the manager answers. @throws when it does not in its time */
  start(): Promise<void>;
  /** The authority is another one: what the node itself shows is made anew. */
  authorityChanged(): Promise<void>;
  log(line: string): void;
  /** Whether to go on, when everything is known. */
  confirm(told: { chosen: UnpackedBackup; comparison: Comparison; standing: Standing }): Promise<boolean>;
};

export type Restored = { isDone: boolean; safety: string | undefined };

const workFolder = /^\.restore-(\d+)-/;

/**
 * Restores a backup: checks it whole, backs up what is there, asks, stops the manager, replaces, starts, and goes back to
 * what was there when the manager does not answer then.
 *
 * @throws as `unpackBackup` and `makeBackup`; BACKUP.RESTORING; STORE.LOCKED; BACKUP.OTHER_MANAGERS;
 *   BACKUP.NOT_RESTORED: all is as it was; BACKUP.NOT_BACK: it is not
 */
export async function restoreBackup(file: string, world: RestoreWorld): Promise<Restored> {
  const folder = dirname(world.configuration["store.file"]);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const left = await leftovers(folder, world.now());
  const wasRunning = await world.isRunning();
  // One that fails is started again and again: it must not find half of a store.
  if (!wasRunning) await world.stop();
  // Of a store that is open, the manager has done so itself.
  if (!wasRunning && (await finishReplacement(folder))) world.log("A restore that was cut off is finished.");
  // Only now: what a restore that was killed had still to put in place lies there.
  for (const name of left) await rm(join(folder, name), { recursive: true, force: true });
  const work = await mkdtemp(join(folder, `.restore-${process.pid}-`));
  try {
    world.log("Checking the backup");
    const chosen = await unpackBackup(file, await subfolder(work, "chosen"));
    const first = await safetyOf(world, wasRunning);
    const present = first.file === undefined ? undefined : await unpackBackup(first.file, await subfolder(work, "now"));
    const comparison = compareBackups(chosen, present, await presentFingerprint(world));
    if (!(await world.confirm({ chosen, comparison, standing: first }))) return { isDone: false, safety: first.file };

    const isOther = comparison.authority === "other";
    const way = { first, wasRunning, work, isOther };
    const { safety, back } = await readyToReplace(world, way).catch(async (error: unknown) => {
      // Nothing has changed yet but that the manager does not run.
      if (wasRunning) await world.start();
      throw error;
    });
    try {
      world.log("Putting the backup in place");
      await noteRestored(storeIn(chosen), world.now());
      const authority = isOther ? { authority: join(work, "chosen") } : {};
      await putInPlace(world, { store: storeIn(chosen), ...authority }, work);
      if (isOther) await world.authorityChanged();
      world.log("Starting the manager");
      await world.start();
    } catch (error) {
      await goBack(world, { content: back, safety, work, wasRunning }, error);
    }
    return { isDone: true, safety: safety.file };
  } finally {
    // What has not been put in place yet is needed by whoever finishes it.
    if (!(await isReplacing(folder))) await rm(work, { recursive: true, force: true });
  }
}

/** Folders of restores that were killed. @throws BACKUP.RESTORING while another one runs */
async function leftovers(folder: string, now: number): Promise<string[]> {
  const left: string[] = [];
  for (const name of await readdir(folder)) {
    const pid = workFolder.exec(name)?.[1];
    if (pid === undefined) continue;
    const found = await stat(join(folder, name)).catch(() => undefined);
    if (found !== undefined && isAtWork(Number(pid), found.mtimeMs, now))
      throw new NodeError("BACKUP.RESTORING", `A backup is being restored already (PID ${pid}).`, {
        remedy: "Wait until it has ended.",
        values: { pid: Number(pid) },
      });
    left.push(name);
  }
  return left;
}

type Way = { first: Standing; wasRunning: boolean; work: string; isOther: boolean };

/** Stops the manager, and gathers all that the way back needs. */
async function readyToReplace(
  world: RestoreWorld,
  { first, wasRunning, work, isOther }: Way,
): Promise<{ safety: Standing; back: Content }> {
  if (wasRunning) {
    world.log("Stopping the manager");
    await world.stop();
  }
  await requireAlone(world);
  // What was changed while somebody thought about the question is in the second one.
  const safety = wasRunning ? await safetyOf(world, false) : first;
  if (safety.file !== first.file) await removeBackup(first.file);
  const store = safety.state === "sound" ? await storeOf(safety.file, await subfolder(work, "before")) : safety;
  if (!isOther) return { safety, back: { store } };
  const authority = await subfolder(work, "authority");
  await keepAuthority(world, authority);
  return { safety, back: { store, authority } };
}

async function subfolder(work: string, name: string): Promise<string> {
  const folder = join(work, name);
  await mkdir(folder, { mode: 0o700 });
  return folder;
}

/** What this version can't copy, but can put aside as it is. */
const unreadableStores = ["STORE.DAMAGED", "STORE.HALF_RESTORED", "STORE.NEWER_SCHEMA"];

/** A backup of what is there; of a store that can't be read, its files under another name. */
async function safetyOf(world: RestoreWorld, isRunning: boolean): Promise<Standing> {
  if (!isRunning && !(await hasStore(world.configuration))) return { state: "none", file: undefined };
  world.log("Backing up what is there");
  try {
    const { configuration, configurationFile, hostname, version, now } = world;
    const place = { configuration, configurationFile, hostname, version, now };
    const { backup } = await (isRunning ? world.askBackup() : backUpStandingStore(place));
    return { state: "sound", file: backup.file };
  } catch (error) {
    const isBroken = error instanceof NodeError && unreadableStores.includes(error.code);
    if (isRunning || !isBroken) throw error;
    return whatStands(world, error);
  }
}

async function storeOf(file: string, folder: string): Promise<string> {
  return storeIn(await unpackBackup(file, folder));
}

function storeIn({ files }: UnpackedBackup): string {
  const copy = files["store.db"];
  if (copy === undefined) throw new Error("A checked backup has no store.");
  return copy;
}

type Back = { content: Content; safety: Standing; work: string; wasRunning: boolean };

async function goBack(
  world: RestoreWorld,
  { content, safety, work, wasRunning }: Back,
  error: unknown,
): Promise<never> {
  const why = (error instanceof Error ? error.message : String(error)).replace(/\.$/, "");
  world.log(`That failed: ${why}.`);
  world.log("Going back to what was there");
  try {
    await world.stop();
    await putInPlace(world, content, work);
    if (content.authority !== undefined) await world.authorityChanged();
    if (wasRunning) await world.start();
  } catch (second) {
    const more = second instanceof Error ? second.message : String(second);
    throw new NodeError("BACKUP.NOT_BACK", `The backup was not restored (${why}), nor what was there (${more}).`, {
      remedy:
        safety.file === undefined
          ? "See: journalctl -b -u binnacle-manager"
          : `What was there is in ${safety.file}: zstack-ctl restore_mysql -f that file`,
      cause: second,
    });
  }
  throw new NodeError("BACKUP.NOT_RESTORED", `The backup was not restored: ${why}. All is as it was before.`, {
    remedy: "See: journalctl -b -u binnacle-manager",
    cause: error,
  });
}

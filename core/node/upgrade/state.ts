import { readdir, readFile, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { consolesOf, type GrubMenu, isVersion } from "../../model/grub-config.ts";
import { readOrNothing } from "../machine.ts";
import { type BootEnvironment, bootedVersion, parseBootEnvironment } from "../role/boot-trial.ts";
import { bootParts, manifestName, systemParts, unfinished } from "./manifest.ts";
import type { InstalledSystems, InstalledVersion } from "./plan.ts";
import { problem } from "./problem.ts";
import type { UpgradePaths, UpgradeWorld } from "./world.ts";

/** What is known of a node's systems, and what its boot menu is made of. */
export type Found = { systems: InstalledSystems; menu: Omit<GrubMenu, "versions"> };

/**
 * Looks at the disk of an installed node.
 *
 * @throws NodeError UPGRADE.NOT_INSTALLED, UPGRADE.EXPERT, UPGRADE.BOOT_MENU
 */
export async function findSystems(world: UpgradeWorld): Promise<Found> {
  const { machine, paths } = world;
  const commandLine = (await readOrNothing(machine, "/proc/cmdline")) ?? "";
  const running = bootedVersion(commandLine);
  const rootUuid = /(?:^|\s)binnacle\.root=UUID=([0-9A-Fa-f-]+)/.exec(commandLine)?.[1];
  const disk = await mountOf(world, paths.disk);
  if (running === undefined || rootUuid === undefined || disk === undefined)
    throw problem(
      "UPGRADE.NOT_INSTALLED",
      "This machine was not started from an installed Binnacle system.",
      "Install it from the image; an upgrade is for installed nodes. -r keeps the image for other nodes.",
    );
  // Its own packages lie over the system: another one below them would fit to none of them.
  if (/(?:^|\s)binnacle\.overlay=root(?:\s|$)/.test(commandLine))
    throw problem(
      "UPGRADE.EXPERT",
      "An expert node keeps its whole root, which an image can't replace.",
      "Upgrade its packages with apt, or install it anew.",
    );
  const boot = await mountOf(world, paths.boot);
  if (boot === undefined)
    throw problem("UPGRADE.NO_BOOT", `Nothing is mounted at ${paths.boot}.`, "Mount it: mount /boot. Then try again.");
  const environment = await bootEnvironment(paths);
  const readOnly = [disk, boot].find(({ isReadOnly }) => isReadOnly);
  return {
    systems: {
      running,
      ...trialOf(environment),
      ...(await versionsOf(paths)),
      free: { systemBytes: await freeBytes(paths.disk), bootBytes: await freeBytes(paths.boot) },
      readOnly: readOnly?.place,
      backup: await backupOf(paths),
    },
    menu: {
      rootUuid,
      bootUuid: await bootUuid(paths, boot),
      consoles: consolesOf(commandLine),
      canCount: !boot.source.startsWith("/dev/md"),
      // Such a node is refused before anything is written.
      isExpert: false,
    },
  };
}

export async function bootEnvironment(paths: UpgradePaths): Promise<BootEnvironment> {
  return parseBootEnvironment(await readFile(paths.bootEnvironment, "utf8").catch(() => ""));
}

/** Who is started, as the boot environment says. */
export function trialOf(environment: BootEnvironment): Pick<InstalledSystems, "default" | "trial" | "failed"> {
  const version = environment.get("trial_version");
  return {
    default: environment.get("default_version"),
    trial: version === undefined ? undefined : { version, left: Number(environment.get("trial_left") ?? 0) || 0 },
    failed: environment.get("failed_version"),
  };
}

type Mount = { place: string; source: string; uuid: string | null; isReadOnly: boolean };

const mountTable = z.object({
  filesystems: z.array(z.object({ source: z.string(), uuid: z.string().nullable(), options: z.string() })),
});

/** What is mounted at a place; undefined when nothing is. */
async function mountOf({ machine }: UpgradeWorld, place: string): Promise<Mount | undefined> {
  const args = ["--json", "--output", "SOURCE,UUID,OPTIONS", "--mountpoint", place];
  const { code, stdout } = await machine.run("findmnt", args, { timeoutMs: 10_000, reason: "where the systems lie" });
  if (code !== 0) return undefined;
  // The newest of several is the one that is seen.
  const found = mountTable.parse(JSON.parse(stdout)).filesystems.at(-1);
  if (found === undefined) return undefined;
  const { source, uuid, options } = found;
  return { place, source, uuid, isReadOnly: options.split(",").includes("ro") };
}

/** As the present menu says, for that is known to work; else as the mounted file system says. */
async function bootUuid({ bootMenu }: UpgradePaths, { uuid }: Mount): Promise<string> {
  const text = await readFile(bootMenu, "utf8").catch(() => "");
  const found = /^search --no-floppy --fs-uuid --set=root ([0-9A-Fa-f-]+)$/m.exec(text)?.[1] ?? uuid ?? undefined;
  if (found !== undefined) return found;
  throw problem(
    "UPGRADE.BOOT_MENU",
    `${bootMenu} is damaged, and the file system that it lies on does not tell its UUID.`,
    "Look at both: findmnt /boot; cat /boot/grub/grub.cfg. A new one needs a line: search --fs-uuid --set=root UUID",
  );
}

async function versionsOf(paths: UpgradePaths): Promise<Pick<InstalledSystems, "installed" | "leftovers">> {
  const systems = await namesIn(paths.systems);
  const boots = await namesIn(paths.boot);
  const versions = [...new Set([...systems, ...boots])].filter((name) => isVersion(name) && !name.endsWith(unfinished));
  const installed: InstalledVersion[] = [];
  for (const version of versions) {
    const system = await sizesOf(join(paths.systems, version), [...systemParts, manifestName]);
    const boot = await sizesOf(join(paths.boot, version), bootParts);
    // A list that is absent stops nothing from starting.
    const isComplete = system.found.includes(systemParts[0]) && boot.found.length === bootParts.length;
    installed.push({ version, systemBytes: system.bytes, bootBytes: boot.bytes, isComplete });
  }
  return {
    installed,
    leftovers: {
      systemBytes: await leftIn(paths.systems, systems, [...systemParts, manifestName]),
      bootBytes: await leftIn(paths.boot, boots, bootParts),
    },
  };
}

async function leftIn(folder: string, names: readonly string[], parts: readonly string[]): Promise<number> {
  let bytes = 0;
  for (const name of names.filter((each) => each.endsWith(unfinished)))
    bytes += (await sizesOf(join(folder, name), parts)).bytes;
  return bytes;
}

async function sizesOf(folder: string, parts: readonly string[]): Promise<{ bytes: number; found: string[] }> {
  let bytes = 0;
  const found: string[] = [];
  for (const part of parts) {
    const known = await stat(join(folder, part)).catch(() => undefined);
    if (known?.isFile() !== true || known.size === 0) continue;
    bytes += known.size;
    found.push(part);
  }
  return { bytes, found };
}

export async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}

export async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

async function backupOf({ manager, backups }: UpgradePaths): Promise<InstalledSystems["backup"]> {
  if ((await stat(manager).catch(() => undefined)) === undefined) return undefined;
  return { newestAt: await newestBackup(backups) };
}

/** When the newest backup in this folder was made, in milliseconds since the epoch; undefined when there is none. */
export async function newestBackup(backups: string): Promise<number | undefined> {
  const times: number[] = [];
  for (const name of await namesIn(backups)) {
    const found = await stat(join(backups, name)).catch(() => undefined);
    if (found?.isFile() === true && found.size > 0) times.push(found.mtimeMs);
  }
  return times.length === 0 ? undefined : Math.max(...times);
}

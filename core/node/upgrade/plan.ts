import { isNewer, newestFirst } from "../../model/version.ts";
import { inWords, problem } from "./problem.ts";

/** A version of the system on the disk. `isComplete`: all of its parts are there. */
export type InstalledVersion = { version: string; systemBytes: number; bootBytes: number; isComplete: boolean };

/** What is known of a node's systems. Sizes are bytes; `free` is what may still be written. */
export type InstalledSystems = {
  running: string;
  /** `default_version` of the boot environment. */
  default: string | undefined;
  trial: { version: string; left: number } | undefined;
  failed: string | undefined;
  installed: readonly InstalledVersion[];
  /** What unfinished upgrades left behind: it is removed first. */
  leftovers: { systemBytes: number; bootBytes: number };
  free: { systemBytes: number; bootBytes: number };
  /** The first place that can't be written; undefined when all can. */
  readOnly: string | undefined;
  /** Backups of the cloud's store; undefined where there is no store. */
  backup: { newestAt: number | undefined } | undefined;
};

/** What an image needs. */
export type NeededRoom = { version: string; systemBytes: number; bootBytes: number };

export type UpgradePlan = {
  version: string;
  /** What is started when the trial fails. */
  former: string;
  /** Versions to remove first, oldest first. */
  remove: readonly string[];
  /** The boot menu while the new version is not there yet, and with it; newest first. */
  menuBefore: readonly string[];
  menu: readonly string[];
};

const dayMs = 24 * 3600_000;
/** Left free beside the new system, so that the node can go on writing. */
const reserve = { systemBytes: 256 * 1024 * 1024, bootBytes: 8 * 1024 * 1024 };

/**
 * Whether and how a node can be upgraded to an image. Pure; `now` in milliseconds since the epoch.
 *
 * @throws NodeError UPGRADE.READ_ONLY, UPGRADE.TRIAL_PENDING, UPGRADE.ON_TRIAL, UPGRADE.NOT_NEWER, UPGRADE.NO_FALLBACK,
 * UPGRADE.NO_BACKUP, UPGRADE.NO_SPACE
 */
export function planUpgrade(systems: InstalledSystems, image: NeededRoom, now: number): UpgradePlan {
  if (systems.readOnly !== undefined)
    throw problem(
      "UPGRADE.READ_ONLY",
      `${systems.readOnly} can only be read.`,
      "A file system with errors is mounted so: look at journalctl -k, then restart the node, which checks its disk.",
      { place: systems.readOnly },
    );
  requireNoTrial(systems);
  requireNewer(systems, image.version);
  const former = fallback(systems);
  requireBackup(systems, now);
  return withRoom(systems, image, former);
}

function requireNoTrial({ trial, running }: InstalledSystems): void {
  if (trial === undefined) return;
  if (trial.version === running)
    throw problem(
      "UPGRADE.ON_TRIAL",
      `The running version ${running} is still on trial: its role check has not passed.`,
      "Wait until it has, or restart the node so that the former version comes back.",
      { version: running },
    );
  if (trial.left > 0)
    throw problem(
      "UPGRADE.TRIAL_PENDING",
      `An upgrade to ${trial.version} is complete and waits for a restart.`,
      "Restart the node. To give that upgrade up: zstack-upgrade --cancel",
      { version: trial.version },
    );
}

function requireNewer(systems: InstalledSystems, version: string): void {
  const [present = systems.running] = newestFirst([systems.running, systems.default ?? systems.running]);
  if (isNewer(version, present)) return;
  const [relation, remedy] = isNewer(present, version)
    ? ["older than", "Give a newer image. A former version that is still there can be chosen in the boot menu."]
    : ["the same as", "There is nothing to upgrade."];
  throw problem("UPGRADE.NOT_NEWER", `The image's version ${version} is ${relation} this node's, ${present}.`, remedy, {
    version,
    present,
  });
}

/** The version that is known to work and stays the default. */
function fallback({ default: named, running, installed }: InstalledSystems): string {
  const isThere = (version: string) => installed.some((one) => one.version === version && one.isComplete);
  const found = [named ?? running, running].find(isThere);
  if (found !== undefined) return found;
  throw problem(
    "UPGRADE.NO_FALLBACK",
    `Files of the running version ${running} are absent from the disk: there would be nothing to fall back to.`,
    `Look into /boot/${running} and /run/binnacle-image/disk/systems/${running}; the image of ${running} has the files.`,
    { version: running },
  );
}

function requireBackup({ backup }: InstalledSystems, now: number): void {
  if (backup === undefined) return;
  const { newestAt } = backup;
  if (newestAt !== undefined && now - newestAt < dayMs) return;
  const found =
    newestAt === undefined
      ? "There is no backup of the store"
      : `The newest backup of the store is ${Math.floor((now - newestAt) / 3600_000)} hours old`;
  throw problem(
    "UPGRADE.NO_BACKUP",
    `${found}; an upgrade needs one of the last 24 hours.`,
    "Make a backup of the store first: F2, Backup Database.",
  );
}

function withRoom(systems: InstalledSystems, image: NeededRoom, former: string): UpgradePlan {
  const { installed, leftovers, free } = systems;
  const kept = keptVersions(systems, former);
  const isKept = ({ version }: InstalledVersion) => kept.has(version);
  // A former attempt of the same version may have been cut off anywhere: it is made anew.
  const stale = installed.filter((one) => !isKept(one) && (!one.isComplete || one.version === image.version));
  const removable = installed.filter((one) => !isKept(one) && !stale.includes(one));
  const oldestFirst = newestFirst(removable.map(({ version }) => version)).reverse();

  const remove = stale.map(({ version }) => version);
  const missing = () => {
    const gone = installed.filter(({ version }) => remove.includes(version));
    const short = (place: "systemBytes" | "bootBytes") =>
      image[place] + reserve[place] - (free[place] + leftovers[place] + gone.reduce((sum, one) => sum + one[place], 0));
    return { systemBytes: short("systemBytes"), bootBytes: short("bootBytes") };
  };
  for (const version of oldestFirst) {
    const { systemBytes, bootBytes } = missing();
    if (systemBytes <= 0 && bootBytes <= 0) break;
    remove.push(version);
  }
  requireRoom(image, missing());

  const menuBefore = newestFirst(
    installed.filter((one) => one.isComplete && !remove.includes(one.version)).map(({ version }) => version),
  );
  return {
    version: image.version,
    former,
    remove,
    menuBefore,
    menu: newestFirst([image.version, ...menuBefore]),
  };
}

/** The running version, the default, and the newest complete one before them, to which a person may go back. */
function keptVersions({ running, installed, failed }: InstalledSystems, former: string): Set<string> {
  const before = installed.filter(
    ({ version, isComplete }) => isComplete && version !== failed && isNewer(running, version) && version !== former,
  );
  const [previous] = newestFirst(before.map(({ version }) => version));
  return new Set([running, former, ...(previous === undefined ? [] : [previous])]);
}

function requireRoom(image: NeededRoom, missing: { systemBytes: number; bootBytes: number }): void {
  const places = [
    ["systemBytes", "the root partition", "Remove what is not needed from /var, /root and /home."],
    ["bootBytes", "/boot", "Remove from /boot what is not the system's own."],
  ] as const;
  for (const [place, name, remedy] of places) {
    if (missing[place] <= 0) continue;
    const neededBytes = image[place] + reserve[place];
    const freeBytes = Math.max(neededBytes - missing[place], 0);
    throw problem(
      "UPGRADE.NO_SPACE",
      `The new system needs ${inWords(neededBytes)} on ${name}, where ${inWords(freeBytes)} can be had.`,
      remedy,
      { place: name, neededBytes, freeBytes },
    );
  }
}

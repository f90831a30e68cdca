import { join } from "node:path";
import { type GrubMenu, grubConfig, trialStarts } from "../../model/grub-config.ts";
import { emptyBootJournal } from "../boot-journal.ts";
import { formatBootEnvironment } from "../role/boot-trial.ts";
import type { CopyOptions } from "./disk.ts";
import { type Image, requireSame } from "./image.ts";
import { bootParts, manifestName, systemParts, unfinished } from "./manifest.ts";
import type { UpgradePlan } from "./plan.ts";
import { doing } from "./problem.ts";
import { bootEnvironment, namesIn } from "./state.ts";
import type { UpgradeWorld } from "./world.ts";

export type Installation = {
  world: UpgradeWorld;
  plan: UpgradePlan;
  menu: Omit<GrubMenu, "versions">;
  image: Image;
  options: CopyOptions;
  log: (line: string) => void;
};

/**
 * Adds the image's system beside the running one. The order is what keeps the node bootable at any moment: a folder gets
 * its name when all in it is on the disk, the boot menu names a version while its files are there, and what is started
 * changes with the last write, of the boot environment.
 *
 * @throws NodeError UPGRADE.DAMAGED, UPGRADE.FAILED; or what aborted it
 */
export async function install(installation: Installation): Promise<void> {
  const { world, plan, image, options, log } = installation;
  const { disk, paths } = world;
  await removeOld(installation);
  const places = [
    { folder: join(paths.systems, plan.version), parts: [...systemParts, manifestName] },
    { folder: join(paths.boot, plan.version), parts: [...bootParts] },
  ];
  try {
    for (const { folder, parts } of places) {
      await doing(`Making ${folder}`, () => disk.makeFolder(folder + unfinished));
      for (const name of parts) {
        log(`Copying ${name}`);
        const to = join(folder + unfinished, name);
        const sum = await doing(`Copying ${name}`, () => disk.copy(image.pathOf(name), to, options));
        const expected = image.manifest.files[name]?.sha256;
        if (expected !== undefined) requireSame(name, expected, sum);
      }
    }
  } catch (error) {
    for (const { folder } of places) await disk.remove(folder + unfinished).catch(() => undefined);
    throw error;
  }
  for (const { folder } of places) await doing(`Naming ${folder}`, () => disk.rename(folder + unfinished, folder));
  await activate(installation);
}

/** A version is out of the menu before its files go, and its folders are leftovers as soon as they are touched. */
async function removeOld({ world, plan, menu, log }: Installation): Promise<void> {
  const { disk, paths } = world;
  const folders = [paths.systems, paths.boot];
  await removeLeftovers(world);
  if (plan.remove.length === 0) return;
  await keepDefault(world, plan);
  await doing("Writing the boot menu", () =>
    disk.write(paths.bootMenu, grubConfig({ ...menu, versions: plan.menuBefore })),
  );
  await emptyBootJournal(world.machine, paths.boot);
  for (const version of plan.remove) {
    log(`Removing the former version ${version}`);
    for (const folder of folders) {
      if (!(await namesIn(folder)).includes(version)) continue;
      const aside = join(folder, version + unfinished);
      await doing(`Removing ${version}`, () => disk.rename(join(folder, version), aside));
      await doing(`Removing ${version}`, () => disk.remove(aside));
    }
  }
}

async function removeLeftovers({ disk, paths }: UpgradeWorld): Promise<void> {
  for (const folder of [paths.systems, paths.boot])
    for (const name of await namesIn(folder))
      if (name.endsWith(unfinished)) await doing(`Removing ${name}`, () => disk.remove(join(folder, name)));
}

/** Without a default GRUB starts the first of the menu, which is about to be the new version. */
async function keepDefault({ disk, paths }: UpgradeWorld, { former }: UpgradePlan): Promise<void> {
  const environment = await bootEnvironment(paths);
  if (environment.get("default_version") === former) return;
  const next = new Map(environment).set("default_version", former);
  await doing("Writing the boot environment", () => disk.write(paths.bootEnvironment, formatBootEnvironment(next)));
}

async function activate({ world, plan, menu, options, log }: Installation): Promise<void> {
  const { disk, paths } = world;
  await keepDefault(world, plan);
  options.signal.throwIfAborted();
  log("Writing the boot menu");
  await doing("Writing the boot menu", () => disk.write(paths.bootMenu, grubConfig({ ...menu, versions: plan.menu })));
  const before = await bootEnvironment(paths);
  const next = new Map(before).set("trial_version", plan.version).set("trial_left", String(trialStarts));
  next.delete("failed_version");
  const write = (environment: typeof before) =>
    doing("Writing the boot environment", () => disk.write(paths.bootEnvironment, formatBootEnvironment(environment)));
  await write(next);
  await emptyBootJournal(world.machine, paths.boot);
  if (!options.signal.aborted) return;
  // Called off while it was written: what is called off must not start.
  await write(before);
  await emptyBootJournal(world.machine, paths.boot);
  options.signal.throwIfAborted();
}

import { emptyBootJournal } from "../boot-journal.ts";
import type { Jobs } from "../jobs.ts";
import { formatBootEnvironment } from "../role/boot-trial.ts";
import { requireNoneRunning } from "./job.ts";
import { doing, problem } from "./problem.ts";
import { bootEnvironment, findSystems } from "./state.ts";
import type { UpgradeWorld } from "./world.ts";

/**
 * Gives up an upgrade that waits for a restart: the next one starts the default again, or the running version where
 * none is named. What was installed stays in the boot menu until the next upgrade makes room. Returns both versions.
 *
 * @throws NodeError UPGRADE.NONE_PENDING, UPGRADE.ON_TRIAL, UPGRADE.RUNNING, UPGRADE.FAILED, and those of `findSystems`
 */
export async function cancelUpgrade(jobs: Jobs, world: UpgradeWorld): Promise<{ cancelled: string; starts: string }> {
  requireNoneRunning(jobs);
  const { running, default: starts = running, trial } = (await findSystems(world)).systems;
  if (trial?.version === running)
    throw problem(
      "UPGRADE.ON_TRIAL",
      `The running version ${running} is the one on trial.`,
      "Restart the node and choose the former version in the boot menu.",
      { version: running },
    );
  if (trial === undefined || trial.left === 0)
    throw problem("UPGRADE.NONE_PENDING", "No upgrade waits for a restart.", "See: zstack-upgrade --status");
  const { disk, paths } = world;
  // Without a default GRUB starts the first of the menu, which is what is given up.
  const next = new Map(await bootEnvironment(paths)).set("default_version", starts);
  next.delete("trial_version");
  next.delete("trial_left");
  await doing("Writing the boot environment", () => disk.write(paths.bootEnvironment, formatBootEnvironment(next)));
  await emptyBootJournal(world.machine, paths.boot);
  return { cancelled: trial.version, starts };
}

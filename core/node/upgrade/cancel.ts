import { upgradeJob } from "../../model/upgrade.ts";
import { emptyBootJournal } from "../boot-journal.ts";
import type { Jobs } from "../jobs.ts";
import { formatBootEnvironment } from "../role/boot-trial.ts";
import { problem } from "./problem.ts";
import { bootEnvironment, findSystems } from "./state.ts";
import type { UpgradeWorld } from "./world.ts";

/**
 * Gives up an upgrade that waits for a restart: the next one starts the default again. What was installed stays in the
 * boot menu until the next upgrade makes room. Returns both versions.
 *
 * @throws NodeError UPGRADE.NONE_PENDING, UPGRADE.ON_TRIAL, UPGRADE.RUNNING, and those of `findSystems`
 */
export async function cancelUpgrade(
  jobs: Jobs,
  world: UpgradeWorld,
): Promise<{ cancelled: string; starts: string | undefined }> {
  if (jobs.list().some(({ kind, state }) => kind === upgradeJob && state === "running"))
    throw problem("UPGRADE.RUNNING", "An upgrade runs.", "Stop it instead: F2, Jobs.");
  const { running, default: starts, trial } = (await findSystems(world)).systems;
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
  const next = new Map(await bootEnvironment(paths));
  next.delete("trial_version");
  next.delete("trial_left");
  await disk.write(paths.bootEnvironment, formatBootEnvironment(next));
  await emptyBootJournal(world.machine, paths.boot);
  return { cancelled: trial.version, starts };
}

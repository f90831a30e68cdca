import { NodeError } from "../../model/error.ts";
import type { UpgradeStatus } from "../../model/upgrade.ts";
import { compareVersions } from "../../model/version.ts";
import type { InstalledSystems } from "./plan.ts";
import { keptImages } from "./repository.ts";
import { findSystems } from "./state.ts";
import type { UpgradeWorld } from "./world.ts";

/** The versions on this node's disk, and which of them is started. */
export async function upgradeStatus(world: UpgradeWorld): Promise<UpgradeStatus> {
  const systems = await findSystems(world).then(
    (found) => found.systems,
    (error: unknown) => {
      if (error instanceof NodeError) return undefined;
      throw error;
    },
  );
  const repository = await keptImages(world.paths);
  return { ...(systems === undefined ? notInstalled : statusOf(systems)), repository };
}

const notInstalled = { imageBased: false, running: null, default: null, trial: null, failed: null, installed: [] };

/** Pure. A trial that has no start left, and is not what runs, has failed: GRUB starts the default again. */
export function statusOf(systems: InstalledSystems): Omit<UpgradeStatus, "repository"> {
  const { running, trial, failed, installed } = systems;
  const isRunning = trial?.version === running;
  const isOn = trial !== undefined && (isRunning || trial.left > 0);
  return {
    imageBased: true,
    running,
    default: systems.default ?? null,
    trial: isOn ? { ...trial, isRunning } : null,
    failed: failed ?? (isOn ? null : (trial?.version ?? null)),
    installed: installed
      .filter(({ isComplete }) => isComplete)
      .map(({ version, systemBytes, bootBytes }) => ({ version, sizeBytes: systemBytes + bootBytes }))
      .sort((a, b) => compareVersions(b.version, a.version)),
  };
}

import { isAbsent } from "../../api/manager-door.ts";
import { NodeError } from "../../model/error.ts";
import {
  type CloudAtStake,
  mostTaskNames,
  type ServiceAccepts,
  type ServiceAction,
  type ServiceUnit,
  type StoreLook,
  stakesOf,
} from "../../model/service.ts";
import { isDown, managerUnit } from "./units.ts";
import type { ServiceWorld } from "./world.ts";

/** A client waits ten seconds for the whole answer. */
const askMs = 4_000;
const openTasks = "state?=Waiting,Running,Cancelling";

/** What of the cloud is hit when the manager stops now; null in a preview, which has no manager. */
export async function readAtStake(
  { manager, effects }: Pick<ServiceWorld, "manager" | "effects">,
  units: readonly ServiceUnit[],
): Promise<CloudAtStake | null> {
  if (effects.mode === "preview") return null;
  try {
    return await manager.calls(askMs, async (calls) => {
      const summary = await calls.call("GetManagementSummary", {});
      const { total = 0, inventories } = await calls.call("QueryTask", {
        q: [openTasks],
        limit: mostTaskNames,
        replyWithCount: true,
      });
      const { hosts, virtualMachines } = summary;
      return {
        state: "known",
        hosts: { total: hosts.total, connected: hosts.byStatus["Connected"] ?? 0 },
        machines: { total: virtualMachines.total, running: virtualMachines.byState["Running"] ?? 0 },
        tasks: { total, names: inventories.flatMap(({ name }) => (typeof name === "string" ? [name] : [])) },
      };
    });
  } catch (error) {
    const unit = units.find((each) => each.unit === managerUnit);
    const isDownNow = unit === undefined || isDown(unit);
    if (isAbsent(error)) return isDownNow ? { state: "stopped" } : { state: "silent", why: "nothing listens yet" };
    return { state: "silent", why: error instanceof Error ? error.message.replace(/\.$/, "") : "it does not answer" };
  }
}

/**
 * Nothing of the cloud may be lost or interrupted without a word: what the person was told must be all of it.
 *
 * @throws SERVICE.MANAGER_SILENT, SERVICE.MORE_AT_STAKE
 */
export function requireTold(
  action: ServiceAction,
  cloud: CloudAtStake | null,
  store: StoreLook | null,
  { told, silentManager }: ServiceAccepts,
): void {
  if (action === "start") return;
  if (cloud?.state === "silent" && !silentManager)
    throw new NodeError("SERVICE.MANAGER_SILENT", `The manager does not say what would be hit: ${cloud.why}.`, {
      remedy: "Try again in a moment, or agree to interrupt what nobody can name.",
      values: { why: cloud.why },
    });
  const now = stakesOf(cloud, store);
  const isMore = now.tasks > told.tasks || (action === "resetDrop" && isMoreIn(now, told));
  if (!isMore) return;
  throw new NodeError("SERVICE.MORE_AT_STAKE", "More would be hit than was said: nothing was done.", {
    remedy: "Look at what it hits, and decide again.",
    values: { ...now },
  });
}

function isMoreIn(now: ServiceAccepts["told"], told: ServiceAccepts["told"]): boolean {
  return now.hosts > told.hosts || now.machines > told.machines;
}

import { valueOf } from "../../model/reading.ts";
import type { ServiceAction, ServiceImpact } from "../../model/service.ts";
import { type ImpactView, impactOf } from "../power.ts";
import { readAtStake } from "./at-stake.ts";
import { refusalOf } from "./refusals.ts";
import { limitsMs } from "./run.ts";
import { readService } from "./units.ts";
import type { ServiceWorld } from "./world.ts";

/** What an action of the ZStack service would hit, and why it may not be begun. */
export async function serviceImpactOf(
  world: ServiceWorld,
  action: ServiceAction,
  view: ImpactView,
  running: string | undefined,
): Promise<ServiceImpact> {
  const signal = AbortSignal.timeout(8_000);
  const known = await readService(world, signal);
  const refusal = refusalOf(action, known, running);
  const machines = valueOf(view.facts.virtualMachines)?.list ?? null;
  const isRefused = refusal !== null;
  const [cloud, store] = await Promise.all([
    isRefused ? null : readAtStake(world, known.units),
    isRefused || action !== "resetDrop" ? null : world.store.look(signal),
  ]);
  return {
    ...impactOf(view),
    action,
    refusal,
    units: known.units,
    machineNames: machines?.filter(({ state }) => state === "running").map(({ name }) => name) ?? null,
    limitSeconds: limitsMs[action] / 1000,
    cloud,
    store,
  };
}

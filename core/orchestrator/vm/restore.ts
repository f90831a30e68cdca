import { CloudError } from "../../model/cloud/refusal.ts";
import { NodeError } from "../../model/error.ts";
import type { Flow } from "../flow/flow.ts";
import { end } from "./life.ts";
import { ends, placeAgain, type VmData } from "./run.ts";
import { machineSpec } from "./spec.ts";
import { held, hostOf, look, memoryMs, memoryStepMs, tell, type VmWorld } from "./work.ts";

/* A suspended machine goes on where its memory is kept: on the host that it was on, when that has room for it. */

/** `hostUuid`: that host. `placedUuid`: the same, once its CPU and memory are kept for the machine. */
type RestoreData = VmData & { placedUuid?: string };

export function restoreVmFlow(world: VmWorld): Flow<RestoreData> {
  return {
    name: "restoreVm",
    steps: [
      {
        name: "allocate",
        title: "Keeping room on its host",
        cancellable: true,
        async run(data) {
          let placedUuid = "";
          await world.allocator.allocate((tx, round) => {
            placedUuid = placeAgain(tx, round, data);
          });
          return { data: { placedUuid } };
        },
      },
      {
        name: "restore",
        title: "Reading its memory from the disk",
        timeoutMs: memoryStepMs,
        async run(data, env) {
          const machine = held(world, data);
          const command = { do: "restoreMachine", machine: machineSpec(look(world), machine) } as const;
          await tell(world, hostOf(world, placeOf(data)), command, env, { graceMs: memoryMs(machine) });
          return undefined;
        },
        // It may run, if only the answer got lost: then its memory is kept again.
        async undo(data, env) {
          const machine = held(world, data);
          const command = { do: "suspendMachine", uuid: data.vmUuid } as const;
          const how = { graceMs: memoryMs(machine) };
          await tell(world, hostOf(world, placeOf(data)), command, env, how).catch((error: unknown) => {
            if (!isNotRunning(error)) throw error;
          });
          return undefined;
        },
      },
    ],
    ...ends<RestoreData>((tx, data) => void end(tx, data, "done")),
  };
}

/** Nothing of it runs, and nothing was kept: its disks are what there is. */
function isNotRunning(error: unknown): boolean {
  const cause = error instanceof CloudError ? error.cause : error;
  return cause instanceof NodeError && cause.code === "HYPERVISOR.NOT_RUNNING";
}

function placeOf({ vmUuid, placedUuid }: RestoreData): string {
  if (placedUuid === undefined) throw new Error(`${vmUuid} has no place.`);
  return placedUuid;
}

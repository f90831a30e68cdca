import { CloudError } from "../../model/cloud/refusal.ts";
import { NodeError } from "../../model/error.ts";
import type { Flow } from "../flow/flow.ts";
import { end } from "./life.ts";
import { ends, placeOf, placing, type StartData } from "./run.ts";
import { machineSpec } from "./spec.ts";
import { held, hostOf, look, memoryMs, memoryStepMs, tell, type VmWorld } from "./work.ts";

/* A suspended machine goes on where its memory is kept: on the host that it was on, when that has room for it. */

export function restoreVmFlow(world: VmWorld): Flow<StartData> {
  return {
    name: "restoreVm",
    steps: [
      placing(world, "Keeping room on its host"),
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
    ...ends<StartData>((tx, data) => void end(tx, data, "done")),
  };
}

/** Nothing of it runs, and nothing was kept: its disks are what there is. */
function isNotRunning(error: unknown): boolean {
  const cause = error instanceof CloudError ? error.cause : error;
  return cause instanceof NodeError && cause.code === "HYPERVISOR.NOT_RUNNING";
}

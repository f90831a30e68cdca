import type { Flow } from "../flow/flow.ts";
import { requireAllSeen } from "../hosts/unseen.ts";
import type { Tx } from "../records.ts";
import type { Round } from "./allocator.ts";
import { noteSeedLeft } from "./guest-data.ts";
import { end, endFailed, type Held, isHolder } from "./life.ts";
import { moveRequest } from "./move-request.ts";
import { held, look, lostHold, tell, type VmWorld } from "./work.ts";

/** `sourceUuid`: the host that it was on last; null for none. */
export type MigrateColdData = Held & { wantedUuid: string | null; sourceUuid: string | null; placedUuid?: string };

/** Moves a stopped machine whose volumes are on shared storage: it starts on its last host, which becomes another one. */
export function migrateColdFlow(world: VmWorld): Flow<MigrateColdData> {
  return {
    name: "migrateVmCold",
    steps: [
      {
        name: "allocate",
        title: "Choosing a host",
        cancellable: true,
        async run(data) {
          let placedUuid = "";
          await world.allocator.allocate((tx, round) => {
            placedUuid = placeElsewhere(tx, round, data);
          });
          return { data: { placedUuid } };
        },
      },
      {
        name: "forget",
        title: "Taking it off its former host",
        cancellable: true,
        async run(data, env) {
          held(world, data);
          const source = data.sourceUuid === null ? undefined : look(world).get("Host", data.sourceUuid);
          // It is stopped: that it can't be forgotten there now is no reason to leave it there.
          if (source?.status === "Connected")
            await tell(world, source, { do: "dropMachine", uuid: data.vmUuid }, env).catch(() =>
              env.signal.throwIfAborted(),
            );
          return undefined;
        },
      },
    ],
    succeeded: (tx, data) => {
      const placed = data.placedUuid;
      noteSeedLeft(tx, data.vmUuid, data.sourceUuid);
      end(tx, data, "done", placed === undefined ? {} : { lastHostUuid: placed });
    },
    failed: (tx, data, _error, how) => endFailed(tx, data, how),
    result: ({ vmUuid, placedUuid = null }) => ({ vmInstanceUuid: vmUuid, hostUuid: placedUuid }),
  };
}

function placeElsewhere(tx: Tx, round: Round, { vmUuid, holder, wantedUuid, sourceUuid }: MigrateColdData): string {
  const machine = tx.need("VmInstance", vmUuid);
  if (machine.operation === null || !isHolder(tx, vmUuid, holder)) throw lostHold(machine);
  requireAllSeen(tx, machine.name);
  return round.place(moveRequest(tx, machine, { sourceUuid, wantedUuid, isLive: false })).hostUuid;
}

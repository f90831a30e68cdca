import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import { shown } from "../../model/quote.ts";
import type { Flow } from "../flow/flow.ts";
import type { Records, Tx } from "../records.ts";
import { follow, noteFiles } from "./migrate.ts";
import { forgetMigration, type Migration, migrationOf, noteRest, readMigration, readRest } from "./migration-record.ts";
import { type Between, type Settled, settle } from "./settle.ts";
import { look, type VmWorld } from "./work.ts";

/* Migrations whose end nobody knew, because a host did not answer: they are settled when the hosts are back. */

export type SettleData = Between & { where?: Settled; rests?: string[] };

/** Finds out where such a machine is. It stays as it is when that can't be said yet. */
export function settleMigrationFlow(world: VmWorld): Flow<SettleData> {
  return {
    name: "settleMigration",
    steps: [
      {
        name: "ask",
        title: "Asking both hosts where the machine is",
        async run(data, env) {
          const { rests, ...where } = await settle(world, data, env);
          if (where.at === "unknown" || where.at === "both") throw notSettled(world, data, where.at);
          return { data: { where, rests } };
        },
      },
    ],
    succeeded: (tx, { vmUuid, sourceUuid, destinationUuid, where, rests = [] }) => {
      const machine = tx.get("VmInstance", vmUuid);
      if (where === undefined || machine === undefined || migrationOf(tx, vmUuid) === undefined) return;
      if (where.at === "unknown" || where.at === "both") return;
      noteFiles(tx, vmUuid, where.at);
      forgetMigration(tx, vmUuid);
      for (const hostUuid of rests) noteRest(tx, hostUuid, vmUuid);
      const { operation, state } = machine;
      if (operation !== null || state !== "Unknown") return;
      const [hostUuid, lastHostUuid] =
        where.at === "destination" ? [destinationUuid, sourceUuid] : [sourceUuid, machine.lastHostUuid];
      follow(tx, tx.update("VmInstance", vmUuid, { hostUuid, lastHostUuid }), where.seen);
    },
    failed: (tx, { vmUuid }) => {
      const migration = migrationOf(tx, vmUuid);
      if (migration !== undefined) tx.put("Migration", vmUuid, { ...migration, taskUuid: null });
    },
  };
}

function notSettled(
  world: VmWorld,
  { vmUuid, sourceUuid, destinationUuid }: Between,
  at: "unknown" | "both",
): CloudError {
  const tx = look(world);
  const [source, destination] = [sourceUuid, destinationUuid].map((uuid) => shown(tx.get("Host", uuid)?.name ?? uuid));
  const details =
    at === "both"
      ? `It runs on ${source} and on ${destination}: switch it off on one of them at once.`
      : `Neither ${source} nor ${destination} has said all that is needed.`;
  const remedy = "Look at the agents of both hosts; it is tried again by itself.";
  const where = `VmInstance ${shown(tx.get("VmInstance", vmUuid)?.name ?? vmUuid)}`;
  return new CloudError(refusalOf("HOST.1009", { where, details, remedy }));
}

export type UnsettledOptions = {
  world: Pick<VmWorld, "records" | "link" | "newUuid">;
  /** Makes the task that settles one. */
  start: (tx: Tx, data: SettleData, task: { uuid: string; name: string }) => void;
};

/** Begins to settle what can be settled now; and has removed what moves have left on hosts that answer again. */
export async function settleMigrations({ world, start }: UnsettledOptions): Promise<void> {
  const { records, newUuid } = world;
  for (const vmUuid of settleable(records)) {
    const uuid = newUuid();
    await records.change((tx) => {
      const migration = migrationOf(tx, vmUuid);
      const machine = tx.get("VmInstance", vmUuid);
      if (migration === undefined || machine === undefined || !isOpen(tx, migration, machine.operation)) return;
      tx.put("Migration", vmUuid, { ...migration, taskUuid: uuid });
      const { sourceUuid, destinationUuid } = migration;
      start(tx, { vmUuid, sourceUuid, destinationUuid }, { uuid, name: `Find out where ${shown(machine.name)} runs` });
    });
  }
  for (const [key, { value }] of [...records.mirror.entries("MigrationRest")]) {
    const rest = readRest(value);
    if (rest !== undefined) await removeRest(world, key, rest);
  }
}

function settleable({ mirror }: Records): string[] {
  return [...mirror.entries("Migration")].flatMap(([vmUuid, { value }]) => {
    const migration = readMigration(value);
    if (migration === undefined || mirror.get("VmInstance", vmUuid)?.value.operation !== null) return [];
    const canSay = [migration.sourceUuid, migration.destinationUuid].every((uuid) => {
      const host = mirror.get("Host", uuid)?.value;
      return host === undefined || host.status === "Connected";
    });
    return canSay ? [vmUuid] : [];
  });
}

/** Whether no task works on it. */
function isOpen(tx: Tx, { taskUuid }: Migration, operation: string | null): boolean {
  if (operation !== null) return false;
  return taskUuid === null || tx.get("Flow", taskUuid) === undefined;
}

async function removeRest(
  { records, link, newUuid }: UnsettledOptions["world"],
  key: string,
  { hostUuid, vmUuid }: { hostUuid: string; vmUuid: string },
): Promise<void> {
  const host = records.mirror.get("Host", hostUuid)?.value;
  const isItsHost = () => {
    const machine = records.mirror.get("VmInstance", vmUuid)?.value;
    if (records.mirror.get("Migration", vmUuid) !== undefined || machine?.hostUuid === hostUuid) return true;
    // Its memory is kept there.
    return machine?.state === "Suspended" && machine.lastHostUuid === hostUuid;
  };
  if (host !== undefined && !isItsHost()) {
    if (host.status !== "Connected") return;
    const tell = (verb: "unexpectMachine" | "dropMachine") => {
      const id = newUuid();
      return link.command(host, { do: verb, uuid: vmUuid }, { id, flow: id, epoch: 0, timeoutMs: 60_000 });
    };
    try {
      await tell("unexpectMachine");
      // It may have come back meanwhile.
      if (!isItsHost()) await tell("dropMachine");
    } catch {
      return;
    }
  }
  await records.change((tx) => {
    if (tx.get("MigrationRest", key) !== undefined) tx.delete("MigrationRest", key);
  });
}

/** A host goes that will never run anything again: a machine that it may have is the other one's, if it is there. */
export function settleWithout(tx: Tx, hostUuid: string): void {
  for (const { hostUuid: of, vmUuid } of tx.find("MigrationRest", "hostUuid", hostUuid))
    tx.delete("MigrationRest", `${String(of)}:${String(vmUuid)}`);
  for (const machine of tx.find("VmInstance", "hostUuid", hostUuid)) {
    const migration = migrationOf(tx, machine.uuid);
    if (migration === undefined || migration.destinationUuid === hostUuid) continue;
    tx.update("VmInstance", machine.uuid, { hostUuid: migration.destinationUuid, lastHostUuid: hostUuid });
  }
}

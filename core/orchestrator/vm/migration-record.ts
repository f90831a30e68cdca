import * as z from "zod/mini";
import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import { shown } from "../../model/quote.ts";
import type { Tx } from "../records.ts";
import { copiedVolume } from "./copied-volume.ts";

/*
 * A record of the kind Migration, by the machine's uuid, is there while two hosts may have the machine: from the choice of
 * the destination until it is known which of them has it. The destination is charged for the machine as long. Nothing
 * else may begin with it, and what one of the two hosts says alone changes nothing.
 */

const migration = z.object({
  sourceUuid: z.string(),
  destinationUuid: z.string(),
  cpuNum: z.number(),
  memorySize: z.number(),
  /** Volumes on the source's own disks that go along; the destination is charged for them, too. */
  copies: z._default(z.array(copiedVolume), []),
  /** Who moves it: see `VmOperation`. */
  holder: z._default(z.nullable(z.string()), null),
  /** The task that finds out where it is; null for none. */
  taskUuid: z.nullable(z.string()),
});
export type Migration = z.infer<typeof migration>;

export function readMigration(value: unknown): Migration | undefined {
  const read = migration.safeParse(value);
  return read.success ? read.data : undefined;
}

export function migrationOf(tx: Tx, vmUuid: string): Migration | undefined {
  return readMigration(tx.get("Migration", vmUuid));
}

export function forgetMigration(tx: Tx, vmUuid: string): void {
  if (tx.get("Migration", vmUuid) !== undefined) tx.delete("Migration", vmUuid);
}

/** Keeps anything from being done with a machine that may be on either of two hosts. @throws VM.1030 */
export function requireSettled(tx: Tx, vm: { uuid: string; name: string }): void {
  const found = migrationOf(tx, vm.uuid);
  if (found === undefined) return;
  const names = [found.sourceUuid, found.destinationUuid].map((uuid) => shown(tx.peek("Host", uuid)?.name ?? uuid));
  const details = `A migration from ${names[0]} to ${names[1]} was cut off, and it may run on either of them.`;
  const remedy =
    "Connect both hosts (ReconnectHost): where it runs is found out by itself then. If one of them never comes back: make " +
    "sure that it is switched off and stays so, then delete it (DeleteHost deleteMode=Enforcing).";
  throw new CloudError(refusalOf("VM.1030", { where: `VmInstance ${shown(vm.name)}`, details, remedy }));
}

const rest = z.object({ hostUuid: z.string(), vmUuid: z.string() });

/** Notes that a host, which did not answer, may have something of a machine that is elsewhere now. */
export function noteRest(tx: Tx, hostUuid: string, vmUuid: string): void {
  if (tx.get("Host", hostUuid) !== undefined) tx.put("MigrationRest", `${hostUuid}:${vmUuid}`, { hostUuid, vmUuid });
}

export function readRest(value: unknown): z.infer<typeof rest> | undefined {
  const read = rest.safeParse(value);
  return read.success ? read.data : undefined;
}

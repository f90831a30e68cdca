import { changeHostStatus } from "../model/cloud/host.ts";
import { CloudError, contentOf, refusalOf } from "../model/cloud/refusal.ts";
import { hostLost } from "../model/cloud/vm-life.ts";
import { NodeError } from "../model/error.ts";
import { shown } from "../model/quote.ts";
import { orThrow } from "./calls/shared.ts";
import type { FlowTable } from "./flow/flow.ts";
import { readFlowIfGood } from "./flow/flow-record.ts";
import { writeGivenUp } from "./flow/flow-writes.ts";
import { hostLife } from "./hosts/status.ts";
import type { RecordOf } from "./kinds.ts";
import type { Records, Tx } from "./records.ts";
import { lifeOf, type Machine, settled } from "./vm/life.ts";

/*
 * Records that were restored say what was, not what is: since then machines were started, moved and deleted. Whoever
 * restores a copy leaves a note in it, and the first manager that opens it takes nothing in it for granted: each host
 * counts as lost until it was asked, tasks of that time are given up, and no machine that there was is started before
 * every host has said what runs on it, for it may run on another host than the one of its record.
 */

/** The one key of the kind Restored. */
export const restoredKey = "cloud";

/** Records that one transaction changes. */
const atOnce = 100;

export type TakeIn = {
  records: Records;
  flows: FlowTable;
  /** What ends with a failed hook: the task ends all the same. */
  onTrouble: (what: string, error: unknown) => void;
};

/**
 * Carries out what the note in restored records asks for; does nothing without one. Cut off anywhere, it is done again
 * by the next manager. To be called before anything begins that works with hosts or tasks.
 *
 * @returns how many hosts have to be asked; undefined when nothing was restored
 */
export async function takeInRestored(given: TakeIn): Promise<number | undefined> {
  const { records } = given;
  const { mirror } = records;
  if (mirror.get("Restored", restoredKey) === undefined) return;
  const unreadable = [...mirror.unreadable.all("Host")].map(({ key }) => key);
  const hosts = [...[...mirror.all("Host")].map(({ value }) => value.uuid), ...unreadable];
  await inParts(records, hosts, (tx, uuid) => loseHost(tx, uuid));
  // What two hosts may have had then says nothing of now: all of them are asked.
  // Where a volume is now is not known either, and so which file of it is one too many: both stay.
  for (const kind of ["Migration", "MigrationRest", "VolumeRest"] as const)
    await inParts(
      records,
      [...mirror.entries(kind)].map(([key]) => key),
      (tx, key) => {
        if (tx.get(kind, key) !== undefined) tx.delete(kind, key);
      },
    );
  const machines = [...mirror.all("VmInstance")].flatMap(({ value: { uuid, hostUuid, state } }) =>
    hostUuid === null && state !== "Destroyed" ? [] : [uuid],
  );
  await inParts(records, machines, (tx, uuid) => {
    const machine = tx.get("VmInstance", uuid);
    if (machine !== undefined) loseMachine(tx, machine);
  });
  // One that is deleted by its record may have been recovered since: the time until it is expunged begins anew.
  const deleted = [...mirror.all("Volume")].flatMap(({ value }) => (value.status === "Deleted" ? [value.uuid] : []));
  await inParts(records, deleted, (tx, uuid) => {
    const volume = tx.get("Volume", uuid);
    if (volume?.status === "Deleted") tx.put("Volume", uuid, { ...volume, lastOpDate: tx.now });
  });
  // After the machines, whose operations have ended by that: a task that is given up ends only what it still holds.
  for (const [uuid] of [...mirror.entries("Flow")]) await giveUp(given, uuid);
  await records.change((tx) => {
    if (tx.get("Restored", restoredKey) !== undefined) tx.delete("Restored", restoredKey);
  });
  return hosts.length;
}

async function inParts(records: Records, uuids: readonly string[], each: (tx: Tx, uuid: string) => void) {
  for (let from = 0; from < uuids.length; from += atOnce)
    await records.change((tx) => {
      // Another manager of the same store was faster.
      if (tx.get("Restored", restoredKey) === undefined) return;
      for (const uuid of uuids.slice(from, from + atOnce)) each(tx, uuid);
    });
}

function loseHost(tx: Tx, uuid: string): void {
  tx.put("UnseenHost", uuid, { hostUuid: uuid });
  if (tx.unreadable.get("Host", uuid) !== undefined) return;
  const host = tx.get("Host", uuid);
  if (host === undefined) tx.delete("UnseenHost", uuid);
  else if (host.status !== "Disconnected")
    tx.update("Host", uuid, orThrow(changeHostStatus(host.name, hostLife(host), "lost")));
}

function loseMachine(tx: Tx, machine: Machine): void {
  if (machine.state === "Destroyed") {
    // It may have been recovered since: the time until it is expunged begins anew.
    tx.put("VmInstance", machine.uuid, { ...machine, lastOpDate: tx.now });
    return;
  }
  const life = hostLost(machine.name, lifeOf(machine));
  // One that was only being made: its host may have it all the same, and is asked.
  if (life !== null) tx.update("VmInstance", machine.uuid, settled(machine, life));
}

async function giveUp({ records, flows, onTrouble }: TakeIn, uuid: string): Promise<void> {
  const write = (isWithHook: boolean) =>
    records.change((tx) => {
      const stored = tx.get("Flow", uuid);
      if (tx.get("Restored", restoredKey) === undefined || stored === undefined) return;
      const record = readFlowIfGood(stored);
      const flow = record === undefined ? undefined : flows.get(record.flow);
      // Nobody can be told of a task whose record is gone, or can't be read; what it held is let go all the same.
      const task = tx.unreadable.get("Task", uuid) === undefined ? tx.get("Task", uuid) : undefined;
      if (task === undefined) {
        tx.delete("Flow", uuid);
        const error = contentOf(new CloudError(wasRestored({ name: uuid })));
        if (record !== undefined && isWithHook)
          flow?.failed?.(tx, record.data, error, { isCancelled: false, notUndone: [] });
        return;
      }
      writeGivenUp(tx, flow, record, task, wasRestored(task), { isWithHook, notUndone: [] });
    });
  await write(true).catch((error: unknown) => {
    if (error instanceof NodeError && error.code.startsWith("STORE.")) throw error;
    onTrouble(`the task ${uuid} of a backup could not say how it ended`, error);
    return write(false);
  });
}

function wasRestored({ name }: Pick<RecordOf<"Task">, "name">) {
  return refusalOf("SYS.1081", {
    where: `Task ${shown(name)}`,
    details: "It ran when the backup was made that has been restored; nobody knows how it ended.",
    remedy: "Look at what it worked on, and ask again if need be.",
  });
}

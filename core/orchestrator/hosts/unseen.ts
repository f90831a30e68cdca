import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import { listed, shown } from "../../model/quote.ts";
import type { Tx } from "../records.ts";

/* Hosts that have not said, since the records were restored from a backup, what runs on them. */

/** Whether a host has not said yet, since records were restored, what runs on it. */
export function isUnseen(tx: Tx, hostUuid: string): boolean {
  return tx.get("UnseenHost", hostUuid) !== undefined;
}

/** A host has said what runs on it, or is no more. */
export function noLongerUnseen(tx: Tx, hostUuid: string): void {
  if (isUnseen(tx, hostUuid)) tx.delete("UnseenHost", hostUuid);
}

/**
 * Keeps a machine from being started while a host is left, after records were restored, that may have it running.
 *
 * @throws VM.1012 with the names of these hosts
 */
export function requireAllSeen(tx: Tx, machineName: string): void {
  const unseen = [...tx.all("UnseenHost")].flatMap(({ hostUuid }) => nameOf(tx, String(hostUuid)));
  if (unseen.length === 0) return;
  const details = `The records come from a backup, and it may run on ${listed(unseen)}.`;
  const remedy =
    "Connect these hosts (ReconnectHost), or delete those that are gone for good. What runs on one of them against its " +
    "record, as the manager's log tells, has to be switched off there.";
  throw new CloudError(
    refusalOf("VM.1012", {
      where: `VmInstance ${shown(machineName)}`,
      details,
      remedy,
      values: { hosts: unseen.length },
    }),
  );
}

/** One that can't be read may run machines all the same; none for one that is no more. */
function nameOf(tx: Tx, hostUuid: string): string[] {
  if (tx.unreadable.get("Host", hostUuid) !== undefined) return [hostUuid];
  return [tx.peek("Host", hostUuid)?.name ?? []].flat();
}

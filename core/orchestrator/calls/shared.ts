import { CloudError, type Outcome, type Refusal } from "../../model/cloud/refusal.ts";
import { nextState, type StateMachine } from "../../model/cloud/state-machine.ts";
import type { RecordOf } from "../kinds.ts";
import type { Patch, Tx } from "../records.ts";

/** What comes next; a refusal as the error that the call answers with. */
export function orThrow<T>(outcome: Outcome<T>): T {
  if (outcome.done) return outcome.next;
  throw new CloudError(outcome.refusal);
}

/** Refuses for the first of the reasons; the others say the same to a person who mends it. */
export function refuseFor(refusal: Refusal | undefined): void {
  if (refusal !== undefined) throw new CloudError(refusal);
}

/** A patch without what was not given. */
export function patchOf<T extends object>(given: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(given).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

type OnOff = "Enabled" | "Disabled";
type Switch =
  | "Zone"
  | "Cluster"
  | "InstanceOffering"
  | "DiskOffering"
  | "L3Network"
  | "SecurityGroup"
  | "AffinityGroup"
  | "BackupStorage"
  | "Image";

/** A resource that an administrator has switched on or off. */
export function switched<K extends Switch>(
  tx: Tx,
  kind: K,
  machine: StateMachine<OnOff, "enable" | "disable">,
  uuid: string,
  event: "enable" | "disable",
): RecordOf<K> {
  const { name, state }: { name: string; state: OnOff } = tx.need<Switch>(kind, uuid);
  const next: { state: OnOff } = { state: orThrow(nextState(machine, name, state, event)) };
  return tx.update(kind, uuid, next as Patch<K>);
}

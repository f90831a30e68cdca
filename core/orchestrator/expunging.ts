import { CloudError, refusalOf } from "../model/cloud/refusal.ts";
import { shown } from "../model/quote.ts";
import type { RecordOf } from "./kinds.ts";
import type { Tx } from "./records.ts";

/*
 * What is removed for good has no way back from the moment on at which somebody was told to remove it: its file may be
 * gone although the answer got lost, the host with it, or the manager. A note says so, which is written before, and goes
 * with the record of what is removed. Whoever looks for what is to be expunged begins with these.
 */

/** Whose content somebody has been told to remove. */
type Removed = { uuid: string; name: string };

export function noteExpunging(tx: Tx, uuid: string): void {
  tx.put("Expunging", uuid, { since: tx.now });
}

/** With the record of it. */
export function forgetExpunging(tx: Tx, uuid: string): void {
  if (tx.get("Expunging", uuid) !== undefined) tx.delete("Expunging", uuid);
}

/** @throws STORAGE.1075 for what can't be taken back any more */
export function requireWhole(tx: Tx, kind: "Volume" | "Image", { uuid, name }: Removed, expunge: string): void {
  if (tx.get("Expunging", uuid) === undefined) return;
  const details = "Its removal for good has begun and was cut off: what it held may be gone.";
  const remedy = `Expunge it once more (${expunge}); it is tried again by itself, too.`;
  throw new CloudError(refusalOf("STORAGE.1075", { where: `${kind} ${shown(name)}`, details, remedy }));
}

/**
 * A host that is away would get the command perhaps and perhaps not: as long as it is known to be away nothing is begun,
 * so that what is deleted can still be recovered. @throws HOST.1010
 */
export function requireThere({ name, status }: RecordOf<"Host">): void {
  if (status === "Connected") return;
  const details = `Its status is ${status}: nothing was removed yet.`;
  const remedy = "Connect it (ReconnectHost), and expunge again; what is due is tried again by itself.";
  throw new CloudError(refusalOf("HOST.1010", { where: `Host ${shown(name)}`, details, remedy }));
}

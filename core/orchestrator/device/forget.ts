import type { Tx } from "../records.ts";
import { forgetGuestData } from "../vm/guest-data.ts";
import { forgetIsos } from "./iso-use.ts";

/** Removes what is kept of a machine's drives, consoles and guest, with the machine. */
export function forgetDevices(tx: Tx, vmUuid: string): void {
  forgetIsos(tx, vmUuid);
  forgetGuestData(tx, vmUuid);
  if (tx.get("ConsolePassword", vmUuid) !== undefined) tx.delete("ConsolePassword", vmUuid);
}

import type { Tx } from "../records.ts";
import type { Machine } from "./life.ts";
import { settleRescue } from "./rescue-disk.ts";
import { settleShelf } from "./shelf.ts";

/** To be called with each change of a machine's state, in its transaction: what else follows from it. */
export function settleParts(tx: Tx, machine: Machine): void {
  settleRescue(tx, machine);
  settleShelf(tx, machine);
}

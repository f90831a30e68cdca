import type { NetworkTransaction } from "../../model/network/transaction.ts";
import { changeWords } from "../../model/network/words.ts";
import type { AuditEntry } from "../../model/records.ts";

/** The audit log's entry for the end of a change: which network is in force, and why. */
export function endOfChange(transaction: NetworkTransaction): Omit<AuditEntry, "at"> {
  const { id, console, phase, why, error, changes } = transaction;
  return {
    console,
    action: `network.${phase}`,
    result: phase === "committed" ? "ok" : "failed",
    before: null,
    after: phase === "committed" ? changes.map(changeWords).join("; ") : null,
    detail: [id, why, error?.description].filter((part) => typeof part === "string").join(": "),
  };
}

import type { RecordOf } from "./kinds.ts";
import type { Tx } from "./records.ts";

/*
 * The audit of a call that has begun a task. Its record stands in the audit at once, and a second time, until the task
 * has ended, in the mirror (kind TaskAudit, by the task's uuid): so the transaction that ends the task writes the whole
 * record anew, with the end, and neither reads the audit nor costs a commit of its own.
 */

type AuditRecord = RecordOf<"AuditRecord">;

/** Keeps the record of a call until the task that it has begun ends. */
export function awaitEnd(tx: Tx, taskUuid: string, record: AuditRecord): void {
  tx.put("TaskAudit", taskUuid, record, true);
}

/**
 * Writes the end of a task into the record of the call that has begun it; nothing for a task that nobody has called for.
 *
 * @param errorCode null when it succeeded
 */
export function writeAuditEnd(tx: Tx, taskUuid: string, errorCode: string | null): void {
  const record = tx.get("TaskAudit", taskUuid);
  if (record === undefined) return;
  tx.delete("TaskAudit", taskUuid);
  // Whatever stands in the audit: a record that was too old for it goes again with the next sweep.
  tx.rewrite("AuditRecord", String(record["uuid"]), {
    ...record,
    lastOpDate: tx.now,
    succeeded: errorCode === null,
    errorCode,
    durationMs: Math.max(0, tx.now - Number(record["createDate"])),
  });
}

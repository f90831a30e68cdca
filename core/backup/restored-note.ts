import { restoredKey } from "../orchestrator/restored.ts";
import { storeIndexes } from "../orchestrator/retention.ts";
import { SqliteStore } from "../store/sqlite.ts";

/**
 * Writes into a copy of a store that it is put in place of another: the manager that opens it takes nothing in it for
 * granted. A copy of an older schema is migrated by that. `now`: milliseconds since the epoch.
 */
export async function noteRestored(copy: string, now: number): Promise<void> {
  const store = await SqliteStore.open({ file: copy, indexes: storeIndexes });
  try {
    await store.transact([{ do: "put", kind: "Restored", key: restoredKey, value: { at: now } }]);
  } finally {
    await store.close();
  }
}

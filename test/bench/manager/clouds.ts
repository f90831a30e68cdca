import { DatabaseSync } from "node:sqlite";
import type { ResourceKind } from "../../../core/model/cloud/resources.ts";
import { auditIndexes } from "../../../core/orchestrator/query/audit.ts";
import { SqliteStore } from "../../../core/store/sqlite.ts";
import type { Store } from "../../../core/store/store.ts";
import { type Cloud, largeCloud } from "../../core/orchestrator/query/support.ts";

/* Stores with many machines in them, before a manager starts on them. */

export type Size = { machines: number; hosts: number };

/** Records that one transaction writes: more would only make it larger. */
const atOnce = 1000;

export function cloudOf({ machines, hosts }: Size): Cloud {
  return largeCloud(machines, Math.max(1, Math.ceil(machines / hosts)));
}

/** What belongs to hosts besides their own records. */
export type Certificates = ReadonlyMap<string, { certificate: string; fingerprint: string }>;

export async function fill(store: Store, cloud: Cloud, certificates?: Certificates): Promise<void> {
  const put = async (kind: string, records: readonly (readonly [string, object])[]) => {
    for (let from = 0; from < records.length; from += atOnce)
      await store.transact(
        records.slice(from, from + atOnce).map(([key, value]) => ({ do: "put", kind, key, value: { ...value } })),
      );
  };
  for (const [kind, records] of cloud)
    await put(
      kind,
      records.map((value) => [String(value["uuid"]), value] as const),
    );
  if (certificates !== undefined) await put("HostCertificate", [...certificates]);
}

export async function fillFile(file: string, cloud: Cloud, certificates?: Certificates): Promise<void> {
  const store = await SqliteStore.open({ file, indexes: auditIndexes });
  await fill(store, cloud, certificates);
  await store.close();
  // What a manager that has run for long has done long ago.
  const database = new DatabaseSync(file);
  database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  database.close();
}

/** Some uuids of a kind, spread over all of them. */
export function someUuids(cloud: Cloud, kind: ResourceKind, count: number): string[] {
  const all = cloud.get(kind) ?? [];
  const step = Math.max(1, Math.floor(all.length / count));
  return all.filter((_, n) => n % step === 0).map(({ uuid }) => String(uuid));
}

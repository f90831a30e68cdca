import { mirroredKinds } from "../../../../core/orchestrator/kinds.ts";
import { auditIndexes } from "../../../../core/orchestrator/query/audit.ts";
import { EtcdStore } from "../../../../core/store/etcd.ts";
import { SqliteStore } from "../../../../core/store/sqlite.ts";

/* Copies the records of a cloud from etcd into a file: copy-store FILE ENDPOINT… */

const [file = "", first = "", ...others] = process.argv.slice(2);
const from = await EtcdStore.open({ endpoints: [first, ...others], indexes: auditIndexes });
const to = await SqliteStore.open({ file, indexes: auditIndexes });
for (const kind of mirroredKinds) {
  let after: string | undefined;
  do {
    const { records, next } = await from.list({ kind, limit: 200, ...(after === undefined ? {} : { after }) });
    await to.transact(records.map(({ key, value }) => ({ do: "put", kind, key, value })));
    after = next ?? undefined;
  } while (after !== undefined);
}
await to.close();
await from.close();

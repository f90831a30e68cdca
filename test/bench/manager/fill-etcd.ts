import { auditIndexes } from "../../../core/orchestrator/query/audit.ts";
import { EtcdStore } from "../../../core/store/etcd.ts";
import { cloudOf, fill, type Size } from "./clouds.ts";

/* Writes a cloud into etcd: fill-etcd SIZE ENDPOINT…, the size as JSON. */

const [size = "", first = "", ...others] = process.argv.slice(2);
const store = await EtcdStore.open({ endpoints: [first, ...others], indexes: auditIndexes });
await fill(store, cloudOf(JSON.parse(size) as Size));
await store.close();

import { writeSync } from "node:fs";
import { SqliteStore } from "../../../core/store/sqlite.ts";
import { indexes } from "./conformance.ts";

/* Says on standard output what was acknowledged, one transaction after the other: for whoever traces its calls. */

const [file = ""] = process.argv.slice(2);
const store = await SqliteStore.open({ file, indexes });
for (let n = 0; n < 20; n++) {
  await store.transact([{ do: "put", kind: "vm", key: "a", value: { n } }]);
  writeSync(1, `acknowledged ${n}\n`);
}
await store.close();

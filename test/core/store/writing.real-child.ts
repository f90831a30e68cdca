import { writeSync } from "node:fs";
import { SqliteStore } from "../../../core/store/sqlite.ts";
import type { Change } from "../../../core/store/store.ts";
import { Random } from "../../support/random.ts";
import { indexes } from "./conformance.ts";

/* Writes until it is killed; prints the number of each transaction as soon as it was acknowledged. */

const [file = "", seed = "", first = ""] = process.argv.slice(2);
const random = new Random(Number(seed));
const store = await SqliteStore.open({ file, indexes, keptRevisions: 50 });
writeSync(1, "open\n");

let next = Number(first);
/** Two records that are always written together, and two that show which transactions there were. */
async function write(): Promise<void> {
  const n = next++;
  const text = "x".repeat(random.below(3000));
  const put = (key: string, more: object): Change => ({ do: "put", kind: "vm", key, value: { n, ...more } });
  const pair = `pair${n % 10}`;
  await store.transact([
    put(`${pair}-a`, { name: text }),
    put(`${pair}-b`, { name: text }),
    put(`n${n}`, { cpuNum: n }),
    put(`twin${n}`, {}),
  ]);
  writeSync(1, `${n}\n`);
}
for (;;) await Promise.all(Array.from({ length: 1 + random.below(20) }, write));

import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Flow } from "../../core/orchestrator/flow/flow.ts";
import { SqliteStore } from "../../core/store/sqlite.ts";
import { openManager, taskFields, until, uuidOf } from "../core/orchestrator/flow/bed.ts";
import { temporaryFolder } from "../support/programs.ts";
import { type Document, figure, machine } from "./figures.ts";

/*
 * npm run -s bench:flows [-- --quick]: how many whole tasks of five steps, each with a change of its own, a manager on
 * SQLite carries out in a second, with 1,000 of them at once.
 */

const { quick } = parseArgs({ options: { quick: { type: "boolean", default: false } } }).values;
const [tasks, rounds] = [1000, quick ? 1 : 3];

const flow: Flow = {
  name: "five",
  steps: ["a", "b", "c", "d", "e"].map((name) => ({
    name,
    title: `step ${name}`,
    run: async (_data, { task }) => ({
      data: { [name]: task },
      change: (tx) => tx.put("AddressUse", `${task}.${name}`, { task }, true),
    }),
  })),
};

const folder = temporaryFolder();
const store = await SqliteStore.open({ file: join(folder.path, "store.db"), indexes: {} });
const manager = await openManager(store, [flow], { atOnce: () => tasks });
const rates: number[] = [];
for (let round = 0; round < rounds; round++) {
  const from = performance.now();
  for (let n = 0; n < tasks; n += 100)
    await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        manager.records.change((tx) => {
          const task = taskFields(round * tasks + n + i, uuidOf(1e6 + (i % 10)));
          manager.flows.start(tx, { flow, data: {}, task });
        }),
      ),
    );
  await until(manager.mirror, () => manager.mirror.count("Flow") === 0);
  rates.push((1000 * tasks) / (performance.now() - from));
}
await manager.flows.close();
await manager.mirror.close();
await store.close();
folder.dispose();

const median = [...rates].sort((a, b) => a - b)[Math.floor(rates.length / 2)] ?? Number.NaN;
const spread = { runs: rates.length, min: Math.min(...rates), median, max: Math.max(...rates) };
const figures = [figure("tasksPerSecond", median, "tasks/s", { goal: ">= 200", spread })];
const seconds = Math.round(performance.now() / 1000);
const document: Document = { bench: "flows", quick, machine: machine(), seconds, figures };
console.log(JSON.stringify(document, null, 2));

import { setImmediate } from "node:timers/promises";
import type { ResourceKind } from "../../core/model/cloud/resources.ts";
import { runQuery } from "../../core/orchestrator/query/query.ts";
import type { QueryRequest } from "../../core/orchestrator/query/request.ts";
import { ipOf, largeCloud, mirrorOf } from "../core/orchestrator/query/support.ts";
import { type Document, type Figure, figure, machine } from "./figures.ts";

/* npm run -s bench:query: how long queries of a large cloud take, and for how long nobody else has a turn meanwhile. */

const machines = 100_000;
const runs = 15;
const ip = `vmNics.ip=${ipOf(77_777)}`;

const queries: Readonly<Record<string, readonly [ResourceKind, QueryRequest]>> = {
  first: ["VmInstance", {}],
  pattern: ["VmInstance", { conditions: ["name~=%web-77%"] }],
  sorted: ["VmInstance", { sortBy: "name" }],
  deepPage: ["VmInstance", { sortBy: "-name", start: machines / 2, limit: 1000 }],
  address: ["VmInstance", { conditions: [ip] }],
  hostOfAddress: ["Host", { conditions: [`vmInstance.${ip}`] }],
  relatedPattern: ["VmInstance", { conditions: ["vmNics.ip~=%.77"] }],
  patternAndRelated: ["VmInstance", { conditions: ["name~=%web-77%", "host.name~=kvm-7%"], sortBy: "name" }],
  allRelated: ["VmInstance", { conditions: ["host.cluster.zone.name=zone-0"] }],
};

const mirror = await mirrorOf(largeCloud(machines));
const store = { list: () => Promise.reject(new Error("The audit is not measured.")) };
const figures: Figure[] = [];
for (const [name, [kind, request]] of Object.entries(queries)) {
  const [times, stretches]: [number[], number[]] = [[], []];
  for (let i = 0; i < runs; i++) {
    const from = performance.now();
    const query = runQuery({ mirror, store }, kind, request).then(() => times.push(performance.now() - from));
    stretches.push(await longestStretch(query, from));
  }
  const goal = { goal: "<= 100", spread: spreadOf(times), note: JSON.stringify([kind, request]) };
  figures.push(figure(name, spreadOf(times).median, "ms", goal));
  figures.push(
    figure(`${name}Stretch`, spreadOf(stretches).median, "ms", { goal: "<= 50", spread: spreadOf(stretches) }),
  );
}
await mirror.close();
const seconds = Math.round(process.uptime());
const document: Document = { bench: "query", quick: false, machine: machine(), seconds, figures };
console.log(JSON.stringify(document, null, 2));

/** The longest time between two turns of the event loop from `from` until the work ends, in milliseconds. */
async function longestStretch(work: Promise<unknown>, from: number): Promise<number> {
  let [longest, last, hasEnded] = [0, from, false];
  const ended = work.finally(() => {
    hasEnded = true;
  });
  while (!hasEnded) {
    await setImmediate();
    const now = performance.now();
    [longest, last] = [Math.max(longest, now - last), now];
  }
  await ended;
  return longest;
}

function spreadOf(values: readonly number[]) {
  const sorted = values.toSorted((a, b) => a - b);
  const [min = 0, median = 0, max = 0] = [sorted[0], sorted[Math.floor(sorted.length / 2)], sorted.at(-1)];
  return { runs: values.length, min, median, max };
}

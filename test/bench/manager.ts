import { parseArgs } from "node:util";
import { privateNetwork } from "../support/cloud/network.ts";
import { type Document, type Figure, machine } from "./figures.ts";
import { etcdFigures } from "./manager/etcd.ts";
import { fleetFigures } from "./manager/hosts.ts";
import { cloudFigures } from "./manager/sections.ts";

/*
 * npm run -s bench:manager [-- --quick] [-- --only cloud,etcd,fleet]: what the manager's program does with 100,000
 * machines and 10,000 hosts, beside a bare fastify route and etcd itself in the same run. Takes root, for a network of
 * its own.
 */

const { quick, only } = parseArgs({
  options: { quick: { type: "boolean", default: false }, only: { type: "string" } },
}).values;

const sections = { cloud: cloudFigures, etcd: etcdFigures, fleet: fleetFigures } as const;

const began = performance.now();
const network = await privateNetwork();
const figures: Figure[] = [];
try {
  for (const [name, section] of Object.entries(sections)) {
    if (only !== undefined && !only.split(",").includes(name)) continue;
    const from = performance.now();
    figures.push(...(await section({ through: network.through, isQuick: quick })));
    console.error(`${name}: ${Math.round((performance.now() - from) / 1000)} s`);
  }
} finally {
  await network.close();
}
const seconds = Math.round((performance.now() - began) / 1000);
const document: Document = { bench: "manager", quick, machine: machine(), seconds, figures };
console.log(JSON.stringify(document, null, 2));

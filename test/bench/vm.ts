import { parseArgs } from "node:util";
import { ensureBuilt } from "../../scripts/dev/build.ts";
import { installPackages } from "../../scripts/dev/test-packages.ts";
import { type Document, type Figure, machine } from "./figures.ts";
import { VmBed } from "./vm/bed.ts";
import { creationFigures } from "./vm/creation.ts";
import { eventFigures } from "./vm/event.ts";
import { idleFigures } from "./vm/idle.ts";
import { manyFigures } from "./vm/many.ts";
import { migrationFigures } from "./vm/migration.ts";

/*
 * npm run -s bench:vm [-- --quick] [-- --only create,migrate,many,event,images,idle]: what the cloud adds to libvirt. A
 * management node and three hosts in namespaces, with real libvirt and QEMU each; beside virsh alone on the same hosts,
 * by turns. As root.
 */

const { quick, only } = parseArgs({
  options: { quick: { type: "boolean", default: false }, only: { type: "string" } },
}).values;

const sections: Record<string, (bed: VmBed) => Promise<Figure[]>> = {
  create: (bed) => creationFigures(bed, quick ? 2 : 9),
  migrate: (bed) => migrationFigures(bed, quick ? 2 : 12),
  event: (bed) => eventFigures(bed, quick ? 2 : 20),
  many: (bed) => manyFigures(bed, quick ? 1 : 3, quick ? 9 : 50),
  idle: (bed) => idleFigures(bed, quick ? 10 : 200, quick ? 10 : 60),
};
const wanted = only?.split(",") ?? Object.keys(sections);
const unknown = wanted.filter((name) => sections[name] === undefined);
if (unknown.length > 0)
  throw new Error(`There is no ${unknown.join(", ")}: take of ${Object.keys(sections).join(", ")}.`);

const began = performance.now();
const found = { bench: "vm", quick, machine: machine() };
const absent = await installPackages("long");
if (process.getuid?.() !== 0 || absent.length > 0)
  throw new Error(
    `Virtual machines can't be measured here: root and ${absent.map(({ name }) => name).join(", ")} are needed.`,
  );
await ensureBuilt();
const bed = new VmBed();
const figures: Figure[] = [];
try {
  await bed.start();
  for (const name of wanted) {
    const from = performance.now();
    const made = (await sections[name]?.(bed)) ?? [];
    figures.push(...made);
    for (const { name: what, value, unit, goal, reference } of made)
      console.error(`  ${what}: ${value} ${unit} (${goal ?? reference?.value ?? ""})`);
    console.error(`${name}: ${Math.round((performance.now() - from) / 1000)} s`);
  }
} finally {
  await bed.stop();
}
const document: Document = { ...found, seconds: Math.round((performance.now() - began) / 1000), figures };
console.log(JSON.stringify(document, null, 2));

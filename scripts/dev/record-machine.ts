/*
 * Records what this machine answers to every source of facts, as a file for test/fixtures/machines.
 *
 *   node scripts/dev/record-machine.ts [--mask] [--description TEXT] > test/fixtures/machines/NAME.json
 *
 * --mask replaces serial numbers, MAC addresses, disk identifiers and the host name by made-up ones of the same form,
 * each always by the same. Addresses and names of servers stay: look through the file before you give it away.
 */
import { parseArgs } from "node:util";
import { factNames } from "../../core/model/facts.ts";
import { allSources } from "../../core/node/facts/sources.ts";
import { type Recording, recordingMachine } from "../../core/node/fixture.ts";
import { realMachine } from "../../core/node/machine.ts";
import { masked } from "./mask-recording.ts";

const { values } = parseArgs({
  options: { mask: { type: "boolean", default: false }, description: { type: "string", default: "" } },
});

const { machine, recorded } = recordingMachine(realMachine());
const sources = allSources();
for (const name of factNames) {
  // A fact that can't be had is part of what is recorded.
  await sources[name].read(machine, new AbortController().signal).catch((error: unknown) => {
    console.error(`${name}: ${error instanceof Error ? error.message : String(error)}`);
  });
}

const result: Recording = { ...recorded, description: values.description };
console.log(JSON.stringify(values.mask ? masked(result) : result, null, 1));

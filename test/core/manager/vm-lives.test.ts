import { test } from "node:test";
import { Random } from "../../support/random.ts";
import { LivesBed } from "./vm-lives/bed.ts";

/* Another run: BINNACLE_TEST_SEED; a longer one: BINNACLE_TEST_FAULTS. */

const first = Number(process.env["BINNACLE_TEST_SEED"] ?? 1);
const runs = Number(process.env["BINNACLE_TEST_FAULTS"] ?? 60);

test("whatever dies while a machine is rescued or put away: it has its root volume or its image, runs once, and nothing is left over", async (t) => {
  const bed = await LivesBed.open(t);
  for (let seed = first; seed < first + runs; seed++)
    try {
      await bed.round(new Random(seed));
    } catch (error) {
      throw new Error(`seed ${seed}:\n${bed.story.slice(-8).join("\n")}`, { cause: error });
    }
});

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { SimulatedDriver } from "../../../../core/hypervisor/simulated.ts";
import { temporaryFolder } from "../../../support/programs.ts";
import { Random } from "../../../support/random.ts";
import { undoAfter } from "../../../support/undo.ts";
import { running, uuidOf } from "../../hypervisor/conformance.ts";

const seed = 20_261_130;
const runs = 20;

test(`an agent that is killed in mid-command ${runs} times keeps to what it told, and does nothing told again`, async (t) => {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const random = new Random(seed);
  const told = new Map<number, string>();
  const begun = new Set<number>();
  let twice = 0;
  let repeated = 0;
  for (let run = 0; run < runs; run++) {
    const where = `seed ${seed}, run ${run}`;
    const last = Math.max(0, ...told.keys());
    const lines = await linesUntilKilled(t, [folder.path, String(seed + run), String(last)], 1 + random.below(80));
    for (const line of lines) {
      const [what, number = "", outcome = ""] = line.split(" ");
      const n = Number(number);
      if (what === "begin") {
        assert.ok(!told.has(n), `${where}: ${n} was told to be ${told.get(n)} and is begun again`);
        if (begun.has(n)) twice++;
        begun.add(n);
        continue;
      }
      if (told.has(n)) repeated++;
      assert.equal(outcome, told.get(n) ?? outcome, `${where}: ${n}`);
      assert.equal(outcome, n % 3 === 2 && (n - 2) % 2 !== 0 ? "HYPERVISOR.NOT_RUNNING" : "done", `${where}: ${n}`);
      told.set(n, outcome);
    }
    const driver = await SimulatedDriver.open({
      folder: join(folder.path, "hypervisor"),
      bootId: "one",
      announce: () => {},
    });
    const found = new Set(await running(driver));
    for (const n of told.keys()) if (n % 3 === 1) assert.ok(found.has(uuidOf(n - 1)), `${where}: ${n} does not run`);
    for (const uuid of found) assert.ok(begun.has(Number.parseInt(uuid.slice(0, 12), 16) + 1), where);
  }
  assert.ok(told.size > 200 && repeated > 50 && twice > 0, `${told.size} told, ${repeated} repeated, ${twice} twice`);
});

/** Starts the agent's part, kills it after so many answers, and gives all that it printed. */
async function linesUntilKilled(t: TestContext, args: readonly string[], answers: number): Promise<string[]> {
  const script = join(import.meta.dirname, "carrying-out.real-child.ts");
  const child = spawn(process.execPath, [script, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  undoAfter(t, () => child.kill("SIGKILL"));
  const lines: string[] = [];
  let count = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (line.startsWith("told")) count++;
    if (count >= answers) child.kill("SIGKILL");
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  assert.equal(child.signalCode, "SIGKILL");
  return lines;
}

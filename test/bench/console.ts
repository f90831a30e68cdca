import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { recording } from "../../core/node/fixture.ts";
import { installPackages } from "../../scripts/dev/test-packages.ts";
import { openEveryScreen, password, unlock } from "./configuration.ts";
import { type Document, type Figure, machine } from "./figures.ts";
import { measureFirstFrames, measureFullFrame } from "./first-frame.ts";
import { measureIdleBytes, measureIdleCpu } from "./idle.ts";
import { measureKeys, measureKeysAgentStopped, measureKeysFactHangs } from "./keys.ts";
import { livelyNode } from "./lively-node.ts";
import { measureChartMemory, memoryFigures } from "./memory.ts";
import { fixtureFolder, isHomeComplete, peers, Workshop } from "./programs.ts";
import { measureSlowLine } from "./slow-line.ts";
import { memoryOf } from "./usage.ts";

/*
 * npm run -s bench:console [-- --quick]: the console and its agent beside htop and btop, at 80x24. Installs the two
 * when they are absent and it runs as root; a quick run installs nothing.
 */

const { quick } = parseArgs({ options: { quick: { type: "boolean", default: false } } }).values;

const plan = quick
  ? { frames: { linux: 1, vt220: 1 }, cpuMs: 2000, bytesMs: 2000, rounds: 0, stay: { ms: 50, screens: 3 } }
  : { frames: { linux: 11, vt220: 5 }, cpuMs: 60_000, bytesMs: 40_000, rounds: 4, stay: { ms: 1000, screens: 100 } };

/** The machine with most to show of those that were recorded. */
const fullMachine = "bonded-server";
/** A command of the agent's that never ends, as far as anybody waits for it. */
const hangMs = 3_600_000;

async function run(workshop: Workshop): Promise<Figure[]> {
  const { htop, htopDefault, btop } = peers(workshop);
  const figures: Figure[] = [];
  const add = (more: readonly Figure[]) => {
    figures.push(...more);
    for (const { name, value, unit, goal, met } of more)
      console.error(`  ${name}: ${value} ${unit}${goal === null ? "" : ` (${goal}: ${met ? "met" : "not met"})`}`);
  };

  step("agent");
  const agent = await workshop.agent();
  await agent.client.call("choosePassword", { body: { password } });

  step("processor time and memory, idle");
  const command = workshop.console(agent.socketPath, "bench/main");
  const screen = workshop.open({ command, term: "linux" });
  await screen.until(() => isHomeComplete(screen.text()), 10_000);
  const idle = await measureIdleCpu(workshop, agent, screen, [htop, btop, htopDefault], plan.cpuMs);
  add(idle.figures);

  step("keys");
  await unlock(screen);
  add(await measureKeys(workshop, screen, htop, plan.rounds));
  await openEveryScreen(screen, plan.stay.ms, plan.stay.screens);
  add(memoryFigures(idle.memory, { console: memoryOf(screen.pid), agent: memoryOf(agent.pid) }));
  await workshop.close(screen);

  step("first frame");
  add(await measureFirstFrames(workshop, agent, [htop, btop], plan.frames));

  step("bytes, idle");
  const node = await livelyNode(workshop, agent);
  add(await measureIdleBytes(workshop, agent, node, [htop, htopDefault, btop], plan.bytesMs));
  await node.close();

  step("line of 9,600 baud");
  add(await measureSlowLine(workshop, agent, quick));

  step("charts");
  add(await measureChartMemory(workshop, agent, plan.stay));
  await agent.stop();

  step("keys while facts hang");
  const full = await workshop.agent({ fixture: join(fixtureFolder, `${fullMachine}.json`) });
  add(await measureFullFrame(workshop, full, fullMachine));
  await full.stop();
  const hanging = await workshop.agent({ fixture: hangingMachine(workshop) });
  await hanging.client.call("choosePassword", { body: { password } });
  const patient = workshop.open({ command: workshop.console(hanging.socketPath, "bench/hang"), term: "linux" });
  await patient.expect("CPU USAGE");
  await unlock(patient);
  add(await measureKeysFactHangs(patient, Math.ceil(plan.rounds / 2)));
  add(await measureKeysAgentStopped(patient, hanging, Math.ceil(plan.rounds / 4)));
  await workshop.close(patient);
  await hanging.stop();
  return figures;
}

/** A recorded machine on which every command hangs. */
function hangingMachine(workshop: Workshop): string {
  const recorded = recording.parse(JSON.parse(readFileSync(join(fixtureFolder, `${fullMachine}.json`), "utf8")));
  for (const outcome of Object.values(recorded.commands)) if ("delayMs" in outcome) outcome.delayMs = hangMs;
  const file = join(workshop.folder(), "hanging.json");
  writeFileSync(file, JSON.stringify(recorded));
  return file;
}

function step(what: string): void {
  console.error(`${what} …`);
}

const startedAt = performance.now();
if (!quick) await installPackages("bench");
const workshop = new Workshop();
const found = { bench: "console", quick, machine: machine() };
await workshop.build();
const figures = await run(workshop);
const document: Document = { ...found, seconds: Math.round((performance.now() - startedAt) / 1000), figures };
process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
process.exit(0);

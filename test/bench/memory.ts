import { setTimeout as wait } from "node:timers/promises";
import { openEveryScreen, unlock } from "./configuration.ts";
import { type Figure, figure, type Reference } from "./figures.ts";
import type { IdleMemory } from "./idle.ts";
import type { Agent, Workshop } from "./programs.ts";
import { type Memory, memoryOf } from "./usage.ts";

const goals = { console: "<= 75", agent: "<= 90" } as const;
/** How long each screen stays open, and how many of them. */
export type Stay = { ms: number; screens: number };

/** Memory after a minute of idling, and after every screen was opened. */
export function memoryFigures(idle: IdleMemory, used: { console: Memory; agent: Memory }): Figure[] {
  const references = [...idle.peers].map(([name, { rssMiB }]): Reference => ({ name, value: rssMiB }));
  const [reference = null, ...more] = references;
  const pss = ({ pssMiB }: Memory) => ({ note: `PSS ${pssMiB.toFixed(1)} MiB` });
  return [
    figure("memory.console", idle.console.rssMiB, "MiB", {
      goal: goals.console,
      reference,
      more,
      ...pss(idle.console),
    }),
    figure("memory.agent", idle.agent.rssMiB, "MiB", { goal: goals.agent, ...pss(idle.agent) }),
    figure("memoryAfterUse.console", used.console.rssMiB, "MiB", { goal: goals.console, ...pss(used.console) }),
    figure("memoryAfterUse.agent", used.agent.rssMiB, "MiB", { goal: goals.agent, ...pss(used.agent) }),
  ];
}

/** Memory of a console on a terminal that can show line charts, for which it loads blessed-contrib, after the same use. */
export async function measureChartMemory(workshop: Workshop, agent: Agent, stay: Stay): Promise<Figure[]> {
  const command = workshop.console(agent.socketPath, "bench/charts");
  const screen = workshop.open({ command, term: "xterm-256color" });
  await screen.expect("CPU USAGE");
  await wait(500);
  await unlock(screen);
  await openEveryScreen(screen, stay.ms, stay.screens);
  const memory = memoryOf(screen.pid);
  await workshop.close(screen);
  return [
    figure("memoryAfterUse.consoleWithCharts", memory.rssMiB, "MiB", {
      goal: goals.console,
      note: `PSS ${memory.pssMiB.toFixed(1)} MiB; TERM=xterm-256color`,
    }),
  ];
}

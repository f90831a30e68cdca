import { setTimeout as wait } from "node:timers/promises";
import { entries, keyBytes, select, selected, unlock } from "./configuration.ts";
import { type Figure, figure, spreadOf } from "./figures.ts";
import { type Agent, isHomeComplete, type Workshop } from "./programs.ts";
import type { BenchScreen } from "./screen.ts";

const baud = 9600;
/** A start bit, eight of data, a stop bit. */
const bytesPerSecond = baud / 10;
const timeoutMs = 20_000;

/** One key, and how to know the screen that it leads to; `from`: the entry of the list that is selected before. */
type Step = { to: string; bytes: string; shows: RegExp; from?: string };

const toList = (selected: string): Step => ({
  to: "configuration list",
  bytes: keyBytes.esc,
  shows: new RegExp(`> ${selected}[\\s\\S]*Esc Back`),
});
const shortSteps: readonly Step[] = [
  { to: "help", bytes: keyBytes.f1, shows: /^[^\n]*Help[\s\S]*Esc Back/ },
  toList("Change Passwords"),
];
const steps: readonly Step[] = [
  ...shortSteps,
  { to: "change passwords", bytes: keyBytes.enter, shows: /^[^\n]*Change Passwords[\s\S]*Esc Back/ },
  toList("Change Passwords"),
  { to: "CPU", bytes: keyBytes.enter, shows: /^[^\n]*CPU[\s\S]*Esc Back/, from: "CPU" },
  toList("CPU"),
  { to: "logs", bytes: keyBytes.enter, shows: /^[^\n]*Logs[\s\S]*Esc Back/, from: "Logs" },
  toList("Logs"),
  { to: "configuration list, drawn anew", bytes: keyBytes.ctrlL, shows: toList("Logs").shows },
  { to: "home", bytes: keyBytes.f2, shows: /NODE INFO[\s\S]*F12 Power/ },
];

/**
 * From a key to the last byte of a whole new screen on a line of 9,600 baud, and what happens to keys that come while a
 * screen is being sent. The console is told the line's speed, as on a real one.
 */
export async function measureSlowLine(workshop: Workshop, agent: Agent, quick: boolean): Promise<Figure[]> {
  const command = workshop.console(agent.socketPath, "bench/slow", "--baud", String(baud));
  const screen = workshop.open({ command, term: "vt220", bytesPerSecond });
  const first = await screen.until(() => isHomeComplete(screen.text()), timeoutMs);
  const firstMs = first === undefined ? null : first.at - screen.startedAt;
  await wait(500);
  await unlock(screen);
  await screen.still(() => masked(screen), 500);

  const times: { to: string; ms: number; bytes: number }[] = [];
  const during = quick ? undefined : await keysDuringRepaint(screen);
  for (const step of quick ? shortSteps : steps) {
    if (step.from !== undefined) {
      await select(
        screen,
        entries(screen).findIndex(({ label }) => label === step.from),
      );
      await screen.still(() => masked(screen), 1000);
    }
    const before = screen.bytes;
    const pressedAt = screen.type(step.bytes);
    await screen.expect(step.shows, timeoutMs);
    const last = await screen.still(() => masked(screen), 400);
    times.push({ to: step.to, ms: last.at - pressedAt, bytes: last.total - before });
  }
  await workshop.close(screen);

  const all = times.map(({ ms }) => ms);
  const note = times.map(({ to, ms, bytes }) => `${to} ${Math.round(ms)} ms, ${bytes} B`).join("; ");
  return [
    figure("newScreenAt9600Ms", Math.max(...all), "ms", { goal: "<= 2000", spread: spreadOf(all), note }),
    figure("firstFrameAt9600Ms", firstMs, "ms"),
    ...(during ?? [figure("keyDuringRepaintAt9600Ms", null, "ms", { note: "not part of a quick run" })]),
  ];
}

/**
 * Ctrl-L, and then keys while the screen is being sent: how long the first one takes to show, and whether all of them
 * count.
 */
async function keysDuringRepaint(screen: BenchScreen): Promise<Figure[]> {
  screen.type(keyBytes.ctrlL);
  await wait(200);
  const pressedAt = screen.type("j");
  for (let i = 0; i < 4; i++) {
    await wait(30);
    screen.type("j");
  }
  const shown = await screen.until(() => selected(screen) > 0, timeoutMs);
  const last = await screen.still(() => masked(screen), 1500);
  const counted = selected(screen) === 5 ? "all five counted" : "some were lost";
  await select(screen, 0);
  await screen.still(() => masked(screen), 1500);
  const settled = Math.round(last.at - pressedAt);
  return [
    figure("keyDuringRepaintAt9600Ms", shown === undefined ? null : shown.at - pressedAt, "ms", {
      note: `five j from 200 ms after a Ctrl-L on: the first change shows then, the last after ${settled} ms; ${counted}`,
    }),
  ];
}

/** The text below the clock's line without its figures, which move by themselves. */
function masked(screen: BenchScreen): string {
  return screen
    .lines()
    .slice(1)
    .join("\n")
    .replace(/[\d ]+/g, "0");
}

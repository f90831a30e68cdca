import { setTimeout as wait } from "node:timers/promises";
import type { BenchScreen } from "./screen.ts";

export const password = "bench: correct horse";

export const keyBytes = {
  enter: "\r",
  esc: "\x1b",
  f1: "\x1bOP",
  f2: "\x1bOQ",
  f4: "\x1bOS",
  ctrlL: "\x0c",
  down: "\x1b[B",
  up: "\x1b[A",
};

const title = "System Configuration";
const timeoutMs = 10_000;

/** From the home screen past the password to the list of System Configuration. */
export async function unlock(screen: BenchScreen): Promise<void> {
  screen.type(keyBytes.f2);
  await screen.expect("Nothing is shown while you type");
  screen.type(`${password}\r`);
  await screen.expect(title);
  await screen.expect("> Change Passwords");
}

/** The list's entries as the screen shows them. */
export function entries(screen: BenchScreen): { label: string; selected: boolean }[] {
  return screen.lines().flatMap((line) => {
    const [, mark, label = ""] = /^ {2}([> ]) (\S+(?: \S+)*)/.exec(line) ?? [];
    return mark === undefined ? [] : [{ label, selected: mark === ">" }];
  });
}

export function selected(screen: BenchScreen): number {
  return entries(screen).findIndex((entry) => entry.selected);
}

/** Moves the selection to an entry, down or up the list. */
export async function select(screen: BenchScreen, index: number): Promise<void> {
  const steps = index - selected(screen);
  screen.type((steps > 0 ? "j" : "k").repeat(Math.abs(steps)));
  await screen.until(() => selected(screen) === index, timeoutMs);
}

/** Opens each screen of the list for a moment, and comes back; or only the first `count`. */
export async function openEveryScreen(screen: BenchScreen, stayMs: number, count: number): Promise<void> {
  const isList = () => (screen.lines()[0] ?? "").includes(title);
  for (const index of entries(screen).slice(0, count).keys()) {
    await select(screen, index);
    screen.type(keyBytes.enter);
    await screen.until(() => !isList(), timeoutMs);
    await wait(stayMs);
    screen.type(keyBytes.esc);
    await screen.until(() => isList() && selected(screen) === index, timeoutMs);
  }
}

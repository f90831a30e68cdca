import { setTimeout as pause } from "node:timers/promises";
import { keyBytes } from "../console.ts";
import type { Console } from "../steps.ts";
import type { Line } from "./line.ts";
import type { Vm } from "./vm.ts";

/* The places from which a person works at a machine, for the steps of `test/support/steps.ts`. */

/** Under emulation, or on a slow line, all takes longer than on a pseudo terminal. */
const patience = 4;
const usualMs = 15_000;
/** How often a screen is looked at: QEMU tells nobody of a change. */
const lookMs = 250;

/** A terminal at the machine's first serial line. */
export function serialSeat(line: Line): Console {
  return {
    text: () => line.text(),
    screen: () => line.text().split("\n"),
    type: (bytes) => line.type(bytes),
    press: (key) => line.type(keyBytes[key]),
    async until(what, timeoutMs = usualMs, name = String(what)) {
      try {
        await line.until(what, timeoutMs * patience);
      } catch (error) {
        throw new Error(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      }
      await quiet(line);
    },
  };
}

/** On a slow line a screen grows piece by piece, over what was there before: nobody reads it before it is whole. */
async function quiet(line: Line): Promise<void> {
  for (let looks = 0; looks < 20; looks++) {
    const { length } = line.raw;
    await pause(lookMs);
    if (line.raw.length === length) return;
  }
}

/** The machine's own screen and keyboard. What is typed arrives key by key; `until` waits for the last one. */
export function screenSeat({ screen }: Pick<Vm, "screen">): Console {
  let seen = "";
  let typed: Promise<unknown> = Promise.resolve();
  const then = (what: () => Promise<unknown>) => {
    typed = typed.then(what);
  };
  return {
    text: () => seen,
    screen: () => seen.split("\n"),
    type: (bytes) => then(() => screen.type(bytes)),
    press: (key) => then(() => screen.press(qemuKeys[key])),
    async until(what, timeoutMs = usualMs, name = String(what)) {
      await typed;
      const deadline = performance.now() + timeoutMs * patience;
      for (;;) {
        seen = await screen.text();
        const holds =
          typeof what === "function" ? what(seen) : typeof what === "string" ? seen.includes(what) : what.test(seen);
        if (holds) return;
        if (performance.now() > deadline) throw new Error(`the screen never showed ${name}:\n${seen}`);
        await pause(lookMs);
      }
    },
  };
}

const qemuKeys: Readonly<Record<keyof typeof keyBytes, string>> = {
  enter: "ret",
  esc: "esc",
  tab: "tab",
  up: "up",
  down: "down",
  right: "right",
  left: "left",
  home: "home",
  end: "end",
  pageup: "pgup",
  pagedown: "pgdn",
  delete: "delete",
  backspace: "backspace",
  f1: "f1",
  f2: "f2",
  f4: "f4",
  f12: "f12",
};

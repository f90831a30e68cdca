import { fixtureMachine, recording } from "../../../../core/node/fixture.ts";
import type { Machine } from "../../../../core/node/machine.ts";

/** What a command prints, by its line; what a file has, by its path. */
export type Answers = { files?: Record<string, string | string[]>; commands?: Record<string, unknown>; now?: number };

/** A machine with these answers, for one source. */
export function answering({ files = {}, commands = {}, now = 1_795_269_787_000 }: Answers): Machine {
  return fixtureMachine(recording.parse({ now, files, commands }));
}

/** A machine whose time passes only when it is told to. */
export function handMachine(answers: Answers = {}) {
  let clock = 1_795_269_787_000;
  let monotonic = 50_000;
  let nth = 0;
  let timers: { at: number; nth: number; action: () => void }[] = [];

  const machine: Machine = {
    ...answering(answers),
    now: () => clock,
    monotonicMs: () => monotonic,
    after(delayMs, action) {
      nth += 1;
      const timer = { at: monotonic + delayMs, nth, action };
      timers.push(timer);
      return () => {
        timers = timers.filter((one) => one !== timer);
      };
    },
  };

  /** Lets time pass; every timer that is due runs, with everything that follows from it. */
  async function pass(ms: number): Promise<void> {
    const end = monotonic + ms;
    await settled();
    for (;;) {
      const due = timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at || a.nth - b.nth)[0];
      if (due === undefined) break;
      timers = timers.filter((one) => one !== due);
      const step = Math.max(due.at - monotonic, 0);
      monotonic += step;
      clock += step;
      due.action();
      await settled();
    }
    clock += end - monotonic;
    monotonic = end;
  }

  return {
    machine,
    pass,
    stepClock(ms: number) {
      clock += ms;
    },
    waiting: () => timers.length,
  };
}

/** Everything that was only waiting for its turn is done. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

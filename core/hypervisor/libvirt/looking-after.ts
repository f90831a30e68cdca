import { type Machine, sleep } from "../../node/machine.ts";

/** What somebody else does to this host, nobody tells. */
const lookMs = 60_000;

/**
 * Does something whenever it is called for, never twice at the same time, and once more when it was called for meanwhile;
 * and every minute, until `signal`. @param action that does not throw @returns what calls for it
 */
export function lookingAfter(machine: Machine, action: () => Promise<void>, signal: AbortSignal): () => void {
  let [isBusy, isMore] = [false, false];
  const run = async () => {
    isMore = true;
    if (isBusy) return;
    isBusy = true;
    while (isMore) {
      isMore = false;
      await action();
    }
    isBusy = false;
  };
  const everyMinute = async () => {
    while (!signal.aborted) {
      await sleep(machine, lookMs, signal);
      if (!signal.aborted) void run();
    }
  };
  void everyMinute();
  return () => void run();
}

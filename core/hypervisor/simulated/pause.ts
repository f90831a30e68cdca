import { calledOff } from "../refusals.ts";

/** Calls `action` after so long; gives what calls it off. */
export type After = (delayMs: number, action: () => void) => () => void;

export function afterTime(delayMs: number, action: () => void): () => void {
  const timer = setTimeout(action, delayMs);
  return () => clearTimeout(timer);
}

/** @throws HYPERVISOR.ABORTED when `signal` says so before it is over */
export function pauseFor(after: After, delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  if (signal?.aborted) return Promise.reject(calledOff());
  if (delayMs === 0) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const cancel = after(delayMs, () => {
      signal?.removeEventListener("abort", stop);
      resolve();
    });
    function stop() {
      cancel();
      reject(calledOff());
    }
    signal?.addEventListener("abort", stop, { once: true });
  });
}

import { setImmediate } from "node:timers/promises";

/** Milliseconds of work in one stretch; a single record may add to it. */
const longestStretchMs = 20;

/** Lets others have their turn during long work. */
export class Pace {
  #since = performance.now();

  isOver(): boolean {
    return performance.now() - this.#since >= longestStretchMs;
  }

  async rest(): Promise<void> {
    await setImmediate();
    this.#since = performance.now();
  }
}

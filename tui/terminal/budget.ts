const framesPerSecond = 4;
/** So long after a key its consequences count as its answer, and are shown at once. */
const answerMs = 300;
/** Not even answers come faster than this: a held key needs no more frames than an eye can see. */
const closestMs = 20;

/**
 * When the next frame may be drawn: at once after a key, at most four times in any second for the rest. Times are
 * milliseconds of any clock that never steps back.
 */
export class FrameBudget {
  #keyAt = Number.NEGATIVE_INFINITY;
  #frameAt = Number.NEGATIVE_INFINITY;
  /** Whether a frame was drawn since the last key: the first one needn't wait at all. */
  #answered = true;
  /** The last frames that no key asked for, oldest first. */
  #unasked: number[] = [];

  key(now: number): void {
    this.#keyAt = now;
    this.#answered = false;
  }

  /** How long the next frame has to wait from now on. */
  waitMs(now: number): number {
    if (!this.#answered) return 0;
    if (now - this.#keyAt <= answerMs) return Math.max(this.#frameAt + closestMs - now, 0);
    const oldest = this.#unasked.length < framesPerSecond ? undefined : this.#unasked[0];
    return oldest === undefined ? 0 : Math.max(oldest + 1000 - now, 0);
  }

  /** A frame was drawn. */
  drawn(now: number): void {
    this.#frameAt = now;
    this.#answered = true;
    if (now - this.#keyAt <= answerMs) return;
    this.#unasked.push(now);
    if (this.#unasked.length > framesPerSecond) this.#unasked.shift();
  }
}

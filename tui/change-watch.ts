import type { Notice } from "./frame.ts";
import type { Translate } from "./i18n/catalogue.ts";
import { type FollowedChange, leftMs, runningChange } from "./network-change.ts";
import { phaseWords } from "./screens/network/trial-words.ts";

/** How long it is told how a change ended, where nobody presses a key. */
const outcomeMs = 60_000;

/**
 * What every console does about a change of the network, whatever screen it shows: the seconds that are left are drawn
 * anew when they change, and its end is told.
 */
export class ChangeWatch {
  readonly #monotonic: () => number;
  readonly #redraw: () => void;
  #timer: NodeJS.Timeout | undefined;
  #outcome: (Notice & { until: number }) | undefined;

  constructor(monotonic: () => number, redraw: () => void) {
    this.#monotonic = monotonic;
    this.#redraw = redraw;
  }

  /** How a change ended that went on a moment ago. */
  get outcome(): Notice | undefined {
    const outcome = this.#outcome;
    return outcome === undefined || outcome.until < this.#monotonic() ? undefined : outcome;
  }

  /** Somebody pressed a key, and has seen it. */
  dismiss(): void {
    this.#outcome = undefined;
  }

  /** The agent has told of a change, or that there is none any more. */
  told(t: Translate, before: FollowedChange | undefined, now: FollowedChange | undefined): void {
    if (runningChange(before) !== undefined && runningChange(now) === undefined) {
      const forgotten: Notice = { text: t("network.trial.forgotten"), style: "bad" };
      const words = now === undefined ? forgotten : phaseWords(t, now.transaction);
      this.#outcome = { ...words, until: this.#monotonic() + outcomeMs };
    }
    this.#countDown(now);
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #countDown(change: FollowedChange | undefined): void {
    clearTimeout(this.#timer);
    const left = leftMs(change, this.#monotonic());
    if (left === undefined || left === 0) return;
    this.#timer = setTimeout(
      () => {
        this.#redraw();
        this.#countDown(change);
      },
      left % 1000 || 1000,
    );
  }
}

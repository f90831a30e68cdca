import type { Control } from "../screen.ts";

/** Asks the agent again and again for as long as somebody looks, and never twice at once. */
export class Poll<T> {
  readonly #control: Control;
  readonly #ask: () => Promise<T>;
  readonly #everyMs: number;
  readonly #changed: (value: T) => void;
  #timer: NodeJS.Timeout | undefined;
  #asking = false;
  #value: T | undefined;

  /** `ask` may throw: the person is told then, and the value that was there stays. */
  constructor(control: Control, everyMs: number, ask: () => Promise<T>, changed: (value: T) => void = () => {}) {
    this.#control = control;
    this.#everyMs = everyMs;
    this.#ask = ask;
    this.#changed = changed;
  }

  get value(): T | undefined {
    return this.#value;
  }

  start(): void {
    this.stop();
    this.#timer = setInterval(() => void this.#once(), this.#everyMs);
    void this.#once();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #once(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    const value = await this.#control.attempt(this.#ask);
    this.#asking = false;
    if (value === undefined || this.#timer === undefined) return;
    this.#value = value;
    this.#changed(value);
    this.#control.redraw();
  }
}

import type { Control } from "../screen.ts";

/** How long an LED blinks: long enough to walk behind the rack. */
export const blinkSeconds = 30;

/** Lets the LED beside a socket blink, one at a time. */
export class Blinker {
  readonly #control: Control;
  #link: string | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(control: Control) {
    this.#control = control;
  }

  /** The interface that blinks now. */
  get link(): string | undefined {
    return this.#link;
  }

  /** Begins, or ends it where it blinks already. */
  async toggle(link: string): Promise<void> {
    const before = this.#link;
    if (before !== undefined) await this.#send(before, 0);
    this.#forget();
    if (before !== link && (await this.#send(link, blinkSeconds))) {
      this.#link = link;
      this.#timer = setTimeout(() => {
        this.#forget();
        this.#control.redraw();
      }, blinkSeconds * 1000);
    }
    this.#control.redraw();
  }

  /** The screen is left: what blinks goes on until its time is over. */
  close(): void {
    this.#forget();
  }

  #forget(): void {
    clearTimeout(this.#timer);
    this.#link = undefined;
  }

  async #send(link: string, seconds: number): Promise<boolean> {
    const { client } = this.#control;
    const done = await this.#control.attempt(async () => {
      await client.call("blinkLink", { params: { link }, body: { seconds } });
      return true;
    });
    return done === true;
  }
}

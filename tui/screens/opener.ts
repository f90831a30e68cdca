import type { Control, Screen } from "./screen.ts";

/**
 * Opens screens whose code is still to be loaded, one at a time. A screen that was left, or locked, while the code was
 * on its way opens nothing any more: what lies behind the password must not appear on a locked console.
 */
export class Opener {
  readonly #control: Control;
  #here = false;
  #opening = false;

  constructor(control: Control) {
    this.#control = control;
  }

  /** The screen that opens others is on the stack; call it from its `enter`. */
  enter(): void {
    this.#here = true;
  }

  /** It was closed; call it from its `leave`. */
  leave(): void {
    this.#here = false;
  }

  open(make: () => Promise<Screen>): void {
    if (this.#opening) return;
    this.#opening = true;
    void this.#control
      .attempt(async () => {
        const screen = await make();
        if (this.#here) this.#control.open(screen);
      })
      .finally(() => {
        this.#opening = false;
      });
  }
}

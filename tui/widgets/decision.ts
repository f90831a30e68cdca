import type { Translate } from "../i18n/catalogue.ts";
import type { Canvas, Style } from "../terminal/canvas.ts";
import type { Key } from "../terminal/key.ts";
import { wrap } from "../terminal/width.ts";

export type Asked = {
  /** What is asked; `\n` breaks lines. With a countdown its seconds stand in it as plain words. */
  question: string;
  style: Style;
  /** What Y does, in a few words; undefined while it can't be pressed. */
  yes: string | undefined;
  no: string | undefined;
};

export type DecisionOptions = {
  /** Asked for at every key and every frame, so that it follows the time and the language. */
  ask: () => Asked;
  onYes: () => void;
  onNo: () => void;
};

/**
 * A decision that only Y or N makes, each of them once: Enter does nothing, and letters of a paste or of a held key
 * that come as one burst count for nothing. What it asks may count down: the screen draws it anew once a second, and
 * nothing but the seconds changes.
 */
export class Decision {
  readonly #options: DecisionOptions;
  #made = false;

  constructor(options: DecisionOptions) {
    this.#options = options;
  }

  /** To be asked again, after what was decided has failed. */
  reset(): void {
    this.#made = false;
  }

  key(key: Key): boolean {
    if (key.name === "enter" || key.name === "paste") return true;
    if (key.name !== "char" || !/^[yn]$/i.test(key.text)) return false;
    if (this.#made || key.inBurst === true) return true;
    const { ask, onYes, onNo } = this.#options;
    const { yes, no } = ask();
    const isYes = key.text.toLowerCase() === "y";
    if ((isYes ? yes : no) === undefined) return true;
    this.#made = true;
    if (isYes) onYes();
    else onNo();
    return true;
  }

  /** Lines that it takes at a width. */
  height(width: number): number {
    return wrap(this.#options.ask().question, width).length + 2;
  }

  /** Draws into the last lines of the canvas. */
  draw(canvas: Canvas, t: Translate): void {
    const { question, style, yes, no } = this.#options.ask();
    const lines = wrap(question, canvas.width);
    const top = Math.max(canvas.height - lines.length - 2, 0);
    lines.forEach((line, i) => {
      canvas.text(0, top + i, line, style);
    });
    const y = top + lines.length + 1;
    if (this.#made) {
      canvas.text(0, y, t("widget.form.busy"), "dim");
      return;
    }
    let x = 0;
    if (yes !== undefined) x = canvas.text(x, y, `[Y] ${yes}`, "strong") + 3;
    if (no !== undefined) canvas.text(x, y, `[N] ${no}`, "strong");
  }
}

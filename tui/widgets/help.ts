import type { Translate } from "../i18n/catalogue.ts";
import type { Canvas } from "../terminal/canvas.ts";
import type { Key } from "../terminal/key.ts";
import { displayWidth } from "../terminal/width.ts";
import { type TextLine, TextView } from "./text.ts";

export type HelpContent = {
  /** Keys of the screen with what they do; the most used first. */
  keys: readonly (readonly [key: string, what: string])[];
  /** What the screen is for. Empty lines part paragraphs. */
  text: string;
};

/** Help for one screen: its keys in two columns, then what it is for. Scrolls where it is longer than the room. */
export class Help {
  readonly #view = new TextView();

  constructor(content: HelpContent) {
    this.#view.set(helpLines(content));
  }

  get typing(): boolean {
    return this.#view.typing;
  }

  key(key: Key): boolean {
    return this.#view.key(key);
  }

  draw(canvas: Canvas, t: Translate): void {
    this.#view.draw(canvas, t);
  }
}

/** The lines of a help text, for a text view. */
export function helpLines({ keys, text }: HelpContent): TextLine[] {
  const leadWidth = Math.max(0, ...keys.map(([key]) => displayWidth(key))) + 3;
  const lines: TextLine[] = keys.map(([key, what]) => ({ lead: key, leadStyle: "key", leadWidth, text: what }));
  const paragraphs = text.split("\n").map((paragraph): TextLine => ({ text: paragraph }));
  if (text === "") return lines;
  return lines.length === 0 ? paragraphs : [...lines, { text: "" }, ...paragraphs];
}

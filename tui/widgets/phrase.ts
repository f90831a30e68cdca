import type { Translate } from "../i18n/catalogue.ts";
import type { Canvas, Style } from "../terminal/canvas.ts";
import type { Key } from "../terminal/key.ts";
import { wrap } from "../terminal/width.ts";
import { TextInput } from "./input.ts";
import { drawMarks } from "./scroll.ts";

export type Impact = { text: string; style?: Style };

export type PhraseOptions = {
  /** What is about to be done, in a sentence. */
  question: () => string;
  /** What it would hit; undefined while that is not known yet: nothing can be confirmed until then. */
  impact: () => readonly Impact[] | undefined;
  /** What has to be typed, to the letter. The same in every language. */
  phrase: string;
  onConfirm: () => void;
};

type Trouble = "wrong" | "paste";

/**
 * The last step before something that can't be taken back: what it hits, and a phrase to type. Only the exact phrase
 * and Enter act, and only once; a paste is refused, because it shows no intention. Esc is left to the screen.
 */
export class PhrasePrompt {
  readonly #options: PhraseOptions;
  readonly #input: TextInput;
  #trouble: Trouble | undefined;
  #done = false;
  #scroll = 0;
  /** The room of the last frame. */
  #room = { width: 80, height: 20 };

  constructor(options: PhraseOptions) {
    this.#options = options;
    this.#input = new TextInput({ maxLength: options.phrase.length + 20 });
  }

  /** True once it has acted. */
  get done(): boolean {
    return this.#done;
  }

  /** Ready to be confirmed again, after the action has failed. */
  reset(): void {
    this.#done = false;
    this.#trouble = undefined;
    this.#input.clear();
  }

  key(key: Key): boolean {
    if (key.name === "esc") return false;
    if (this.#done) return true;
    if (key.name === "paste") {
      this.#trouble = "paste";
      return true;
    }
    if (key.name === "enter") {
      this.#confirm();
      return true;
    }
    if (key.name === "up" || key.name === "down" || key.name === "pageup" || key.name === "pagedown") {
      const { lines, room } = this.#layout();
      const page = key.name.startsWith("page") ? Math.max(room - 1, 1) : 1;
      const by = key.name === "up" || key.name === "pageup" ? -page : page;
      this.#scroll = Math.max(Math.min(this.#scroll + by, lines.length - room), 0);
      return true;
    }
    if (!this.#input.key(key)) return false;
    this.#trouble = undefined;
    return true;
  }

  draw(canvas: Canvas, t: Translate): void {
    this.#room = { width: canvas.width, height: canvas.height };
    const { phrase, question, impact } = this.#options;
    const { lines, room } = this.#layout();
    const top = Math.max(Math.min(this.#scroll, lines.length - room), 0);
    canvas.text(0, 0, question(), "strong");
    let y = 2;
    if (impact() === undefined) canvas.text(2, y++, t("widget.phrase.checking"), "dim");
    for (const line of lines.slice(top, top + room)) canvas.text(2, y++, line.text, line.style ?? "text");
    if (lines.length > room) drawMarks(canvas, y++, top, lines.length - room - top, t, 2);
    y++;
    canvas.text(0, y++, t("widget.phrase.ask", { phrase }));
    this.#input.draw(canvas.part(2, y++, Math.min(phrase.length + 21, canvas.width - 2), 1), { focused: !this.#done });
    if (this.#trouble !== undefined) canvas.text(0, y + 1, t(`widget.phrase.${this.#trouble}`, { phrase }), "bad");
  }

  #confirm(): void {
    const { phrase, impact, onConfirm } = this.#options;
    if (impact() === undefined || this.#input.value === "") return;
    if (this.#input.value !== phrase) {
      this.#trouble = "wrong";
      return;
    }
    this.#done = true;
    onConfirm();
  }

  /** The impact's lines, wrapped, and how many of them have room. */
  #layout(): { lines: Impact[]; room: number } {
    const { width, height } = this.#room;
    const lines = (this.#options.impact() ?? []).flatMap((line) =>
      wrap(line.text, Math.max(width - 2, 1)).map((text): Impact => ({ ...line, text })),
    );
    const most = Math.max(height - chrome, 1);
    return { lines, room: lines.length <= most ? lines.length : Math.max(most - 1, 1) };
  }
}

/** Lines beside the impact: the question, three blank ones, what to type, the input, and the trouble with it. */
const chrome = 7;

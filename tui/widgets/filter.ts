import type { Translate } from "../i18n/catalogue.ts";
import type { Canvas } from "../terminal/canvas.ts";
import type { Key } from "../terminal/key.ts";
import { cellsOf, displayWidth } from "../terminal/width.ts";
import { TextInput } from "./input.ts";

/**
 * What `/` opens at the foot of a list, a table or a text: words that are typed there.
 * Enter ends the typing and keeps the words, Esc clears them. An Esc without words is not taken, so that it leaves the
 * screen as everywhere.
 */
export class Filter {
  readonly #input = new TextInput({ maxLength: 200 });
  #typing = false;

  /** True while characters belong to the filter. */
  get typing(): boolean {
    return this.#typing;
  }

  /** True when there is something to show at the foot. */
  get active(): boolean {
    return this.#typing || this.#input.value !== "";
  }

  get text(): string {
    return this.#input.value;
  }

  /** No words, as before the first `/`. */
  clear(): void {
    this.#input.clear();
    this.#typing = false;
  }

  key(key: Key): boolean {
    if (key.name === "esc" && this.active) {
      this.clear();
      return true;
    }
    if (this.#typing) {
      if (key.name === "enter") {
        this.#typing = false;
        return true;
      }
      if (key.name === "backspace" && this.#input.value === "") {
        this.#typing = false;
        return true;
      }
      return this.#input.key(key);
    }
    if (key.name === "char" && key.text === "/") {
      this.#typing = true;
      return true;
    }
    return false;
  }

  /** Draws label and words into the line `y` from the column `x`; `hint` follows where the typing has ended. */
  draw(
    canvas: Canvas,
    x: number,
    y: number,
    t: Translate,
    label: "widget.filter" | "widget.search",
    hint: string,
  ): void {
    const at = canvas.text(x, y, t(label), "key") + 1;
    if (this.#typing) {
      this.#input.draw(canvas.part(at, y, canvas.width - at, 1), { focused: true });
      return;
    }
    const end = canvas.text(
      at,
      y,
      this.#input.value,
      "strong",
      Math.max(canvas.width - at - displayWidth(hint) - 3, 8),
    );
    canvas.text(end + 3, y, hint, "dim");
  }
}

/** The words of a filter, without regard to case. */
export function wordsOf(text: string): string[] {
  return text
    .toLowerCase()
    .split(/\s+/u)
    .filter((word) => word !== "");
}

/** Whether every word is somewhere in the text. No words match everything. */
export function matches(text: string, words: readonly string[]): boolean {
  if (words.length === 0) return true;
  const folded = text.toLowerCase();
  return words.every((word) => folded.includes(word));
}

/** Draws a text with the places marked where one of the words stands. Returns the column behind it. */
export function drawMarked(
  canvas: Canvas,
  x: number,
  y: number,
  text: string,
  style: Parameters<Canvas["text"]>[3],
  words: readonly string[],
): number {
  const end = canvas.text(x, y, text, style);
  if (words.length === 0) return end;
  // Lower case can be longer than upper case (İ), so each unit of the folded text knows the cell that it came from.
  const cells = [...cellsOf(text)];
  let folded = "";
  const owner: number[] = [];
  const columns: number[] = [];
  let column = x;
  cells.forEach((cell, index) => {
    columns.push(column);
    column += cell.width;
    const lower = cell.char.toLowerCase();
    folded += lower;
    for (let i = 0; i < lower.length; i++) owner.push(index);
  });
  for (const word of words) {
    for (let at = folded.indexOf(word); at >= 0; at = folded.indexOf(word, at + word.length)) {
      const first = owner[at] ?? 0;
      const last = owner[at + word.length - 1] ?? first;
      for (let i = first; i <= last; i++) {
        const cell = cells[i];
        const where = columns[i];
        if (cell !== undefined && where !== undefined && where + cell.width <= canvas.width)
          canvas.text(where, y, cell.char, "selected");
      }
    }
  }
  return end;
}

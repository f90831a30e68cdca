import type { Canvas, Style } from "../terminal/canvas.ts";
import type { Key } from "../terminal/key.ts";
import { displayWidth } from "../terminal/width.ts";

export type InputOptions = {
  value?: string;
  /** Most UTF-16 units that are taken: what `string.length` and a schema's `max` count. */
  maxLength?: number;
  /** A secret: nothing of it is drawn, neither its characters nor how many there are. */
  masked?: boolean;
  /** Which characters may be typed; others are ignored. Without it, all that can be printed. */
  allowed?: (char: string) => boolean;
  /** The text that is set is a proposal: what is typed first takes its place; a key that edits or moves keeps it. */
  replaceOnType?: boolean;
};

/**
 * One line of text that a person edits. The cursor moves by what a person calls a character, so a combining mark or a
 * wide character is one step. A masked input is edited at its end only: an invisible cursor would lead into typing at
 * the wrong place.
 */
export class TextInput {
  readonly #maxLength: number;
  readonly #masked: boolean;
  readonly #allowed: (char: string) => boolean;
  readonly #replaceOnType: boolean;
  /** True while the next character that is taken replaces the whole text. */
  #replacing = false;
  #value = "";
  /** UTF-16 offset of the cursor, always between two characters. */
  #cursor = 0;

  constructor(options: InputOptions = {}) {
    this.#maxLength = options.maxLength ?? 1024;
    this.#masked = options.masked ?? false;
    this.#allowed = options.allowed ?? (() => true);
    this.#replaceOnType = options.replaceOnType ?? false;
    this.set(options.value ?? "");
  }

  get value(): string {
    return this.#value;
  }

  /** Replaces the text; the cursor goes behind it. */
  set(value: string): void {
    this.#value = value;
    this.#cursor = value.length;
    this.#replacing = this.#replaceOnType;
  }

  /**
   * An entry ended here: of a masked text nobody sees what is there, so what is typed next is the whole of it. A text
   * that is seen stays to be edited.
   */
  endEntry(): void {
    if (this.#masked) this.#replacing = true;
  }

  clear(): void {
    this.set("");
  }

  key(key: Key): boolean {
    if (key.name === "char") this.#insert(key.text);
    else if (key.name === "paste") this.#insert(firstLine(key.text));
    else {
      const edit = key.name === "ctrl" ? controls[key.letter] : edits[key.name];
      if (edit === undefined) return false;
      if (!this.#masked) this.#apply(edit.plain);
      else if (edit.masked !== undefined) this.#apply(this.#replacing ? empty : edit.masked);
    }
    return true;
  }

  /**
   * Draws into the first line of the canvas. A text that is too long scrolls by half the room at a time, so that typing
   * at the end does not send the whole field again with each key.
   */
  draw(canvas: Canvas, options: { focused?: boolean; placeholder?: string } = {}): void {
    const focused = options.focused ?? true;
    const style: Style = focused ? "focus" : "field";
    const textStyle: Style = focused && this.#replacing ? "selected" : style;
    canvas.fill({ x: 0, y: 0, width: canvas.width, height: 1 }, " ", style);
    if (this.#masked || this.#value === "") {
      if (!focused && !this.#masked && options.placeholder !== undefined) canvas.text(0, 0, options.placeholder, "dim");
      if (focused) canvas.cursor(0, 0);
      return;
    }
    const { from, cursor, cutLeft, cutRight } = this.#window(canvas.width);
    canvas.text(0, 0, this.#value.slice(from), textStyle);
    if (cutLeft) canvas.text(0, 0, canvas.glyphs.ellipsis, "dim");
    if (cutRight) canvas.text(canvas.width - 1, 0, canvas.glyphs.ellipsis, "dim");
    if (focused) canvas.cursor(cursor, 0);
  }

  #apply(edit: Edit): void {
    const next = edit(this.#value, this.#cursor);
    this.#value = next.value;
    this.#cursor = next.cursor;
    this.#replacing = false;
  }

  #insert(text: string): void {
    for (const char of charactersOf(text)) {
      if (/\p{Cc}/u.test(char) || !this.#allowed(char)) continue;
      if (this.#replacing) this.#apply(empty);
      if (this.#value.length + char.length > this.#maxLength) return;
      const head = this.#value.slice(0, this.#cursor) + char;
      this.#value = head + this.#value.slice(this.#cursor);
      this.#cursor = boundaryAtOrAfter(this.#value, head.length);
    }
  }

  /** From which UTF-16 unit on the text is shown in `width` cells, and the cell of the cursor there. */
  #window(width: number): { from: number; cursor: number; cutLeft: boolean; cutRight: boolean } {
    const before = displayWidth(this.#value.slice(0, this.#cursor));
    const total = displayWidth(this.#value);
    // One cell behind the text is for the cursor.
    if (total < width) return { from: 0, cursor: before, cutLeft: false, cutRight: false };
    const marks = width >= 6;
    const room = marks ? width - 2 : Math.max(width - 1, 1);
    const step = Math.max(Math.floor(room / 2), 1);
    const skip = before < room ? 0 : (Math.floor((before - room) / step) + 1) * step;
    let from = 0;
    let column = 0;
    for (const char of charactersOf(this.#value)) {
      if (column >= skip) break;
      from += char.length;
      column += displayWidth(char);
    }
    const cutRight = marks && total - column > width;
    return { from, cursor: before - column, cutLeft: marks && from > 0, cutRight };
  }
}

type Edit = (value: string, cursor: number) => { value: string; cursor: number };
/** What a key does to a text that is seen, and to one that isn't; without the latter the key does nothing there. */
type Editing = { plain: Edit; masked?: Edit };

const toStart: Edit = (value) => ({ value, cursor: 0 });
const toEnd: Edit = (value) => ({ value, cursor: value.length });
const empty: Edit = () => ({ value: "", cursor: 0 });

function deleteBetween(value: string, from: number, to: number): { value: string; cursor: number } {
  return { value: value.slice(0, from) + value.slice(to), cursor: from };
}

const edits: Partial<Record<string, Editing>> = {
  left: { plain: (value, cursor) => ({ value, cursor: boundaryBefore(value, cursor) }) },
  right: { plain: (value, cursor) => ({ value, cursor: boundaryAtOrAfter(value, cursor + 1) }) },
  home: { plain: toStart },
  end: { plain: toEnd },
  backspace: {
    plain: (value, cursor) => deleteBetween(value, boundaryBefore(value, cursor), cursor),
    masked: (value, cursor) => deleteBetween(value, boundaryBefore(value, cursor), cursor),
  },
  delete: { plain: (value, cursor) => deleteBetween(value, cursor, boundaryAtOrAfter(value, cursor + 1)) },
};

const controls: Partial<Record<string, Editing>> = {
  a: { plain: toStart },
  e: { plain: toEnd },
  u: { plain: (value, cursor) => deleteBetween(value, 0, cursor), masked: empty },
  k: { plain: (value, cursor) => deleteBetween(value, cursor, value.length) },
  w: {
    plain: (value, cursor) => {
      const head = value.slice(0, cursor);
      return deleteBetween(value, head.length - (/\S*\s*$/u.exec(head)?.[0].length ?? 0), cursor);
    },
    masked: empty,
  },
};

/**
 * What stands before the first line break. That may be nothing: a paste without brackets comes as characters, and then
 * its first line break with all that follows, of which nothing belongs to this line.
 */
function firstLine(text: string): string {
  return text.split(/[\r\n]/, 1)[0] ?? "";
}

let segmenter: Intl.Segmenter | undefined;

function charactersOf(text: string): string[] {
  if (/^[\x20-\x7e]*$/.test(text)) return text.split("");
  segmenter ??= new Intl.Segmenter(undefined, { granularity: "grapheme" });
  return Array.from(segmenter.segment(text), (s) => s.segment);
}

function boundaryBefore(text: string, offset: number): number {
  let last = 0;
  let at = 0;
  for (const char of charactersOf(text)) {
    if (at >= offset) break;
    last = at;
    at += char.length;
  }
  return last;
}

function boundaryAtOrAfter(text: string, offset: number): number {
  let at = 0;
  for (const char of charactersOf(text)) {
    if (at >= offset) break;
    at += char.length;
  }
  return at;
}

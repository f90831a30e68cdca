import { cellsOf, displayWidth, truncate } from "./width.ts";

/**
 * What a piece of text is, not how it looks: the console's profile turns each into colours or, on a monochrome line,
 * into bold and inverse.
 */
export const styles = [
  "text",
  "strong",
  "dim",
  "heading",
  "good",
  "warn",
  "bad",
  "bar",
  "selected",
  "field",
  "focus",
  "graph",
  "preview",
  "key",
  "paper",
] as const;
export type Style = (typeof styles)[number];

export type Rect = { x: number; y: number; width: number; height: number };

/**
 * A grid of cells that a screen draws on. A wide character fills its cell and an empty one (`""`) behind it.
 * Drawing outside is cut, never an error. A canvas made by `part` draws on its parent.
 */
export class Canvas {
  readonly width: number;
  readonly height: number;
  /** What the line-drawing, graph and ellipsis glyphs are on this console. */
  readonly glyphs: Glyphs;
  readonly #root: Cells;
  readonly #x: number;
  readonly #y: number;

  private constructor(root: Cells, rect: Rect, glyphs: Glyphs) {
    this.#root = root;
    this.#x = rect.x;
    this.#y = rect.y;
    this.width = rect.width;
    this.height = rect.height;
    this.glyphs = glyphs;
  }

  static on(cells: Cells, glyphs: Glyphs): Canvas {
    return new Canvas(cells, { x: 0, y: 0, width: cells.width, height: cells.height }, glyphs);
  }

  /** A canvas for a part of this one; what lies outside this one is cut off. */
  part(x: number, y: number, width = this.width - x, height = this.height - y): Canvas {
    const left = Math.min(Math.max(x, 0), this.width);
    const top = Math.min(Math.max(y, 0), this.height);
    const rect = {
      x: this.#x + left,
      y: this.#y + top,
      width: Math.max(Math.min(width, this.width - left), 0),
      height: Math.max(Math.min(height, this.height - top), 0),
    };
    return new Canvas(this.#root, rect, this.glyphs);
  }

  /**
   * Writes a text from the cell (x, y) to the right, cut with an ellipsis at `width` cells or the edge.
   * Returns the column behind it. Line breaks and control characters are shown as `?`.
   */
  text(x: number, y: number, text: string, style: Style = "text", width = this.width - x): number {
    if (y < 0 || y >= this.height || x >= this.width || x < 0) return x;
    const room = Math.min(width, this.width - x);
    let column = x;
    for (const cell of cellsOf(truncate(text, room, this.glyphs.ellipsis))) {
      this.#root.set(this.#x + column, this.#y + y, cell.char, cell.width, style);
      column += cell.width;
    }
    return column;
  }

  /** As `text`, but ending before the column `right`. */
  textRight(right: number, y: number, text: string, style: Style = "text"): void {
    this.text(Math.max(right - displayWidth(text), 0), y, text, style);
  }

  /** Fills a rectangle with one narrow character. */
  fill(rect: Rect, char: string, style: Style = "text"): void {
    for (let y = Math.max(rect.y, 0); y < Math.min(rect.y + rect.height, this.height); y++)
      for (let x = Math.max(rect.x, 0); x < Math.min(rect.x + rect.width, this.width); x++)
        this.#root.set(this.#x + x, this.#y + y, char, 1, style);
  }

  clear(style: Style = "text"): void {
    this.fill({ x: 0, y: 0, width: this.width, height: this.height }, " ", style);
  }

  /** Puts the terminal's cursor here when the frame is shown. Without a call in a frame it stays hidden. */
  cursor(x: number, y: number): void {
    if (x >= 0 && x < this.width && y >= 0 && y < this.height) this.#root.cursor = { x: this.#x + x, y: this.#y + y };
  }
}

/** Characters of one console's profile. `levels` are the fill levels of a graph's cell from empty to full. */
export type Glyphs = {
  ellipsis: string;
  horizontal: string;
  levels: readonly string[];
  up: string;
  down: string;
  bullet: string;
};

export const asciiGlyphs: Glyphs = {
  ellipsis: "~",
  horizontal: "-",
  levels: [" ", ".", ":", "#"],
  up: "^",
  down: "v",
  bullet: "*",
};

/** The cells of a whole screen: what a frame is compared by. */
export class Cells {
  readonly width: number;
  readonly height: number;
  readonly chars: string[];
  readonly styles: Style[];
  cursor: { x: number; y: number } | null = null;

  constructor(width: number, height: number) {
    this.width = width;
    this.height = height;
    this.chars = Array<string>(width * height).fill(" ");
    this.styles = Array<Style>(width * height).fill("text");
  }

  set(x: number, y: number, char: string, width: 1 | 2, style: Style): void {
    if (x < 0 || y < 0 || x + width > this.width || y >= this.height) return;
    const at = y * this.width + x;
    this.#release(at, x);
    if (width === 2) this.#release(at + 1, x + 1);
    this.chars[at] = char;
    this.styles[at] = style;
    if (width === 2) {
      this.chars[at + 1] = "";
      this.styles[at + 1] = style;
    }
  }

  /** Half of a wide character can't stay when the other half is overwritten. */
  #release(at: number, x: number): void {
    if (this.chars[at] === "" && x > 0) this.chars[at - 1] = " ";
    if (x + 1 < this.width && this.chars[at + 1] === "") this.chars[at + 1] = " ";
  }

  /** The screen as lines of text, for tests and for the picture in the README. */
  toLines(): string[] {
    const lines: string[] = [];
    for (let y = 0; y < this.height; y++)
      lines.push(
        this.chars
          .slice(y * this.width, (y + 1) * this.width)
          .join("")
          .trimEnd(),
      );
    return lines;
  }
}

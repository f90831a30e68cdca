import type { Translate } from "../i18n/catalogue.ts";
import type { Canvas, Style } from "../terminal/canvas.ts";
import type { Key } from "../terminal/key.ts";
import { displayWidth, wrap } from "../terminal/width.ts";
import { drawMarked, Filter, matches, wordsOf } from "./filter.ts";
import { stepOf } from "./rows.ts";
import { drawMarks } from "./scroll.ts";

/** A paragraph. It is wrapped beside its `lead` (a time, the name of a key), which stands at the left of its first line. */
export type TextLine = {
  text: string;
  style?: Style;
  lead?: string;
  leadStyle?: Style;
  /** Cells for the lead and the gap behind it; its own width and two if absent. */
  leadWidth?: number;
};

export type TextOptions = {
  /** Stays at the end while lines come in, until a key moves away from it. */
  follow?: boolean;
  /** False once no more lines can come: the foot says nothing about following then. */
  growing?: () => boolean;
  /** `search` marks what is found and n/N go there; `filter` leaves only the lines that match; `none`: no `/`. */
  find?: "search" | "filter" | "none";
  /** Most lines that are kept; the oldest go first. */
  capacity?: number;
};

type Entry = TextLine & { at: number };
/** A line on the screen: the entry at `index`, and the `row` of its wrapped rows. */
type Position = { index: number; row: number };

/**
 * Text that scrolls: help, details, logs. Lines are wrapped when they come into sight, so that a long log costs no more
 * than a screen of it; what is in sight stays there while lines come or fall out at either end.
 */
export class TextView {
  readonly #find: "search" | "filter" | "none";
  readonly #capacity: number;
  readonly #canFollow: boolean;
  readonly #growing: () => boolean;
  readonly #filter = new Filter();
  #entries: Entry[] = [];
  /** The first line in sight: the number of its entry, and the row of that. */
  #top = { at: 0, row: 0 };
  #following: boolean;
  #dropped = 0;
  /** The entry that the search went to last; from there n and N go on. */
  #found: number | undefined;
  /** The room of the last frame: what a page is to the keys. */
  #room = { width: 80, height: 20 };

  constructor(options: TextOptions = {}) {
    this.#canFollow = options.follow ?? false;
    this.#following = this.#canFollow;
    this.#growing = options.growing ?? (() => true);
    this.#find = options.find ?? "search";
    this.#capacity = options.capacity ?? 5000;
  }

  /** True while typed characters go into the search. */
  get typing(): boolean {
    return this.#filter.typing;
  }

  get following(): boolean {
    return this.#following;
  }

  get length(): number {
    return this.#entries.length;
  }

  /** True when the first line is in sight: the time to fetch older ones. */
  get atStart(): boolean {
    const top = this.#start(this.#visible());
    return top.index === 0 && top.row === 0;
  }

  /** Replaces everything; the view stays at the same line number as far as there is one. */
  set(lines: readonly TextLine[]): void {
    this.#entries = lines.slice(-this.#capacity).map((line, at) => ({ ...line, at }));
    this.#dropped = Math.max(lines.length - this.#capacity, 0);
  }

  append(lines: readonly TextLine[]): void {
    let at = (this.#entries.at(-1)?.at ?? -1) + 1;
    for (const line of lines) this.#entries.push({ ...line, at: at++ });
    const over = this.#entries.length - this.#capacity;
    if (over <= 0) return;
    this.#entries.splice(0, over);
    this.#dropped += over;
  }

  /**
   * Older lines, before those that are there: as many of the newest of them as there is room for. Returns how many were
   * taken; 0 says that no older ones can be kept.
   */
  prepend(lines: readonly TextLine[]): number {
    const room = Math.max(this.#capacity - this.#entries.length, 0);
    const taken = lines.slice(Math.max(lines.length - room, 0));
    let at = (this.#entries[0]?.at ?? 0) - taken.length;
    this.#entries = [...taken.map((line) => ({ ...line, at: at++ })), ...this.#entries];
    return taken.length;
  }

  clear(): void {
    this.#entries = [];
    this.#dropped = 0;
    this.#top = { at: 0, row: 0 };
    this.#found = undefined;
    this.#following = this.#canFollow;
  }

  /** Follows new lines from the end, or stays where it is. */
  follow(on: boolean): void {
    if (!on) this.#keep(this.#visible(), this.#start(this.#visible()));
    this.#following = on && this.#canFollow;
  }

  key(key: Key): boolean {
    const typing = this.#filter.typing;
    const step = typing && key.name === "char" ? undefined : stepOf(key);
    if (step !== undefined && !(typing && Math.abs(step.by) === Number.POSITIVE_INFINITY)) {
      this.#scroll(step.pages === true ? step.by * Math.max(this.#height() - 1, 1) : step.by);
      return true;
    }
    if (this.#find === "none") return false;
    if (!typing && this.#find === "search" && this.#filter.active && key.name === "char") {
      if (key.text === "n" || key.text === "N") {
        this.#jump(key.text === "n" ? 1 : -1);
        return true;
      }
    }
    if (!this.#filter.key(key)) return false;
    this.#found = undefined;
    if (this.#find === "search" && typing && key.name === "enter") this.#jump(0);
    return true;
  }

  draw(canvas: Canvas, t: Translate): void {
    this.#room = { width: canvas.width, height: canvas.height };
    const entries = this.#visible();
    const words = wordsOf(this.#filter.text);
    const start = this.#start(entries);
    const height = this.#height();
    let y = 0;
    let { index, row } = start;
    while (y < height) {
      const entry = entries[index];
      if (entry === undefined) break;
      const rows = this.#rowsOf(entry);
      for (; row < rows.length && y < height; row++, y++) drawRow(canvas, y, entry, rows[row] ?? "", row === 0, words);
      if (row < rows.length) break;
      row = 0;
      index++;
    }
    if (entries.length === 0 && words.length > 0) canvas.text(0, 0, t("widget.noMatch"), "dim");
    if (this.#hasFoot()) this.#drawFoot(canvas, t, start.index, Math.max(entries.length - index, 0));
  }

  #drawFoot(canvas: Canvas, t: Translate, above: number, below: number): void {
    const y = canvas.height - 1;
    let x = drawMarks(canvas, y, above, below, t);
    if (x > 0) x += 3;
    if (this.#filter.active) {
      const searching = this.#find === "search";
      const hint = t(searching ? "widget.searchKeys" : "widget.clearFilter");
      this.#filter.draw(canvas, x, y, t, searching ? "widget.search" : "widget.filter", hint);
      return;
    }
    if (this.#canFollow && this.#growing()) {
      x =
        canvas.text(
          x,
          y,
          t(this.#following ? "widget.following" : "widget.paused"),
          this.#following ? "good" : "warn",
        ) + 3;
    }
    if (this.#dropped > 0 && above === 0) canvas.text(x, y, t("widget.dropped"), "dim");
  }

  #visible(): readonly Entry[] {
    const words = wordsOf(this.#filter.text);
    return this.#find === "filter" && words.length > 0
      ? this.#entries.filter((e) => matchesEntry(e, words))
      : this.#entries;
  }

  /** Where the room starts: at the end while following, else at the kept line, or as near to it as the text allows. */
  #start(entries: readonly Entry[]): Position {
    const last = this.#lastStart(entries);
    if (this.#following) return last;
    const found = entries.findIndex((entry) => entry.at >= this.#top.at);
    if (found < 0) return last;
    const entry = entries[found];
    const row = entry?.at === this.#top.at ? Math.min(this.#top.row, this.#rowsOf(entry).length - 1) : 0;
    const position = { index: found, row };
    return isBefore(last, position) ? last : position;
  }

  /** The start at which the last line of the text is the last of the room. */
  #lastStart(entries: readonly Entry[]): Position {
    let left = this.#height();
    for (let index = entries.length - 1; index >= 0; index--) {
      const entry = entries[index];
      const rows = entry === undefined ? 0 : this.#rowsOf(entry).length;
      if (rows >= left) return { index, row: rows - left };
      left -= rows;
    }
    return { index: 0, row: 0 };
  }

  #scroll(by: number): void {
    const entries = this.#visible();
    const last = this.#lastStart(entries);
    let to = this.#start(entries);
    if (by === Number.NEGATIVE_INFINITY) to = { index: 0, row: 0 };
    else if (by === Number.POSITIVE_INFINITY) to = last;
    else for (let i = 0; i < Math.abs(by); i++) to = this.#next(entries, to, Math.sign(by));
    if (isBefore(last, to)) to = last;
    this.#keep(entries, to);
    this.#found = undefined;
    // Following starts again only at the very end, and only where a key went down.
    this.#following = this.#canFollow && by > 0 && !isBefore(to, last);
  }

  #next(entries: readonly Entry[], from: Position, step: number): Position {
    const row = from.row + step;
    const entry = entries[from.index];
    if (entry !== undefined && row >= 0 && row < this.#rowsOf(entry).length) return { index: from.index, row };
    const other = entries[from.index + step];
    if (other === undefined) return from;
    return { index: from.index + step, row: step > 0 ? 0 : this.#rowsOf(other).length - 1 };
  }

  #keep(entries: readonly Entry[], to: Position): void {
    this.#top = { at: entries[to.index]?.at ?? 0, row: to.row };
  }

  /** To the next (1) or former (-1) entry that matches, or the first one from here on (0); round the ends. */
  #jump(direction: 1 | -1 | 0): void {
    const words = wordsOf(this.#filter.text);
    const entries = this.#entries;
    const count = entries.length;
    if (words.length === 0 || count === 0) return;
    const found = this.#found === undefined ? -1 : entries.findIndex((entry) => entry.at === this.#found);
    const from = found >= 0 ? found : this.#start(entries).index;
    for (let i = direction === 0 || found < 0 ? 0 : 1; i <= count; i++) {
      const index = (((from + (direction < 0 ? -i : i)) % count) + count) % count;
      const entry = entries[index];
      if (entry === undefined || !matchesEntry(entry, words)) continue;
      this.#following = false;
      this.#found = entry.at;
      this.#keep(entries, { index, row: 0 });
      return;
    }
  }

  #hasFoot(): boolean {
    const { height } = this.#room;
    if (height < 2) return false;
    return this.#canFollow || this.#filter.active || this.#overflows(height);
  }

  #overflows(height: number): boolean {
    let rows = 0;
    for (const entry of this.#visible()) {
      rows += this.#rowsOf(entry).length;
      if (rows > height) return true;
    }
    return false;
  }

  /** Lines for text. */
  #height(): number {
    return Math.max(this.#room.height - (this.#hasFoot() ? 1 : 0), 0);
  }

  #rowsOf(entry: TextLine): string[] {
    const rows = wrap(entry.text, Math.max(this.#room.width - leadWidthOf(entry), 1));
    return rows.length === 0 ? [""] : rows;
  }
}

function drawRow(
  canvas: Canvas,
  y: number,
  entry: TextLine,
  row: string,
  first: boolean,
  words: readonly string[],
): void {
  const x = leadWidthOf(entry);
  if (first && entry.lead !== undefined)
    drawMarked(canvas.part(0, 0, x), 0, y, entry.lead, entry.leadStyle ?? "dim", words);
  drawMarked(canvas, x, y, row, entry.style ?? "text", words);
}

function leadWidthOf(entry: TextLine): number {
  if (entry.lead === undefined) return entry.leadWidth ?? 0;
  return entry.leadWidth ?? displayWidth(entry.lead) + 2;
}

function matchesEntry(entry: TextLine, words: readonly string[]): boolean {
  return matches(entry.lead === undefined ? entry.text : `${entry.lead} ${entry.text}`, words);
}

function isBefore(a: Position, b: Position): boolean {
  return a.index < b.index || (a.index === b.index && a.row < b.row);
}

import type { Key } from "../terminal/key.ts";
import { Filter, matches, wordsOf } from "./filter.ts";
import { keepVisible } from "./scroll.ts";

export type RowsOptions<T> = {
  /** The items now, in their order. Asked for at every key and every frame. */
  items: () => readonly T[];
  /** Tells items apart when they change: the selection stays with it. */
  id: (item: T) => string;
  /** What the filter looks in. */
  text: (item: T) => string;
  /** A heading that is shown wherever it differs from that of the item before. */
  group?: (item: T) => string | undefined;
  /** False: nothing is selected, the keys scroll. */
  select?: boolean;
  /** False: `/` does nothing. */
  filter?: boolean;
  /** Enter on the selected item. */
  onOpen?: (item: T) => void;
};

export type Line<T> = { kind: "heading"; text: string } | { kind: "item"; item: T; selected: boolean };

/** What of the rows is seen in a room. */
export type Window<T> = {
  lines: readonly Line<T>[];
  top: number;
  /** Items out of sight before and after. */
  above: number;
  below: number;
  /** Lines for items, and whether one more is kept for the marks and the filter. */
  room: number;
  foot: boolean;
};

/**
 * What list and table have in common: which item is selected, what is in sight, the keys that move, and the filter.
 * Nothing is kept of the items themselves, so they may change between any two calls.
 */
export class Rows<T> {
  readonly filter = new Filter();
  readonly #options: RowsOptions<T>;
  readonly #select: boolean;
  #id: string | undefined;
  /** Where the selected item was when it was last seen: its neighbour is selected when it is gone. */
  #index = 0;
  #top = 0;
  /** The room of the last frame: what a page is to the keys. */
  #height = 10;

  constructor(options: RowsOptions<T>) {
    this.#options = options;
    this.#select = options.select ?? true;
  }

  /** The items that match the filter. */
  get shown(): readonly T[] {
    const words = wordsOf(this.filter.text);
    const items = this.#options.items();
    return words.length === 0 ? items : items.filter((item) => matches(this.#options.text(item), words));
  }

  get selected(): T | undefined {
    if (!this.#select) return undefined;
    const shown = this.shown;
    return shown[this.#indexIn(shown)];
  }

  select(id: string): void {
    this.#id = id;
    this.#settle();
  }

  /** Takes the filter away; the selection stays. */
  clearFilter(): void {
    this.filter.clear();
    this.#settle();
  }

  key(key: Key): boolean {
    const step = this.filter.typing && key.name === "char" ? undefined : stepOf(key);
    // While the filter is typed, Home and End move in its text.
    if (step !== undefined && !(this.filter.typing && Math.abs(step.by) === Number.POSITIVE_INFINITY)) {
      this.#move(step);
      return true;
    }
    if (this.#options.filter !== false && this.filter.key(key)) {
      if (this.#select && this.#indexOfId(this.shown) < 0) this.#index = 0;
      this.#settle();
      return true;
    }
    const { onOpen } = this.#options;
    if (key.name !== "enter" || onOpen === undefined) return false;
    const item = this.selected;
    if (item !== undefined) onOpen(item);
    return true;
  }

  /** The lines for a room of `height`. Remembers the height, and nothing else. */
  window(height: number): Window<T> {
    this.#height = height;
    const shown = this.shown;
    const selected = this.#select ? this.#indexIn(shown) : -1;
    const lines: Line<T>[] = [];
    let heading: string | undefined;
    let at = -1;
    shown.forEach((item, index) => {
      const group = this.#options.group?.(item);
      if (group !== undefined && group !== heading) lines.push({ kind: "heading", text: group });
      heading = group;
      if (index === selected) at = lines.length;
      lines.push({ kind: "item", item, selected: index === selected });
    });
    const foot = height > 1 && (this.filter.active || lines.length > height);
    const room = Math.max(height - (foot ? 1 : 0), 0);
    // A heading above the selected item belongs to what has to be seen, for the first one could not be reached else.
    const from = at > 0 && lines[at - 1]?.kind === "heading" ? at - 1 : at;
    const top =
      at < 0
        ? Math.max(Math.min(this.#top, lines.length - room), 0)
        : keepVisible(this.#top, from, at, room, lines.length);
    return {
      lines: lines.slice(top, top + room),
      top,
      above: countItems(lines.slice(0, top)),
      below: countItems(lines.slice(top + room)),
      room,
      foot,
    };
  }

  #move({ by, pages }: Step): void {
    const { top, room } = this.window(this.#height);
    const distance = pages ? by * Math.max(room - 1, 1) : by;
    if (this.#select) {
      const shown = this.shown;
      this.#index = clamp(this.#indexIn(shown) + distance, shown.length);
      const item = shown[this.#index];
      this.#id = item === undefined ? undefined : this.#options.id(item);
    } else this.#top = Math.max(Math.min(top + distance, Number.MAX_SAFE_INTEGER), 0);
    this.#settle();
  }

  /** Makes what is seen now the state from which the next key starts. */
  #settle(): void {
    const shown = this.shown;
    if (this.#select) {
      this.#index = this.#indexIn(shown);
      const item = shown[this.#index];
      if (item !== undefined) this.#id = this.#options.id(item);
    }
    this.#top = this.window(this.#height).top;
  }

  #indexOfId(shown: readonly T[]): number {
    return this.#id === undefined ? -1 : shown.findIndex((item) => this.#options.id(item) === this.#id);
  }

  #indexIn(shown: readonly T[]): number {
    const index = this.#indexOfId(shown);
    return index >= 0 ? index : clamp(this.#index, shown.length);
  }
}

type Step = { by: number; pages?: boolean };

/** The keys that move up and down, the same in everything that scrolls. */
export function stepOf(key: Key): Step | undefined {
  if (key.name === "char") return key.text === "j" ? { by: 1 } : key.text === "k" ? { by: -1 } : undefined;
  return steps[key.name];
}

const steps: Partial<Record<Key["name"], Step>> = {
  up: { by: -1 },
  down: { by: 1 },
  pageup: { by: -1, pages: true },
  pagedown: { by: 1, pages: true },
  home: { by: Number.NEGATIVE_INFINITY },
  end: { by: Number.POSITIVE_INFINITY },
};

function clamp(index: number, length: number): number {
  return Math.max(Math.min(index, length - 1), 0);
}

function countItems(lines: readonly Line<unknown>[]): number {
  return lines.filter((line) => line.kind === "item").length;
}

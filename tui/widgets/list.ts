import type { Translate } from "../i18n/catalogue.ts";
import type { Canvas, Style } from "../terminal/canvas.ts";
import type { Key } from "../terminal/key.ts";
import { displayWidth } from "../terminal/width.ts";
import { drawFoot } from "./foot.ts";
import { Rows, type RowsOptions } from "./rows.ts";

export type ListOptions<T> = Omit<RowsOptions<T>, "select"> & {
  /** A second column: what the item is about, or its state. Left out where the room is narrow. */
  note?: (item: T) => string;
  /** Stands for `text` where that has no room. */
  short?: (item: T) => string;
  style?: (item: T) => Style;
  noteStyle?: (item: T) => Style;
  /** What stands there when there is no item at all. */
  empty?: () => string;
};

/** Items below each other, one of them selected. `text` is what is shown of an item and what the filter looks in. */
export class List<T> {
  readonly #options: ListOptions<T>;
  readonly #rows: Rows<T>;

  constructor(options: ListOptions<T>) {
    this.#options = options;
    const text = (item: T) => `${options.text(item)} ${options.note?.(item) ?? ""}`;
    this.#rows = new Rows({ ...options, text });
  }

  get selected(): T | undefined {
    return this.#rows.selected;
  }

  /** True while typed characters go into the filter. */
  get typing(): boolean {
    return this.#rows.filter.typing;
  }

  select(id: string): void {
    this.#rows.select(id);
  }

  /** Takes the filter away; the selection stays. */
  clearFilter(): void {
    this.#rows.clearFilter();
  }

  key(key: Key): boolean {
    return this.#rows.key(key);
  }

  draw(canvas: Canvas, t: Translate): void {
    const { text, short, note, style, noteStyle, items, empty } = this.#options;
    const window = this.#rows.window(canvas.height);
    const widest = Math.max(0, ...items().map((item) => displayWidth(text(item))));
    const noteAt = marker.length + Math.min(widest, Math.floor(canvas.width * 0.6)) + 3;
    const hasNote = note !== undefined && canvas.width - noteAt >= 12;
    window.lines.forEach((line, y) => {
      if (line.kind === "heading") {
        canvas.text(0, y, line.text, "heading");
        return;
      }
      const { item, selected } = line;
      if (selected) canvas.text(0, y, marker, "selected");
      const room = hasNote ? noteAt - marker.length - 1 : canvas.width - marker.length;
      const whole = text(item);
      const shown = displayWidth(whole) <= room ? whole : (short?.(item) ?? whole);
      canvas.text(marker.length, y, shown, selected ? "selected" : (style?.(item) ?? "text"), room);
      if (hasNote) canvas.text(noteAt, y, note(item), noteStyle?.(item) ?? "dim");
    });
    if (window.lines.length === 0) {
      const filtered = this.#rows.filter.text !== "" && items().length > 0;
      canvas.text(0, 0, filtered ? t("widget.noMatch") : (empty?.() ?? ""), "dim");
    }
    drawFoot(canvas, this.#rows.filter, window, t);
  }
}

/** Before the selected row, so that the selection is seen on a line without inverse video too. */
export const marker = "> ";

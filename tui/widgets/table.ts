import type { Translate } from "../i18n/catalogue.ts";
import type { Canvas, Style } from "../terminal/canvas.ts";
import type { Key } from "../terminal/key.ts";
import { displayWidth } from "../terminal/width.ts";
import { type ColumnWidth, columnGap, fitColumns } from "./columns.ts";
import { drawFoot } from "./foot.ts";
import { marker } from "./list.ts";
import { Rows, type RowsOptions } from "./rows.ts";

export type Column<T> = ColumnWidth & {
  value: (item: T) => string;
  style?: (item: T) => Style;
  align?: "left" | "right";
};

export type TableOptions<T> = Omit<RowsOptions<T>, "text" | "group"> & {
  /** Asked for at every frame, so that titles follow the language. The filter looks in all of them, shown or not. */
  columns: () => readonly Column<T>[];
  empty?: () => string;
};

/** Items in columns below a header. Where the room is narrow the least important columns are left out. */
export class Table<T> {
  readonly #options: TableOptions<T>;
  readonly #rows: Rows<T>;

  constructor(options: TableOptions<T>) {
    this.#options = options;
    const text = (item: T) =>
      options
        .columns()
        .map((column) => column.value(item))
        .join(" ");
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

  key(key: Key): boolean {
    return this.#rows.key(key);
  }

  draw(canvas: Canvas, t: Translate): void {
    const indent = this.#options.select === false ? 0 : marker.length;
    const columns = fitColumns(this.#options.columns(), canvas.width - indent);
    const header = canvas.height >= 3 ? 1 : 0;
    if (header === 1) {
      let x = indent;
      for (const { column, width } of columns) {
        drawCell(canvas, x, 0, width, column.title, column.align, "heading");
        x += width + columnGap;
      }
    }
    const body = canvas.part(0, header);
    const window = this.#rows.window(body.height);
    window.lines.forEach((line, y) => {
      if (line.kind === "item") drawRow(body, y, columns, line.item, line.selected, indent);
    });
    if (window.lines.length === 0) {
      const filtered = this.#rows.filter.text !== "" && this.#options.items().length > 0;
      body.text(indent, 0, filtered ? t("widget.noMatch") : (this.#options.empty?.() ?? ""), "dim");
    }
    drawFoot(body, this.#rows.filter, window, t);
  }
}

/** Only the first cell of the selected row is marked: the others keep their own meaning, and moving sends less. */
function drawRow<T>(
  canvas: Canvas,
  y: number,
  columns: readonly { column: Column<T>; width: number }[],
  item: T,
  selected: boolean,
  indent: number,
): void {
  if (selected) canvas.text(0, y, marker, "selected");
  let x = indent;
  columns.forEach(({ column, width }, index) => {
    const style = selected && index === 0 ? "selected" : (column.style?.(item) ?? "text");
    drawCell(canvas, x, y, width, column.value(item), column.align, style);
    x += width + columnGap;
  });
}

function drawCell(
  canvas: Canvas,
  x: number,
  y: number,
  width: number,
  text: string,
  align: "left" | "right" = "left",
  style: Style = "text",
): void {
  const shift = align === "right" ? Math.max(width - displayWidth(text), 0) : 0;
  canvas.text(x + shift, y, text, style, width - shift);
}

import type { Reading } from "../../core/model/reading.ts";
import type { MessageKey } from "../i18n/catalogue.ts";
import type { State } from "../state.ts";
import type { Canvas } from "../terminal/canvas.ts";
import { wrap } from "../terminal/width.ts";
import { formatAge, unknown } from "../widgets/format.ts";
import { type Column, Table } from "../widgets/table.ts";
import { TextView } from "../widgets/text.ts";
import { type Detail, detailLines, drawDetails } from "./item-details.ts";
import type { Control, Screen, View } from "./screen.ts";
import { reasonOf } from "./words.ts";

export type ItemsOptions<T> = {
  title: MessageKey;
  help: MessageKey;
  /** Where the items come from: its age and the reason why there are none are said. */
  reading: (state: State) => Reading<unknown> | undefined;
  /** The items now, in their order. */
  items: () => readonly T[];
  id: (item: T) => string;
  columns: () => readonly Column<T>[];
  /** What stands when there is no item. */
  empty: MessageKey;
  /** The item's name, and what it is. */
  heading: (item: T) => readonly [name: string, kind: string];
  /** Everything that is known of an item, the most important first. */
  details: (item: T) => Detail[];
  /** Lines that the details keep when the table would like the whole room. */
  leastDetails: number;
  /** Draws what stands above the table; returns how many lines that took. */
  above: (canvas: Canvas, view: View) => number;
};

/**
 * Things of one kind in a table, live; the selected one in full below it as far as there is room, and on a screen of
 * its own with Enter.
 */
export function itemsScreen<T>(control: Control, options: ItemsOptions<T>): Screen {
  const current = rememberItems(control, options);
  const table = new Table<T>({
    items: () => current().items,
    id: options.id,
    columns: () => current().columns,
    empty: () => control.view().t(options.empty),
    onOpen: (item) => control.open(itemScreen(control, options, options.id(item))),
  });
  return {
    title: options.title,
    help: options.help,
    hints: () => [
      ["Enter", "hint.details"],
      ["/", "hint.filter"],
    ],
    typing: () => table.typing,
    draw(canvas, view) {
      const body = canvas.part(2, 0, canvas.width - 4, canvas.height - 1);
      const reading = options.reading(view.state);
      let y = drawAge(body, view, reading);
      const used = options.above(body.part(0, y), view);
      y += used === 0 ? 0 : used + 1;
      if (reading === undefined || reading.state === "missing") {
        drawMissing(body, y, view, reading);
        return;
      }
      const { t } = view;
      const room = body.height - y;
      const wanted = Math.max(current().items.length, 1) + 1;
      const height = Math.max(Math.min(wanted, room - options.leastDetails - 1), 3);
      table.draw(body.part(0, y, body.width, height), t);
      const selected = table.selected;
      if (selected === undefined) return;
      const below = body.part(0, y + height + 1);
      const [name, kind] = options.heading(selected);
      const end = below.text(0, 0, name, "strong");
      below.text(end + 3, 0, kind, "dim");
      drawDetails(below.part(0, 1), options.details(selected), (count) => t("items.more", { count }));
    },
    key: (key) => table.key(key),
  };
}

/** Items and columns, made anew only when the facts have changed: a filter asks for them once for each item. */
function rememberItems<T>(control: Control, { items, columns }: ItemsOptions<T>) {
  const make = () => {
    const { state, t } = control.view();
    const now = items();
    return { facts: state.facts, t, items: now, columns: filledColumns(columns(), now) };
  };
  let last: ReturnType<typeof make> | undefined;
  return () => {
    const { state, t } = control.view();
    if (last === undefined || last.facts !== state.facts || last.t !== t) last = make();
    return last;
  };
}

/** Columns in which some item has something to show; the others would only take room. */
function filledColumns<T>(columns: readonly Column<T>[], items: readonly T[]): readonly Column<T>[] {
  return columns.filter((column) => items.some((item) => column.value(item) !== ""));
}

/** One item, everything of it below each other, for as long as it is there. */
function itemScreen<T>(control: Control, options: ItemsOptions<T>, id: string): Screen {
  const text = new TextView();
  function fill(): void {
    const item = options.items().find((one) => options.id(one) === id);
    if (item === undefined) {
      text.set([{ text: control.view().t("items.gone"), style: "warn" }]);
      return;
    }
    const [name, kind] = options.heading(item);
    text.set([
      { lead: name, leadStyle: "strong", text: kind, style: "dim" },
      { text: "" },
      ...detailLines(options.details(item)),
    ]);
  }
  return {
    title: options.title,
    help: options.help,
    hints: () => [["/", "hint.search"]],
    typing: () => text.typing,
    enter: fill,
    changed: fill,
    draw(canvas, view) {
      const body = canvas.part(2, 0, canvas.width - 4, canvas.height - 1);
      const y = drawAge(body, view, options.reading(view.state));
      text.draw(body.part(0, y + 1), view.t);
    },
    key: (key) => text.key(key),
  };
}

/** Says how old the figures are and why no newer ones came; returns the lines that this takes. */
export function drawAge(canvas: Canvas, { t, now }: View, reading: Reading<unknown> | undefined): number {
  if (reading?.state !== "stale") return 0;
  const why = reasonOf(t, reading.why);
  canvas.text(0, 0, t("items.old", { age: formatAge(now - reading.at), why }), "warn");
  return 1;
}

/** A dash, and why there is nothing; returns the lines that this takes. */
export function drawMissing(canvas: Canvas, y: number, { t }: View, reading: Reading<unknown> | undefined): number {
  const reason = reading?.state === "missing" ? reasonOf(t, reading.why) : t("missing.pending");
  const lines = wrap(reason, canvas.width - 3);
  canvas.text(0, y, unknown, "dim");
  lines.forEach((line, i) => {
    canvas.text(3, y + i, line, "dim");
  });
  return lines.length;
}

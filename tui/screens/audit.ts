import type { AuditEntry } from "../../core/model/records.ts";
import type { Style } from "../terminal/canvas.ts";
import { formatDateTime } from "../widgets/format.ts";
import { Table } from "../widgets/table.ts";
import { TextView } from "../widgets/text.ts";
import { detailLines } from "./item-details.ts";
import type { Control, Screen } from "./screen.ts";

const resultStyle: Record<AuditEntry["result"], Style> = { ok: "good", refused: "warn", failed: "bad" };

/** Entries have no number of their own: counted from the oldest one, so that it stays when newer ones come. */
type Row = { id: string; entry: AuditEntry };

/** Who changed what, when, on which console: newest first. Enter shows an entry in full. */
export function auditScreen(control: Control): Screen {
  const t = () => control.view().t;
  let rows: readonly Row[] | undefined;
  let damaged = 0;
  let failed = false;

  async function load(): Promise<void> {
    const answer = await control.attempt(() => control.client.call("audit", { query: {} }));
    failed = answer === undefined;
    const entries = answer?.entries ?? [];
    rows = entries.map((entry, index) => ({ id: String(entries.length - index), entry }));
    damaged = answer?.damaged ?? 0;
    control.redraw();
  }

  const table = new Table<Row>({
    items: () => rows ?? [],
    id: ({ id }) => id,
    columns: () => [
      { title: t()("audit.column.time"), min: 19, value: ({ entry }) => formatDateTime(entry.at) },
      { title: t()("audit.column.console"), min: 7, value: ({ entry }) => entry.console },
      { title: t()("audit.column.action"), min: 15, value: ({ entry }) => entry.action },
      {
        title: t()("audit.column.result"),
        min: 7,
        value: ({ entry }) => t()(`audit.result.${entry.result}`),
        style: ({ entry }) => resultStyle[entry.result],
      },
      { title: t()("audit.column.detail"), min: 16, grow: true, value: ({ entry }) => change(entry) },
    ],
    empty: () => t()(rows === undefined ? "missing.pending" : failed ? "audit.notRead" : "audit.none"),
    onOpen: ({ entry }) => control.open(entryScreen(control, entry)),
  });
  return {
    title: "audit.title",
    help: "help.audit",
    hints: () => [
      ["Enter", "hint.details"],
      ["/", "hint.filter"],
      ["r", "hint.refresh"],
    ],
    typing: () => table.typing,
    enter: () => void load(),
    draw(canvas, view) {
      table.draw(canvas.part(2, 1, canvas.width - 4, canvas.height - 3), view.t);
      if (damaged > 0) canvas.text(2, canvas.height - 2, view.t("audit.damaged", { count: damaged }), "warn");
    },
    key(key) {
      if (!table.typing && key.name === "char" && key.text === "r") {
        void load();
        return true;
      }
      return table.key(key);
    },
  };
}

/** One entry with all that the table has no room for. */
function entryScreen(control: Control, entry: AuditEntry): Screen {
  const { t } = control.view();
  const text = new TextView();
  const lines: (readonly [label: string, value: string | null, style?: Style])[] = [
    [t("audit.column.time"), formatDateTime(entry.at)],
    [t("audit.column.console"), entry.console],
    [t("audit.column.action"), entry.action],
    [t("audit.column.result"), t(`audit.result.${entry.result}`), resultStyle[entry.result]],
    [t("audit.before"), entry.before],
    [t("audit.after"), entry.after],
    [t("audit.column.detail"), entry.detail],
  ];
  text.set(
    detailLines(
      lines.flatMap(([label, value, style]) => (value === null ? [] : [{ label, value, style: style ?? "text" }])),
    ),
  );
  return {
    title: "audit.title",
    help: "help.audit",
    typing: () => text.typing,
    draw: (canvas, view) => text.draw(canvas.part(2, 1, canvas.width - 4, canvas.height - 2), view.t),
    key: (key) => text.key(key),
  };
}

/** What changed, as `before -> after`, and why it failed when it did. */
function change(entry: AuditEntry): string {
  const values = entry.before === null && entry.after === null ? "" : `${entry.before ?? "-"} -> ${entry.after ?? "-"}`;
  return [values, entry.detail ?? ""].filter((part) => part !== "").join("  ");
}

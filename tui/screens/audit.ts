import type { AuditEntry } from "../../core/model/records.ts";
import type { Style } from "../terminal/canvas.ts";
import { formatDateTime } from "../widgets/format.ts";
import { Table } from "../widgets/table.ts";
import type { Control, Screen } from "./screen.ts";

const resultStyle: Record<AuditEntry["result"], Style> = { ok: "good", refused: "warn", failed: "bad" };

/** Who changed what, when, on which console: newest first. */
export function auditScreen(control: Control): Screen {
  const t = () => control.view().t;
  let entries: readonly AuditEntry[] | undefined;
  let damaged = 0;

  async function load(): Promise<void> {
    const answer = await control.attempt(() => control.client.call("audit", { query: {} }));
    entries = answer?.entries ?? [];
    damaged = answer?.damaged ?? 0;
    control.redraw();
  }

  const table = new Table<AuditEntry>({
    items: () => entries ?? [],
    id: (entry) => `${entry.at} ${entry.console} ${entry.action}`,
    select: false,
    columns: () => [
      { title: t()("audit.column.time"), min: 19, value: (e) => formatDateTime(e.at) },
      { title: t()("audit.column.console"), min: 7, value: (e) => e.console },
      { title: t()("audit.column.action"), min: 14, value: (e) => e.action },
      {
        title: t()("audit.column.result"),
        min: 7,
        value: (e) => t()(`audit.result.${e.result}`),
        style: (e) => resultStyle[e.result],
      },
      { title: t()("audit.column.detail"), min: 16, grow: true, value: change },
    ],
    empty: () => t()(entries === undefined ? "missing.pending" : "audit.none"),
  });
  return {
    title: "audit.title",
    help: "help.audit",
    hints: () => [
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

/** What changed, as `before -> after`, and why it failed when it did. */
function change(entry: AuditEntry): string {
  const values = entry.before === null && entry.after === null ? "" : `${entry.before ?? "-"} -> ${entry.after ?? "-"}`;
  return [values, entry.detail ?? ""].filter((part) => part !== "").join("  ");
}

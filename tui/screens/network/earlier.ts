import { keptConfigurations, type SavedConfiguration } from "../../../core/model/network/transaction.ts";
import { changeLabel } from "../../network-words.ts";
import { displayWidth, wrap } from "../../terminal/width.ts";
import { formatDateTime } from "../../widgets/format.ts";
import { Table } from "../../widgets/table.ts";
import type { Control, Screen } from "../screen.ts";
import { shortChange } from "./change-words.ts";
import { propose } from "./propose.ts";
import { openRunning } from "./running.ts";

/**
 * Earlier Configurations: the last good ones. Enter compares one with what is in force; from there Y goes back to it,
 * in the same way as any other change.
 */
export function earlierScreen(control: Control): Screen {
  let saved: readonly SavedConfiguration[] | undefined;
  let entered = false;
  const what = ({ changes }: SavedConfiguration) => {
    const { t } = control.view();
    return [...new Set(changes.map((change) => changeLabel(t, change)))].join(", ");
  };
  const table = new Table<SavedConfiguration>({
    items: () => saved ?? [],
    id: ({ id }) => id,
    columns() {
      const { t } = control.view();
      const widest = Math.max(0, ...(saved ?? []).map(({ console }) => displayWidth(console)));
      return [
        { title: t("network.earlier.until"), min: 19, value: ({ at }) => formatDateTime(at) },
        { title: t("network.earlier.console"), min: Math.min(widest, 12), value: ({ console }) => console },
        { title: t("network.earlier.replacedBy"), min: 20, grow: true, value: what },
      ];
    },
    empty: () => control.view().t(saved === undefined ? "missing.pending" : "network.earlier.none"),
    onOpen: ({ id }) => void propose(control, { operations: [{ do: "restore", id }] }),
  });
  return {
    title: "network.earlier.title",
    help: "help.network.earlier",
    hints: () => [["Enter", "network.hint.compare"]],
    typing: () => table.typing,
    enter() {
      void control.attempt(async () => {
        saved = await control.client.call("networkHistory", {});
        control.redraw();
      });
      if (!entered) openRunning(control);
      entered = true;
    },
    draw(canvas, { t }) {
      const body = canvas.part(2, 1, canvas.width - 4, canvas.height - 2);
      const about = wrap(t("network.earlier.choose"), body.width);
      about.forEach((line, y) => {
        body.text(0, y, line);
      });
      const rows = Math.min((saved ?? []).length, keptConfigurations) + 1;
      table.draw(body.part(0, about.length + 1, body.width, Math.max(rows, 3)), t);
      // The change that replaced the selected one, as far as there is room.
      const below = body.part(0, about.length + rows + 2);
      table.selected?.changes.forEach((change, y) => {
        below.text(2, y, shortChange(t, change), "dim");
      });
    },
    key: (key) => table.key(key),
  };
}

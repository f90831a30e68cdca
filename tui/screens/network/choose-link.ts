import type { MessageKey } from "../../i18n/catalogue.ts";
import { wrap } from "../../terminal/width.ts";
import { Table } from "../../widgets/table.ts";
import type { Control, Screen } from "../screen.ts";
import { type DeskLink, NetworkDesk } from "./desk.ts";
import { linkColumns } from "./link-table.ts";
import { openRunning } from "./running.ts";

export type ChooseOptions = {
  title: MessageKey;
  help: MessageKey;
  /** What is chosen for, above the table. */
  about: MessageKey;
  isOffered: (link: DeskLink, desk: NetworkDesk) => boolean;
  onChoose: (link: DeskLink, desk: NetworkDesk) => void;
};

/** An interface out of all that can be meant. */
export function chooseLinkScreen(control: Control, options: ChooseOptions): Screen {
  const desk = new NetworkDesk(control);
  const links = () => desk.links().filter((link) => options.isOffered(link, desk));
  const table = new Table<DeskLink>({
    items: links,
    id: ({ name }) => name,
    columns: () => linkColumns(control.view(), desk, links()),
    empty: () => control.view().t("nic.none"),
    onOpen(item) {
      if (openRunning(control)) return;
      desk.whenKnown(() => {
        if (isHere) options.onChoose(item, desk);
      });
    },
  });
  let entered = false;
  let isHere = false;
  return {
    title: options.title,
    help: options.help,
    hints: () => [["Enter", "network.hint.choose"]],
    typing: () => table.typing,
    enter() {
      isHere = true;
      void desk.load();
      if (!entered) openRunning(control);
      entered = true;
    },
    leave() {
      isHere = false;
    },
    changed: () => desk.changed(),
    draw(canvas, { t }) {
      const body = canvas.part(2, 1, canvas.width - 4, canvas.height - 2);
      const lines = wrap(t(options.about), body.width);
      lines.forEach((line, y) => {
        body.text(0, y, line);
      });
      table.draw(body.part(0, lines.length + 1), t);
    },
    key: (key) => table.key(key),
  };
}

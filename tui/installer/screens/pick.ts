import { List } from "../../widgets/list.ts";
import type { Control, Screen } from "../screen.ts";
import type { InstallerKey } from "../texts.ts";

export type Choice = { id: string; text: string };

/** A list to pick one entry from, with a filter for the long ones. */
export function pickScreen(
  control: Control,
  title: InstallerKey,
  choices: readonly Choice[],
  selected: string,
  onPick: (id: string) => void,
): Screen {
  const list = new List<Choice>({
    items: () => choices,
    id: ({ id }) => id,
    text: ({ text }) => text,
    onOpen: ({ id }) => {
      onPick(id);
      control.close(screen);
    },
  });
  list.select(selected);
  const screen: Screen = {
    title,
    help: "install.help.pick",
    hints: () => [
      ["Enter", "install.hint.choose"],
      ["/", "hint.filter"],
    ],
    typing: () => list.typing,
    draw: (canvas, view) => list.draw(canvas.part(2, 1, canvas.width - 4, canvas.height - 2), view.t),
    key: (key) => list.key(key),
  };
  return screen;
}

import type { InstallLink } from "../../../core/model/installation/hardware.ts";
import { List } from "../../widgets/list.ts";
import { linkLine } from "../link-words.ts";
import type { Control, Screen } from "../screen.ts";

/** Which interface carries the management address: Enter takes one; Space marks several, which form a bond. */
export function linksScreen(control: Control, chosen: readonly string[], onChoose: (names: string[]) => void): Screen {
  const links = () => control.known().hardware.links;
  const marked = new Set(chosen);
  let changed = false;
  const list = new List<InstallLink>({
    items: links,
    id: ({ name }) => name,
    text: (link) => `[${marked.has(link.name) ? "x" : " "}] ${linkLine(control.view().t, link)}`,
    filter: false,
    onOpen: ({ name }) => {
      const names = links().flatMap((link) => (marked.has(link.name) ? [link.name] : []));
      onChoose(changed && names.length > 0 ? names : [name]);
      control.close(screen);
    },
  });
  const [first] = chosen;
  if (first !== undefined) list.select(first);
  const screen: Screen = {
    title: "install.links.title",
    help: "install.help.links",
    hints: () => [
      ["Enter", "install.hint.choose"],
      ["Space", "install.hint.mark"],
    ],
    draw(canvas, view) {
      canvas.text(2, 1, view.t("install.links.about"), "dim");
      list.draw(canvas.part(2, 3, canvas.width - 4, canvas.height - 4), view.t);
    },
    key(key) {
      const { selected } = list;
      if (key.name === "char" && key.text === " ") {
        if (selected === undefined) return true;
        changed = true;
        if (!marked.delete(selected.name)) marked.add(selected.name);
        return true;
      }
      return list.key(key);
    },
  };
  return screen;
}

import { Help } from "../../widgets/help.ts";
import type { Screen } from "../screen.ts";
import type { InstallerTranslate } from "../texts.ts";

/** Help for the screen that lies beneath: its own keys, the keys that hold everywhere, and what it is for. */
export function helpScreen(t: InstallerTranslate, under: Screen): Screen {
  const own = (under.hints?.() ?? []).map(([key, what]): [string, string] => [key, t(what)]);
  const common: [string, string][] = [
    ["Up Down j k", t("help.key.move")],
    ["Enter", t("install.help.key.enter")],
    ["Tab", t("help.key.tab")],
    ["Esc", t("install.help.key.esc")],
    ["F1 ?", t("help.key.f1")],
    ["F4", t("help.key.f4")],
    ["Ctrl-L", t("help.key.redraw")],
  ];
  const keys = [...own, ...common.filter(([key]) => !own.some(([named]) => named === key))];
  const help = new Help({ keys, text: t(under.help) });
  return {
    title: "help.title",
    help: "help.title",
    typing: () => help.typing,
    draw: (canvas, view) => help.draw(canvas.part(2, 1, canvas.width - 4, canvas.height - 2), view.t),
    key: (key) => help.key(key),
  };
}

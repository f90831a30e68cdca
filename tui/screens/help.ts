import type { Translate } from "../i18n/catalogue.ts";
import { Help } from "../widgets/help.ts";
import type { Control, Screen } from "./screen.ts";

/** Help for the screen that lies beneath: its own keys, the keys that hold everywhere, and what it is for. */
export function helpScreen(control: Control, under: Screen): Screen {
  const { t } = control.view();
  const own = (under.hints?.() ?? []).map(([key, what]): [string, string] => [key, t(what)]);
  const help = new Help({ keys: [...own, ...commonKeys(t, own)], text: t(under.help) });
  return {
    title: "help.title",
    help: "help.title",
    typing: () => help.typing,
    draw: (canvas, view) => help.draw(canvas.part(2, 1, canvas.width - 4, canvas.height - 2), view.t),
    key: (key) => help.key(key),
  };
}

/** Keys that mean the same everywhere, without those that the screen has named already. */
function commonKeys(t: Translate, own: readonly (readonly [string, string])[]): [string, string][] {
  const common: [string, string][] = [
    ["Up Down j k", t("help.key.move")],
    ["Enter", t("help.key.enter")],
    ["Tab", t("help.key.tab")],
    ["/", t("help.key.filter")],
    ["Esc", t("help.key.esc")],
    ["F1 ?", t("help.key.f1")],
    ["F2", t("help.key.f2")],
    ["F4", t("help.key.f4")],
    ["F12", t("help.key.f12")],
    ["Ctrl-L", t("help.key.redraw")],
  ];
  return common.filter(([key]) => !own.some(([named]) => named === key));
}

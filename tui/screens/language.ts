import type { Language } from "../../core/model/records.ts";
import { languages } from "../../core/model/records.ts";
import { List } from "../widgets/list.ts";
import type { Control, Screen } from "./screen.ts";

/** The language of this console; one that the console has no glyphs for is not offered, and the screen says so. */
export function languageScreen(control: Control): Screen {
  const list = new List<Language>({
    items: () => languages.filter((language) => control.canShow(language)),
    id: (language) => language,
    text: (language) => control.view().t(`language.${language}`),
    filter: false,
    onOpen: (language) => void control.setLanguage(language).then(() => control.close(screen)),
  });
  list.select(control.view().t.language);
  const screen: Screen = {
    title: "language.title",
    help: "help.language",
    hints: () => [["Enter", "hint.save"]],
    draw(canvas, { t }) {
      list.draw(canvas.part(2, 1, canvas.width - 4, 3), t);
      if (!control.canShow("zh")) canvas.text(2, 5, t("language.english"), "warn");
    },
    key: (key) => list.key(key),
  };
  return screen;
}

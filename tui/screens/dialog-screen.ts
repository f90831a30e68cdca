import type { MessageKey } from "../i18n/catalogue.ts";
import type { Dialog } from "../widgets/dialog.ts";
import type { Hint, Screen } from "./screen.ts";

/** A dialog on top of a screen, which stays in sight. It hears every key, Esc aside. */
export function dialogScreen(
  under: Screen,
  dialog: Dialog,
  hints: readonly Hint[],
  help: MessageKey | undefined = under.help,
): Screen {
  return {
    title: under.title,
    help,
    hints: () => hints,
    typing: () => true,
    draw(canvas, view) {
      under.draw(canvas, view);
      dialog.draw(canvas, view.t);
    },
    key: (key) => dialog.key(key),
  };
}

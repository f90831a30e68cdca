import type { MessageKey } from "../i18n/catalogue.ts";
import { Dialog } from "../widgets/dialog.ts";
import type { Control, Screen } from "./screen.ts";

/** A question on top of a screen: Y does it, N and Esc don't. Enter alone does nothing that could be regretted. */
export function confirmScreen(
  control: Control,
  under: Screen,
  question: { message: string; style?: "text" | "warn" | "bad"; help?: MessageKey },
  onYes: () => void,
): Screen {
  const dialog = new Dialog({
    title: control.view().t(under.title),
    message: question.message,
    style: question.style ?? "text",
    buttons: [
      {
        letter: "y",
        text: "widget.yes",
        act: () => {
          control.close(screen);
          onYes();
        },
      },
      { letter: "n", text: "widget.no", act: () => control.close(screen) },
    ],
    focus: 1,
  });
  const screen: Screen = {
    title: under.title,
    help: question.help ?? under.help,
    hints: () => [
      ["y", "widget.yes"],
      ["n", "widget.no"],
    ],
    typing: () => true,
    draw(canvas, view) {
      under.draw(canvas, view);
      dialog.draw(canvas, view.t);
    },
    key: (key) => dialog.key(key),
  };
  return screen;
}

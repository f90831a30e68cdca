import type { MessageKey } from "../i18n/catalogue.ts";
import { confirmation } from "../widgets/dialog.ts";
import { dialogScreen } from "./dialog-screen.ts";
import type { Control, Hint, Screen } from "./screen.ts";

/** A question on top of a screen: Y does it, N and Esc don't. Enter alone does nothing that could be regretted. */
export function confirmScreen(
  control: Control,
  under: Screen,
  { help, ...question }: { message: string; style?: "text" | "warn" | "bad"; help?: MessageKey },
  onYes: () => void,
): Screen {
  const close = () => control.close(screen);
  const dialog = confirmation({
    title: control.view().t(under.title),
    ...question,
    onYes: () => {
      close();
      onYes();
    },
    onNo: close,
  });
  const hints: readonly Hint[] = [
    ["y", "widget.yes"],
    ["n", "widget.no"],
  ];
  const screen = dialogScreen(under, dialog, hints, help);
  return screen;
}

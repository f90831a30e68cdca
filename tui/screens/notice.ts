import { message } from "../widgets/dialog.ts";
import { dialogScreen } from "./dialog-screen.ts";
import type { Control, Screen } from "./screen.ts";

/** A message on top of a screen; Enter and Esc close it. */
export function noticeScreen(control: Control, under: Screen, text: string): Screen {
  const dialog = message({
    title: control.view().t(under.title),
    message: text,
    onClose: () => control.close(screen),
  });
  const screen = dialogScreen(under, dialog, [["Enter", "hint.back"]]);
  return screen;
}

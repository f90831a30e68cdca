import { message } from "../widgets/dialog.ts";
import type { Control, Screen } from "./screen.ts";

/** A message on top of a screen; Enter and Esc close it. */
export function noticeScreen(control: Control, under: Screen, text: string): Screen {
  const dialog = message({
    title: control.view().t(under.title),
    message: text,
    onClose: () => control.close(screen),
  });
  const screen: Screen = {
    title: under.title,
    help: under.help,
    hints: () => [["Enter", "hint.back"]],
    typing: () => true,
    draw(canvas, view) {
      under.draw(canvas, view);
      dialog.draw(canvas, view.t);
    },
    key: (key) => dialog.key(key),
  };
  return screen;
}

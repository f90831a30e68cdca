import { TextView } from "../../widgets/text.ts";
import type { Control, Screen } from "../screen.ts";

/** The newest lines of the engine's log, as they come. */
export function logScreen(control: Control): Screen {
  const text = new TextView({ follow: true });
  const load = () => text.set(control.view().state.log.map((line) => ({ text: line })));
  load();
  return {
    title: "install.log.title",
    help: "install.help.log",
    hints: () => [["/", "hint.search"]],
    typing: () => text.typing,
    changed: load,
    draw: (canvas, view) => text.draw(canvas.part(1, 0, canvas.width - 2, canvas.height), view.t),
    key: (key) => text.key(key),
  };
}

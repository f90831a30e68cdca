import type { MessageKey } from "../i18n/catalogue.ts";
import { wrap } from "../terminal/width.ts";
import type { Control, Screen } from "./screen.ts";

/** Source: console.md, "Home screen": which key opens which terminal. */
const terminals: readonly (readonly [key: string, what: MessageKey])[] = [
  ["Ctrl+Alt+F1", "terminals.tty1"],
  ["Ctrl+Alt+F2", "terminals.tty2"],
  ["Ctrl+Alt+F3", "terminals.tty3"],
  ["Ctrl+Alt+F11", "terminals.tty11"],
];

/** Terminal Info: which key opens which terminal, and where one is now. */
export function terminalsScreen(_control: Control): Screen {
  return {
    title: "terminals.title",
    help: "help.terminals",
    draw(canvas, { t, state }) {
      canvas.text(2, 1, t("terminals.key"), "heading");
      canvas.text(17, 1, t("terminals.what"), "heading");
      terminals.forEach(([key, what], i) => {
        canvas.text(2, 2 + i, key, "key");
        canvas.text(17, 2 + i, t(what));
      });
      const lines = [
        t("terminals.this", { console: state.console, size: `${canvas.width}x${canvas.height + 2}` }),
        t("terminals.serial"),
      ].flatMap((text) => [...wrap(text, canvas.width - 4), ""]);
      lines.forEach((line, i) => {
        canvas.text(2, 3 + terminals.length + i, line);
      });
    },
    key: () => false,
  };
}

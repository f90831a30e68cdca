import { wrap } from "../../terminal/width.ts";
import { formatDuration } from "../../widgets/format.ts";
import type { Control, Screen } from "../screen.ts";
import { logScreen } from "./log.ts";

/** Everything is on the disk: what to do now, and Enter starts the machine anew. */
export function doneScreen(control: Control): Screen {
  const finish = (action: "reboot" | "poweroff") =>
    void control.attempt(() => control.client.call("finish", { action }));
  return {
    title: "install.done.title",
    help: "install.help.done",
    hints: () =>
      control.view().leads
        ? [
            ["Enter", "install.hint.reboot"],
            ["p", "install.hint.poweroff"],
            ["l", "install.hint.log"],
          ]
        : [["l", "install.hint.log"]],
    draw(canvas, { t, state, leads }) {
      const { draft, progress } = state;
      const lines: string[] = [
        t("install.done.what", { role: t(`role.${draft?.role ?? "unknown"}`), disk: draft?.disk.disk ?? "-" }),
        ...(progress === null ? [] : [t("install.done.took", { time: formatDuration(progress.elapsedSeconds) })]),
        "",
        t("install.done.medium"),
        t("install.done.next"),
      ];
      let y = 1;
      for (const [i, text] of lines.entries())
        for (const line of wrap(text, canvas.width - 4)) canvas.text(2, y++, line, i === 0 ? "good" : "text");
      const { afterwards = "ask" } = draft ?? {};
      canvas.text(
        2,
        y + 1,
        afterwards === "ask" ? t(leads ? "install.done.enter" : "install.done.waits") : t(`install.done.${afterwards}`),
        "strong",
      );
    },
    key(key) {
      if (key.name === "char" && key.text === "l") control.open(logScreen(control));
      else if (!control.view().leads) return false;
      else if (key.name === "enter") finish("reboot");
      else if (key.name === "char" && key.text === "p") finish("poweroff");
      else return false;
      return true;
    },
  };
}

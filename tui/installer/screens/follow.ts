import { wrap } from "../../terminal/width.ts";
import { stepCount, stepNumber } from "../frame.ts";
import type { Control, Screen } from "../screen.ts";
import { answerLines } from "../summary-words.ts";

/** Another console leads: its answers as it gives them, and how to take over. */
export function followScreen(_control: Control): Screen {
  return {
    title: "install.follow.title",
    help: "install.help.follow",
    hints: () => [["t", "install.hint.takeOver"]],
    draw(canvas, { t, state }) {
      const { leader, draft } = state;
      const step = stepNumber[state.question];
      const who =
        leader === "answers"
          ? t("install.follow.answers")
          : t("install.follow.console", { console: leader ?? "-", step, count: stepCount });
      canvas.text(2, 1, who, "strong");
      if (draft === null) return;
      let y = 3;
      canvas.text(2, y++, t("install.follow.soFar"));
      for (const text of answerLines(t, draft))
        for (const line of wrap(text, canvas.width - 6)) canvas.text(4, y++, line);
    },
    key: () => false,
  };
}

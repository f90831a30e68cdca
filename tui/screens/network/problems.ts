import type { NetworkProblem } from "../../../core/model/network/transaction.ts";
import { wrap } from "../../terminal/width.ts";
import { TextView } from "../../widgets/text.ts";
import type { Control, Screen } from "../screen.ts";
import { problemLines } from "./problem-words.ts";

/** Everything that keeps a draft from being applied, and what is doubtful besides: where, why, and what to do. */
export function problemsScreen(control: Control, problems: readonly NetworkProblem[]): Screen {
  const text = new TextView({ find: "none" });
  const of = (severity: NetworkProblem["severity"]) => problems.filter((problem) => problem.severity === severity);
  const screen: Screen = {
    title: "network.problems.title",
    help: "help.network.problems",
    hints: () => [["Enter", "hint.back"]],
    enter() {
      const { t } = control.view();
      const [errors, warnings] = [problemLines(t, of("error")), problemLines(t, of("warning"))];
      const also = warnings.length === 0 ? [] : [{ text: "" }, { text: t("network.problems.warnings") }, ...warnings];
      text.set([...errors, ...also]);
    },
    draw(canvas, { t }) {
      const body = canvas.part(2, 1, canvas.width - 4, canvas.height - 2);
      const head = wrap(t("network.problems.errors", { count: of("error").length }), body.width);
      head.forEach((line, y) => {
        body.text(0, y, line, "strong");
      });
      text.draw(body.part(0, head.length + 1), t);
    },
    key(key) {
      if (text.key(key)) return true;
      if (key.name !== "enter") return false;
      control.close(screen);
      return true;
    },
  };
  return screen;
}

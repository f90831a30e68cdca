import { wrap } from "../../terminal/width.ts";
import { List } from "../../widgets/list.ts";
import type { Control, Screen } from "../screen.ts";
import { collectScreen } from "./collect.ts";
import { logScreen } from "./log.ts";

const actions = ["retry", "back", "collect", "log"] as const;
type Action = (typeof actions)[number];

/** Lines at the foot: the actions, the hint at a shell, and a blank one above. */
const footHeight = actions.length + 2;

/** The installation failed: the step, the command, its last words, what to do, and the ways on. */
export function failureScreen(control: Control): Screen {
  const t = () => control.view().t;
  const act: Record<Action, () => void> = {
    retry: () => void control.attempt(() => control.client.call("retry", {})),
    back: () => void control.attempt(() => control.client.call("backToQuestions", {})),
    collect: () => control.open(collectScreen(control)),
    log: () => control.open(logScreen(control)),
  };
  const list = new List<Action>({
    items: () => actions,
    id: (action) => action,
    text: (action) => t()(`install.failure.${action}`),
    filter: false,
    onOpen: (action) => act[action](),
  });
  return {
    title: "install.failure.title",
    help: "install.help.failure",
    hints: () => (control.view().leads ? [["Enter", "install.hint.choose"]] : [["l", "install.hint.log"]]),
    draw(canvas, { t, state, leads }) {
      const room = canvas.height - footHeight;
      const width = canvas.width - 4;
      let y = 1;
      const put = (text: string, style: "text" | "strong" | "bad" | "dim" = "text", indent = 0) => {
        for (const line of wrap(text, width - indent)) if (y < room) canvas.text(2 + indent, y++, line, style);
      };
      const { failure } = state;
      if (failure !== null) {
        put(t("install.failure.at", { step: t(`install.doing.${failure.step}`), code: failure.code }), "bad");
        put(failure.description, "strong");
        put(failure.remedy);
        y++;
        if (failure.command !== null) put(t("install.failure.command", { command: failure.command }), "dim");
        // The end of what the command said is what tells the reason.
        const lines = failure.lastLines.flatMap((line) => wrap(line, width - 2));
        for (const line of lines.slice(-Math.max(room - y, 1))) put(line, "text", 2);
      }
      const foot = canvas.part(2, room + 1, width);
      if (leads) list.draw(foot.part(0, 0, width, actions.length), t);
      foot.text(0, foot.height - 1, t("install.failure.shell"), "dim");
    },
    key(key) {
      if (key.name === "char" && key.text === "l") {
        act.log();
        return true;
      }
      return control.view().leads && list.key(key);
    },
  };
}

import { TextView } from "../../widgets/text.ts";
import type { Control, Screen } from "../screen.ts";
import { logScreen } from "./log.ts";

/** Nothing is lost by it, so any console may: the answer file no longer leads anywhere. */
async function reboot(control: Control): Promise<void> {
  await control.client.call("lead", {});
  await control.client.call("finish", { action: "reboot" });
}

/** Leaves the answer file alone: the questions are asked instead. */
async function answerByHand(control: Control): Promise<void> {
  await control.client.call("lead", {});
  await control.client.call("backToQuestions", {});
}

/** The answer file was wrong: what, where, and that nothing was touched. */
export function refusedScreen(control: Control): Screen {
  const text = new TextView({ find: "none" });
  const load = () => {
    const { t, state } = control.view();
    text.set([
      { text: t("install.refused.what"), style: "bad" },
      { text: t("install.refused.untouched"), style: "strong" },
      { text: "" },
      ...state.refusal.map((line) => ({ text: line })),
      { text: "" },
      { text: t("install.refused.remedy") },
    ]);
  };
  load();
  return {
    title: "install.refused.title",
    help: "install.help.refused",
    hints: () => [
      ["Enter", "install.hint.reboot"],
      ["a", "install.hint.byHand"],
      ["l", "install.hint.log"],
    ],
    enter: load,
    changed: load,
    draw: (canvas, { t }) => text.draw(canvas.part(2, 1, canvas.width - 4, canvas.height - 1), t),
    key(key) {
      if (key.name === "char" && key.text === "l") control.open(logScreen(control));
      else if (key.name === "enter") void control.attempt(() => reboot(control));
      else if (key.name === "char" && key.text === "a") void control.attempt(() => answerByHand(control));
      else return text.key(key);
      return true;
    },
  };
}

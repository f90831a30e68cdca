import type { PowerAction, Impact as PowerImpact } from "../../core/model/records.ts";
import { powerActions, powerPhrase } from "../../core/model/records.ts";
import type { Translate } from "../i18n/catalogue.ts";
import { formatDuration } from "../widgets/format.ts";
import { List } from "../widgets/list.ts";
import { type Impact, PhrasePrompt } from "../widgets/phrase.ts";
import { impactLines } from "./impact-lines.ts";
import type { Control, Screen } from "./screen.ts";

/** F12: Reboot or Poweroff. */
export function powerScreen(control: Control): Screen {
  const list = new List<PowerAction>({
    items: () => powerActions,
    id: (action) => action,
    text: (action) => control.view().t(`power.${action}`),
    filter: false,
    onOpen: (action) => control.open(powerPhraseScreen(control, action)),
  });
  return {
    title: "power.title",
    help: "help.power",
    hints: () => [["Enter", "hint.open"]],
    draw(canvas, { t, state }) {
      canvas.text(2, 1, t("power.choose"), "strong");
      list.draw(canvas.part(2, 3, canvas.width - 4, 3), t);
      if (state.status?.mode === "preview") canvas.text(2, 7, t("power.preview"), "preview");
    },
    key: (key) => list.key(key),
  };
}

/** What it would hit, and the word to type. */
function powerPhraseScreen(control: Control, action: PowerAction): Screen {
  let impact: PowerImpact | undefined;
  const prompt = new PhrasePrompt({
    question: () => control.view().t(`power.question.${action}`),
    impact: () => (impact === undefined ? undefined : linesOf(control.view().t, impact, control.view().now)),
    phrase: powerPhrase[action],
    onConfirm: () => void act(),
  });

  async function act(): Promise<void> {
    const done = await control.attempt(() =>
      control.client.call("power", { body: { action, phrase: powerPhrase[action] } }),
    );
    if (done === undefined) {
      prompt.reset();
      return;
    }
    const { t, state } = control.view();
    control.goHome();
    control.notify(t(state.status?.mode === "preview" ? "power.previewDone" : `power.going.${action}`), "warn");
  }

  return {
    title: "power.title",
    help: "help.power",
    typing: () => true,
    enter() {
      void control.attempt(async () => {
        impact = await control.client.call("powerImpact", {});
        control.redraw();
      });
    },
    draw: (canvas, { t }) => prompt.draw(canvas.part(2, 1, canvas.width - 4, canvas.height - 2), t),
    key: (key) => prompt.key(key),
  };
}

/** What the machine carries, and for how long it has been up. */
function linesOf(t: Translate, impact: PowerImpact, now: number): Impact[] {
  const lines = impactLines(t, impact, now);
  if (impact.uptimeSeconds === null) return lines;
  return [...lines, { text: t("power.uptime", { duration: formatDuration(impact.uptimeSeconds) }), style: "text" }];
}

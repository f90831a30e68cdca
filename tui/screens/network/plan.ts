import type { NetworkOperation } from "../../../core/model/network/operation.ts";
import { countdown, type NetworkPlan } from "../../../core/model/network/transaction.ts";
import { Decision } from "../../widgets/decision.ts";
import { type TextLine, TextView } from "../../widgets/text.ts";
import type { Control, Screen } from "../screen.ts";
import { changeLines, cutOffWords } from "./change-words.ts";
import { problemLines } from "./problem-words.ts";
import { openRunning } from "./running.ts";
import { trialScreen } from "./trial.ts";

/**
 * What changes, before anything does: what it cuts off, warnings, old beside new. Y begins it; Esc goes back to
 * whatever asked, with all that was typed there.
 */
export function planScreen(
  control: Control,
  plan: NetworkPlan,
  operations: readonly NetworkOperation[],
  from: Screen | undefined,
): Screen {
  const text = new TextView({ find: "none" });
  const decision = new Decision({
    ask() {
      const { t } = control.view();
      const question = t("network.plan.sure", { seconds: countdown.defaultSeconds });
      return { question, style: "strong", yes: t("network.plan.yes"), no: t("network.plan.no") };
    },
    onYes: () => void begin(),
    onNo: () => control.close(screen),
  });

  /** Cells of the last frame. */
  let room = 0;

  function lines(): TextLine[] {
    const { t } = control.view();
    const cut = plan.cutsOff.map((each): TextLine => ({ text: cutOffWords(t, each), style: "bad" }));
    const warnings = problemLines(t, plan.problems);
    const above = [...cut, ...warnings];
    return [...above, ...(above.length > 0 ? [{ text: "" }] : []), ...changeLines(t, plan.changes, room)];
  }

  async function begin(): Promise<void> {
    const begun = await control.attempt(() =>
      control.client.call("changeNetwork", { body: { operations: [...operations], keep: "confirm" } }),
    );
    if (begun === undefined) {
      decision.reset();
      // Another console was faster: what it does is shown, and this page waits beneath.
      if (!openRunning(control)) control.redraw();
      return;
    }
    control.replace(screen, trialScreen(control, begun, from));
  }

  const screen: Screen = {
    title: "network.plan.title",
    help: "help.network.plan",
    draw(canvas, { t }) {
      const body = canvas.part(2, 1, canvas.width - 4, canvas.height - 2);
      if (body.width !== room) {
        room = body.width;
        text.set(lines());
      }
      text.draw(body.part(0, 0, body.width, body.height - decision.height(body.width) - 1), t);
      decision.draw(body, t);
    },
    key: (key) => text.key(key) || decision.key(key),
  };
  return screen;
}

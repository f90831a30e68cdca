import { NodeError } from "../../../core/model/error.ts";
import { hasEnded, type NetworkTransaction } from "../../../core/model/network/transaction.ts";
import { type FollowedChange, follow, secondsLeft } from "../../network-change.ts";
import { errorWords } from "../../network-words.ts";
import { wrap } from "../../terminal/width.ts";
import { type Asked, Decision } from "../../widgets/decision.ts";
import { formatTime } from "../../widgets/format.ts";
import { TextView } from "../../widgets/text.ts";
import type { Control, Screen } from "../screen.ts";
import { changeLines } from "./change-words.ts";
import { phaseWords, probeLines } from "./trial-words.ts";

/** Fewer seconds are shown in red. */
const hurrySeconds = 10;

/**
 * A change of the network while it goes on: its phase, what its probes found, and the time in which somebody has to
 * keep it. Any console with the password may decide: who has just logged in at the new address has the best proof that
 * it works. `from` is the screen that asked for the change; it is closed with this one when the change was
 * kept, and is there again with all its entries when it was not.
 */
export function trialScreen(control: Control, started: NetworkTransaction, from?: Screen): Screen {
  const { id } = started;
  let known: FollowedChange = follow(started, control.view().monotonic);
  const text = new TextView({ find: "none" });
  const decision = new Decision({
    ask,
    onYes: () => void decide("keepNetwork"),
    onNo: () => void decide("rollBackNetwork"),
  });
  let asking = false;
  /** Cells of the last frame. */
  let room = 0;
  /** The agent has forgotten it: how it ended is not known. */
  let forgotten = false;
  const isOver = () => forgotten || hasEnded(known.transaction);

  /** What the agent tells of this change is newer than what is known from calls. */
  function learn(): void {
    const told = control.view().state.networkChange;
    if (told?.transaction.id === id) set(told);
    else if (control.view().state.connection.state === "up" && !isOver()) void askFor();
  }

  function set(change: FollowedChange): void {
    known = change;
    fill();
  }

  function fill(): void {
    const { t } = control.view();
    const { probes, changes } = known.transaction;
    const below = changeLines(t, changes, room);
    text.set([...probeLines(t, probes), ...(probes.length > 0 ? [{ text: "" }] : []), ...below]);
  }

  /** The stream knows nothing of this change any more: the agent was restarted, or has told of another one. */
  async function askFor(): Promise<void> {
    if (asking) return;
    asking = true;
    const answer = await control.attempt(async () => {
      try {
        return await control.client.call("networkChange", { params: { id } });
      } catch (error) {
        if (!(error instanceof NodeError) || !error.code.startsWith("NET.")) throw error;
        forgotten = true;
        control.redraw();
        return undefined;
      }
    });
    asking = false;
    if (answer === undefined) return;
    set(follow(answer, control.view().monotonic));
    control.redraw();
  }

  async function decide(call: "keepNetwork" | "rollBackNetwork"): Promise<void> {
    const answer = await control.attempt(() => control.client.call(call, { params: { id } }));
    // Refused, or the line broke: what is so now comes with the next event, and can be decided again until then.
    if (answer === undefined) decision.reset();
    else if (control.view().state.networkChange?.transaction.id !== id) set(follow(answer, control.view().monotonic));
    control.redraw();
  }

  function ask(): Asked {
    const { t, state, monotonic } = control.view();
    const { phase } = known.transaction;
    const seconds = secondsLeft(known, monotonic);
    const no = phase === "rollingBack" || phase === "committing" ? undefined : t("network.takeBack");
    if (state.connection.state === "lost")
      return { question: t("network.trial.agentAway"), style: "warn", yes: undefined, no: undefined };
    if (phase !== "waiting") {
      const question = seconds === undefined || no === undefined ? "" : t("network.trial.running", { seconds });
      return { question, style: "text", yes: undefined, no };
    }
    if (seconds === undefined)
      return { question: t("network.trial.noLimit"), style: "strong", yes: t("network.keep"), no };
    if (seconds === 0) return { question: t("network.trial.timeUp"), style: "bad", yes: undefined, no: undefined };
    const failed = known.transaction.probes.filter(({ outcome }) => outcome === "failed").length;
    const doubt = failed === 0 ? "" : `${t("network.trial.doubt", { count: failed })}\n`;
    const question = `${doubt}${t("network.trial.keepWithin", { seconds })}`;
    return { question, style: seconds <= hurrySeconds ? "bad" : "strong", yes: t("network.keep"), no };
  }

  const leave = () => {
    control.close(known.transaction.phase === "committed" && from !== undefined ? from : screen);
  };

  const screen: Screen = {
    title: "network.trial.title",
    help: "help.network.trial",
    hints: () => (isOver() ? [["Enter", "hint.back"]] : []),
    enter: () => {
      set(known);
      learn();
    },
    changed: learn,
    draw(canvas, { t }) {
      const body = canvas.part(2, 1, canvas.width - 4, canvas.height - 2);
      if (body.width !== room) {
        room = body.width;
        fill();
      }
      const { transaction } = known;
      const phase = forgotten
        ? ({ text: t("network.trial.forgotten"), style: "bad" } as const)
        : phaseWords(t, transaction);
      const error = errorWords(t, transaction);
      let y = 0;
      for (const line of wrap(phase.text, body.width)) body.text(0, y++, line, phase.style);
      for (const line of error === undefined ? [] : wrap(error, body.width)) body.text(0, y++, line, "bad");
      const { console, startedAt } = transaction;
      body.text(0, y, t("network.trial.by", { console, time: formatTime(startedAt) }), "dim");
      y += 2;
      const below = isOver() ? 0 : decision.height(body.width) + 1;
      text.draw(body.part(0, y, body.width, body.height - y - below), t);
      if (below > 0) decision.draw(body, t);
    },
    key(key) {
      if (text.key(key)) return true;
      if (!isOver()) return decision.key(key);
      if (key.name !== "enter" && key.name !== "esc") return false;
      leave();
      return true;
    },
  };
  return screen;
}

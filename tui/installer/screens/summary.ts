import type { DraftProblem, DraftSection } from "../../../core/model/installation/draft.ts";
import type { InstallQuestion } from "../../../core/model/installation/protocol.ts";
import { wrap } from "../../terminal/width.ts";
import { type Impact, PhrasePrompt } from "../../widgets/phrase.ts";
import { contentWords, diskWords, partWords } from "../disk-words.ts";
import { blocking, problemWords } from "../problems.ts";
import type { Control, Screen } from "../screen.ts";
import { answerLines } from "../summary-words.ts";

const pageOf: Record<DraftSection, InstallQuestion> = {
  locale: "locale",
  role: "role",
  disk: "disk",
  network: "network",
  passwords: "passwords",
};

/** Step 7: what will be installed, what will be erased by name, and the last word. */
export function summaryPage(control: Control): Screen {
  const t = () => control.view().t;
  const disk = () => control.known().draft.disk.disk ?? "";
  const errors = (): DraftProblem[] => blocking(control.view().state);
  const makePrompt = () =>
    new PhrasePrompt({
      question: () => t()("install.summary.question"),
      impact: () => impact(control),
      phrase: disk(),
      onConfirm: () => void begin(),
    });
  let prompt = makePrompt();

  async function begin(): Promise<void> {
    const went = await control.attempt(() => control.client.call("install", { typed: disk() }));
    // What comes now is the engine's next state; until then nothing can be typed twice.
    if (!went) prompt.reset();
  }

  return {
    title: "install.summary.title",
    help: "install.help.summary",
    hints: () => (errors().length === 0 ? [["Enter", "install.hint.install"]] : [["Enter", "install.hint.correct"]]),
    enter: () => {
      prompt = makePrompt();
    },
    typing: () => errors().length === 0,
    draw(canvas, view) {
      const room = canvas.part(2, 1, canvas.width - 4, canvas.height - 1);
      const wrong = errors();
      if (wrong.length === 0) {
        prompt.draw(room, view.t);
        return;
      }
      let y = 0;
      room.text(0, y++, view.t("install.summary.notYet"), "strong");
      for (const problem of wrong)
        for (const line of wrap(problemWords(view.t, problem), room.width - 2)) room.text(2, ++y, line, "bad");
      room.text(0, y + 2, view.t("install.summary.correct"));
    },
    key(key) {
      const [first] = errors();
      if (first === undefined) return prompt.key(key);
      if (key.name !== "enter") return false;
      control.goTo(pageOf[first.section]);
      return true;
    },
  };
}

/** The answers in short, and each disk that loses what is on it. */
function impact(control: Control): Impact[] {
  const { t, state } = control.view();
  const { draft, hardware } = control.known();
  const lines: Impact[] = answerLines(t, draft).map((text): Impact => ({ text }));
  const warnings = state.problems.filter(({ severity }) => severity === "warning");
  for (const warning of warnings) lines.push({ text: problemWords(t, warning), style: "warn" });
  lines.push({ text: "" });
  for (const name of [draft.disk.disk, draft.disk.mirror]) {
    const disk = hardware.disks.find((one) => one.name === name);
    if (name === null || disk === undefined) continue;
    lines.push({ text: t("install.summary.erased", { disk: name, what: diskWords(disk) }), style: "strong" });
    if (disk.contents.length === 0)
      lines.push({ text: `  ${contentWords(t, disk)}`, style: disk.empty ? "text" : "bad" });
    for (const content of disk.contents) lines.push({ text: `  ${partWords(t, content)}`, style: "bad" });
  }
  return lines;
}

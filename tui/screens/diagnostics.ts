import type { Diagnosis, Finding } from "../../core/model/records.ts";
import { loadDiagnosisTexts, type Translate } from "../i18n/catalogue.ts";
import type { Style } from "../terminal/canvas.ts";
import { pad, wrap } from "../terminal/width.ts";
import { formatDateTime } from "../widgets/format.ts";
import { List } from "../widgets/list.ts";
import { TextView } from "../widgets/text.ts";
import { confirmScreen } from "./confirm.ts";
import type { Control, Screen } from "./screen.ts";
import { reasonOf } from "./words.ts";

/** Finds a sentence of the diagnostics. */
type Words = Translate["find"];

const outcomeStyle: Record<Finding["outcome"], Style> = {
  passed: "good",
  warning: "warn",
  failed: "bad",
  unable: "dim",
};

/** Lines kept below the list for the selected finding: five for its sentences and one above. */
const detailHeight = 7;

/** The checks of this node: the list, and the selected one in full below it. */
export async function diagnosticsScreen(control: Control): Promise<Screen> {
  const words = await loadDiagnosisTexts(control.view().t.language);
  const t = () => control.view().t;
  let diagnosis: Diagnosis | undefined;
  let running = false;
  /** Why the checks could not be run: no list is not the same as no fault. */
  let trouble: string | undefined;

  const list = new List<Finding>({
    items: () => diagnosis?.findings ?? [],
    id: (finding) => finding.id,
    text: (finding) => row(t(), finding, headline(words, finding)),
    short: (finding) => row(t(), finding, title(words, finding)),
    onOpen: (finding) => control.open(findingScreen(control, words, finding)),
    style: (finding) => outcomeStyle[finding.outcome],
    empty: () => (running ? t()("diagnostics.running") : (trouble ?? t()("diagnostics.none"))),
  });

  async function run(): Promise<void> {
    if (running) return;
    running = true;
    control.redraw();
    trouble = undefined;
    const answer = await control.attempt(() => control.client.call("diagnose", {}));
    if (answer === undefined) trouble = t()("diagnostics.notRun");
    diagnosis = answer ?? diagnosis;
    running = false;
    control.redraw();
  }

  function fix(finding: Finding): void {
    const question = t()("diagnostics.sure", { fix: fixName(words, finding) });
    control.open(
      confirmScreen(control, screen, { message: question, style: "warn" }, () => {
        void control.attempt(async () => {
          await control.client.call("fix", { params: { id: finding.fix ?? finding.id } });
          control.notify(t()("diagnostics.fixed"), "good");
          await run();
        });
      }),
    );
  }

  const screen: Screen = {
    title: "diagnostics.title",
    help: "help.diagnostics",
    hints: () => [
      ["Enter", "hint.open"],
      ["r", "hint.again"],
      ...(list.selected?.fix == null ? [] : [["f", "hint.fix"] as const]),
      ["/", "hint.filter"],
    ],
    typing: () => list.typing,
    enter: () => {
      if (diagnosis === undefined) void run();
    },
    draw(canvas, view) {
      if (diagnosis !== undefined)
        canvas.text(2, 0, running ? view.t("diagnostics.running") : summary(view.t, diagnosis));
      list.draw(canvas.part(2, 2, canvas.width - 4, canvas.height - 3 - detailHeight), view.t);
      const selected = list.selected;
      if (selected === undefined) return;
      const y = canvas.height - detailHeight;
      detail(view.t, words, selected, canvas.width - 4)
        .slice(0, detailHeight - 1)
        .forEach((line, i) => {
          canvas.text(2, y + i, line, i === 0 ? outcomeStyle[selected.outcome] : "text");
        });
    },
    key(key) {
      if (!list.typing && key.name === "char") {
        const selected = list.selected;
        if (key.text === "r") {
          void run();
          return true;
        }
        if (key.text === "f" && selected?.fix != null) {
          fix(selected);
          return true;
        }
      }
      return list.key(key);
    },
  };
  return screen;
}

/** One finding in full, however long its values are. */
function findingScreen(control: Control, words: Words, finding: Finding): Screen {
  const text = new TextView();
  const { t } = control.view();
  const lines = detailTexts(t, words, finding);
  text.set(
    lines.flatMap((line, i) => [{ text: line, style: i === 0 ? outcomeStyle[finding.outcome] : "text" }, { text: "" }]),
  );
  return {
    title: "diagnostics.title",
    help: "help.diagnostics",
    typing: () => text.typing,
    draw: (canvas, view) => text.draw(canvas.part(2, 1, canvas.width - 4, canvas.height - 2), view.t),
    key: (key) => text.key(key),
  };
}

function summary(t: Translate, { findings }: Diagnosis): string {
  const count = (outcome: Finding["outcome"]) => findings.filter((f) => f.outcome === outcome).length;
  return t("diagnostics.summary", {
    failed: count("failed"),
    warning: count("warning"),
    passed: count("passed"),
    unable: count("unable"),
  });
}

function row(t: Translate, finding: Finding, text: string): string {
  return `${pad(t(`outcome.${finding.outcome}`), 15)}${text}`;
}

/** What is wrong in half a line, for the list. */
function title(words: Words, finding: Finding): string {
  return words(`diagnosis.title.${finding.code}`, finding.values) ?? headline(words, finding);
}

function headline(words: Words, finding: Finding): string {
  return words(`diagnosis.${finding.code}.what`, finding.values) ?? finding.id;
}

function detail(t: Translate, words: Words, finding: Finding, width: number): string[] {
  return detailTexts(t, words, finding).flatMap((text) => wrap(text, width));
}

/** What is wrong, since when, why it matters, what to do: at most five lines at 80 columns. Source: diagnostics.md. */
function detailTexts(t: Translate, words: Words, finding: Finding): string[] {
  const part = (name: string) => words(`diagnosis.${finding.code}.${name}`, finding.values) ?? "";
  const since = finding.since === null ? "" : `  ${t("diagnostics.since", { time: formatDateTime(finding.since) })}`;
  const what = `${headline(words, finding)}${since}`;
  const why = finding.unable === null ? part("why") : reasonOf(t, finding.unable);
  return [what, why, part("remedy")].filter((text) => text !== "");
}

/** A fix is a name and, behind a colon, what it works on: `restart-unit:chrony.service`. */
function fixName(words: Words, { fix }: Finding): string {
  const [name = "", ...subject] = (fix ?? "").split(":");
  return words(`diagnosis.fix.${name}`, { subject: subject.join(":") }) ?? fix ?? "";
}

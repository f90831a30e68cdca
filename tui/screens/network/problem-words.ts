import type { NetworkProblem } from "../../../core/model/network/transaction.ts";
import type { Translate } from "../../i18n/catalogue.ts";
import { fieldWords, problemWords, problemWordsOf, reasonAndRemedy, remedyWords } from "../../network-words.ts";
import { displayWidth } from "../../terminal/width.ts";
import type { TextLine } from "../../widgets/text.ts";

/** What is wrong with a value: a stable code, and what fills its sentence. */
export type Wrong = Pick<NetworkProblem, "code" | "values">;

type Told = Wrong & Pick<NetworkProblem, "description" | "remedy">;

function toField(words: (t: Translate, told: Told) => string) {
  return (t: () => Translate, find: (text: string) => Wrong | undefined) =>
    (text: string): string | undefined => {
      const wrong = find(text);
      return wrong === undefined ? undefined : words(t(), { ...wrong, description: wrong.code, remedy: "" });
    };
}

/** What a field says of its text: the same sentence as for the agent's problem of that code. */
export const saying = toField(problemWords);

/** The same with what to do about it, for a form that has the room. */
export const advising = toField((t, told) => reasonAndRemedy(t, told));

/** What is wrong with the first of several words that something is wrong with. */
export function firstOf(words: readonly string[], find: (word: string) => Wrong | undefined): Wrong | undefined {
  return words.map(find).find((wrong) => wrong !== undefined);
}

/** Field, reason and remedy in one line, for a form's foot. */
export function problemSentence(t: Translate, problem: NetworkProblem): string {
  const about = reasonAndRemedy(t, problem, problemWordsOf(t, problem));
  const field = fieldWords(t, problem.field);
  return field === "" ? about : t("network.problem.at", { field, about });
}

/** Each problem by its field: why, and below that what to do. */
export function problemLines(t: Translate, problems: readonly NetworkProblem[]): TextLine[] {
  const leads = problems.map(({ field }) => fieldWords(t, field));
  const leadWidth = Math.min(Math.max(0, ...leads.map(displayWidth)), longestLead) + 3;
  return problems.flatMap((problem, i): TextLine[] => {
    const lead = leads[i] ?? "";
    const style = problem.severity === "error" ? "bad" : "warn";
    const [why, remedy] = [problemWordsOf(t, problem), remedyWords(t, problem)];
    // A name that is too long for its column has a line of its own.
    const head: TextLine[] =
      displayWidth(lead) + 3 <= leadWidth
        ? [{ lead, leadStyle: "dim", leadWidth, text: why, style }]
        : [
            { text: lead, style: "dim" },
            { lead: "", leadWidth, text: why, style },
          ];
    return [...head, ...(remedy === "" ? [] : [{ lead: "", leadWidth, text: remedy }])];
  });
}

const longestLead = 22;

import type { NetworkProblem } from "../../../core/model/network/transaction.ts";
import type { Translate } from "../../i18n/catalogue.ts";

/** What is wrong with a value: a stable code, and what fills its sentence. */
export type Wrong = Pick<NetworkProblem, "code" | "values">;

/** What a field says of its text: the same sentence as for the agent's problem of that code. */
export function saying(
  t: () => Translate,
  find: (text: string) => Wrong | undefined,
): (text: string) => string | undefined {
  return (text) => {
    const wrong = find(text);
    return wrong === undefined ? undefined : (sentence(t(), wrong.code, wrong.values) ?? wrong.code);
  };
}

/** The same with what to do about it, for a form that has the room. */
export function advising(
  t: () => Translate,
  find: (text: string) => Wrong | undefined,
): (text: string) => string | undefined {
  return (text) => {
    const wrong = find(text);
    if (wrong === undefined) return undefined;
    return reasonAndRemedy(t(), { ...wrong, description: wrong.code, remedy: "" });
  };
}

/** What is wrong with the first of several words that something is wrong with. */
export function firstOf(words: readonly string[], find: (word: string) => Wrong | undefined): Wrong | undefined {
  return words.map(find).find((wrong) => wrong !== undefined);
}

/** Why a draft can't be, or should not; the agent's own words where the catalogue has none. */
export function problemWords(t: Translate, { code, values, description }: Told): string {
  return sentence(t, code, values) ?? description;
}

/** What to do about a problem of a draft. */
function remedyWords(t: Translate, { code, values, remedy }: Told): string {
  return advice(t, code, values) ?? remedy;
}

type Told = Pick<NetworkProblem, "code" | "values" | "description" | "remedy">;

function reasonAndRemedy(t: Translate, problem: Told): string {
  const [why, remedy] = [problemWords(t, problem), remedyWords(t, problem)];
  return remedy === "" ? why : t("network.problem.advised", { why, remedy });
}

function sentence(t: Translate, code: string, values: Wrong["values"]): string | undefined {
  return wordsFor(t, `network.problem.${code}`, values);
}

function advice(t: Translate, code: string, values: Wrong["values"]): string | undefined {
  return wordsFor(t, `network.remedy.${code}`, values);
}

/** A sentence of its own for the reason within a code comes first. */
function wordsFor(t: Translate, key: string, values: Wrong["values"]): string | undefined {
  const why = values["why"] ?? values["kind"];
  const words = t.find(`${key}.${why}`, values) ?? t.find(key, values);
  // An agent of another version may not give all that our sentence needs.
  return words === undefined || /\{\w+\}/.test(words) ? undefined : words;
}

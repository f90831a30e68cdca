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

/** What is wrong with the first of several words that something is wrong with. */
export function firstOf(words: readonly string[], find: (word: string) => Wrong | undefined): Wrong | undefined {
  return words.map(find).find((wrong) => wrong !== undefined);
}

/** The sentence for a problem of a draft; the agent's own words where the catalogue has none. */
export function problemWords(t: Translate, problem: NetworkProblem): string {
  return sentence(t, problem.code, problem.values) ?? `${problem.description} ${problem.remedy}`.trim();
}

function sentence(t: Translate, code: string, values: Wrong["values"]): string | undefined {
  const why = values["why"] ?? values["kind"];
  return t.find(`network.problem.${code}.${why}`, values) ?? t.find(`network.problem.${code}`, values);
}

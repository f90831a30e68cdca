import type { NetworkProblem } from "../../../core/model/network/transaction.ts";
import type { Translate } from "../../i18n/catalogue.ts";

/** What is wrong with a value: a stable code, and what fills its sentence. */
export type Wrong = Pick<NetworkProblem, "code" | "values">;

/** The sentence for what a form itself found wrong: the same as that for the agent's problem of this code. */
export function wrongWords(t: Translate, { code, values }: Wrong): string {
  return sentence(t, code, values) ?? code;
}

/** The sentence for a problem of a draft; the agent's own words where the catalogue has none. */
export function problemWords(t: Translate, problem: NetworkProblem): string {
  return sentence(t, problem.code, problem.values) ?? `${problem.description} ${problem.remedy}`.trim();
}

function sentence(t: Translate, code: string, values: Wrong["values"]): string | undefined {
  const why = values["why"] ?? values["kind"];
  return t.find(`network.problem.${code}.${why}`, values) ?? t.find(`network.problem.${code}`, values);
}

import type { NetworkChange, NetworkProblem, NetworkTransaction } from "../../core/model/network/transaction.ts";
import type { Translate } from "../i18n/catalogue.ts";
import { changeLabel, errorWords, probeWords, problemWordsOf, remedyWords, valueWords } from "../network-words.ts";

/* The menu's texts about the network: plain lines, without a width. */

/** Why, and what to do about it. */
export function problemLines(t: Translate, problem: NetworkProblem): string[] {
  const remedy = remedyWords(t, problem);
  return [`  ${problemWordsOf(t, problem)}`, ...(remedy === "" ? [] : [`    ${remedy}`])];
}

export function changeLines(t: Translate, changes: readonly NetworkChange[]): string[] {
  return changes.map((change) => {
    const { what, before, after } = change;
    return `  ${changeLabel(t, change)}: ${valueWords(t, what, before)} -> ${valueWords(t, what, after)}`;
  });
}

/** Where a change is, and what its probes have found. */
export function trialLines(t: Translate, { phase, probes }: NetworkTransaction): string[] {
  const found = probes.map((probe) => `  ${t(`network.outcome.${probe.outcome}`)}: ${probeWords(t, probe)}`);
  return [t(`network.phase.${phase}`), ...found];
}

/** How it ended, and what went wrong. */
export function endLine(t: Translate, transaction: NetworkTransaction): string[] {
  const { phase, why } = transaction;
  const end = why === null ? undefined : t.find(`network.end.${phase}.${why}`);
  const wrong = errorWords(t, transaction);
  return [end ?? t(`network.phase.${phase}`), ...(wrong === undefined ? [] : [wrong])];
}

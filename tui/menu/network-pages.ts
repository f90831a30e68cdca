import type { NetworkChange, NetworkProblem, NetworkTransaction } from "../../core/model/network/transaction.ts";
import type { Translate } from "../i18n/catalogue.ts";

/* The menu's texts about the network: plain lines, without a width. */

/** Why, and what to do about it. */
export function problemLines(t: Translate, { code, description, remedy, values }: NetworkProblem): string[] {
  const words = (key: string): string | undefined => {
    const why = values["why"] ?? values["kind"];
    const own = t.find(`${key}.${code}.${why}`, values) ?? t.find(`${key}.${code}`, values);
    return own === undefined || /\{\w+\}/.test(own) ? undefined : own;
  };
  const advice = words("network.remedy") ?? remedy;
  return [`  ${words("network.problem") ?? description}`, ...(advice === "" ? [] : [`    ${advice}`])];
}

export function changeLines(t: Translate, changes: readonly NetworkChange[]): string[] {
  return changes.map(({ link, what, key, before, after }) => {
    const label = [link, t(`network.what.${what}`), key].filter((part) => part !== "").join(" ");
    return `  ${label}: ${before ?? "-"} -> ${after ?? "-"}`;
  });
}

/** Where a change is, and what its probes have found. */
export function trialLines(t: Translate, { phase, probes }: NetworkTransaction): string[] {
  const found = probes.map(({ outcome, code, description, values }) => {
    const sentence = t.find(`network.probe.${code}`, values) ?? description;
    return `  ${t(`network.outcome.${outcome}`)}: ${sentence}`;
  });
  return [t(`network.phase.${phase}`), ...found];
}

/** How it ended, and what went wrong. */
export function endLine(t: Translate, { phase, why, error }: NetworkTransaction): string[] {
  const end = why === null ? undefined : t.find(`network.end.${phase}.${why}`);
  const wrong = error === null ? [] : [t.find(`error.${error.code}`) ?? error.description];
  return [end ?? t(`network.phase.${phase}`), ...wrong];
}

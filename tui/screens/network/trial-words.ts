import { hasEnded, type NetworkTransaction, type ProbeResult } from "../../../core/model/network/transaction.ts";
import type { Translate } from "../../i18n/catalogue.ts";
import type { Style } from "../../terminal/canvas.ts";
import type { TextLine } from "../../widgets/text.ts";

type Words = { text: string; style: Style };

/** Where a change is, or how it ended and which configuration is in force now. */
export function phaseWords(t: Translate, { phase, why }: NetworkTransaction): Words {
  if (!hasEnded({ phase })) return { text: t(`network.phase.${phase}`), style: "strong" };
  const text = (why === null ? undefined : t.find(`network.end.${phase}.${why}`)) ?? t(`network.phase.${phase}`);
  return { text, style: phase === "committed" ? "good" : phase === "rolledBack" ? "warn" : "bad" };
}

/** What went wrong with the change as a whole. */
export function errorWords(t: Translate, { error }: NetworkTransaction): string | undefined {
  return error === null ? undefined : (t.find(`error.${error.code}`) ?? error.description);
}

const outcomeStyles: Readonly<Record<ProbeResult["outcome"], Style>> = {
  passed: "good",
  warning: "warn",
  failed: "bad",
  skipped: "dim",
};

/** One line for each probe that has an outcome: what was looked at, and what was found. */
export function probeLines(t: Translate, probes: readonly ProbeResult[]): TextLine[] {
  const leadWidth = 9;
  return probes.map((probe) => {
    const { kind, link, outcome, code, description, values } = probe;
    const subject = [link, t(`network.probe.${kind}`)].filter((part) => part !== "").join(" ");
    const own = t.find(`network.probe.${code}`, values);
    const before = values["before"] === "silent" ? ` ${t("network.probe.before")}` : "";
    // An agent of another version may not give all that our sentence needs.
    const sentence = own === undefined || /\{\w+\}/.test(own) ? description : `${own}${before}`;
    return {
      lead: t(`network.outcome.${outcome}`),
      leadStyle: outcomeStyles[outcome],
      leadWidth,
      text: `${subject}: ${sentence}`,
      style: outcome === "skipped" ? "dim" : "text",
    };
  });
}

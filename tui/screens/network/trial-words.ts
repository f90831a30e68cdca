import { hasEnded, type NetworkTransaction, type ProbeResult } from "../../../core/model/network/transaction.ts";
import type { Translate } from "../../i18n/catalogue.ts";
import { probeWords } from "../../network-words.ts";
import type { Style } from "../../terminal/canvas.ts";
import type { TextLine } from "../../widgets/text.ts";

type Words = { text: string; style: Style };

/** Where a change is, or how it ended and which configuration is in force now. */
export function phaseWords(t: Translate, { phase, why }: NetworkTransaction): Words {
  if (!hasEnded({ phase })) return { text: t(`network.phase.${phase}`), style: "strong" };
  const text = (why === null ? undefined : t.find(`network.end.${phase}.${why}`)) ?? t(`network.phase.${phase}`);
  return { text, style: phase === "committed" ? "good" : phase === "rolledBack" ? "warn" : "bad" };
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
    const { kind, link, outcome } = probe;
    const subject = [link, t(`network.probe.${kind}`)].filter((part) => part !== "").join(" ");
    return {
      lead: t(`network.outcome.${outcome}`),
      leadStyle: outcomeStyles[outcome],
      leadWidth,
      text: t("network.problem.at", { field: subject, about: probeWords(t, probe) }),
      style: outcome === "skipped" ? "dim" : "text",
    };
  });
}

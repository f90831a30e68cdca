import type { CutOff, NetworkChange } from "../../../core/model/network/transaction.ts";
import type { Translate } from "../../i18n/catalogue.ts";
import { displayWidth, pad } from "../../terminal/width.ts";
import { unknown } from "../../widgets/format.ts";
import type { TextLine } from "../../widgets/text.ts";

/** Cells for the old and the new value beside each other, in a room of 80 columns. */
const valueWidth = 24;
const gap = 3;

/** What a draft changes: old beside new, by interface; what does not fit beside goes below. */
export function changeLines(t: Translate, changes: readonly NetworkChange[]): TextLine[] {
  if (changes.length === 0) return [];
  const labels = changes.map((change) => changeLabel(t, change));
  const leadWidth = Math.min(Math.max(...labels.map(displayWidth)), 26) + gap;
  const values = changes.map(({ what, before, after }) => [valueWords(t, what, before), valueWords(t, what, after)]);
  const widest = Math.max(...values.map(([before = ""]) => displayWidth(before)), displayWidth(t("network.now")));
  const width = Math.min(widest, valueWidth);
  const beside = (before: string, after: string) => `${pad(before, width)}${" ".repeat(gap)}${after}`;
  const head: TextLine = { lead: "", leadWidth, text: beside(t("network.now"), t("network.new")), style: "heading" };
  return [
    head,
    ...changes.flatMap((_, i): TextLine[] => {
      const [before = "", after = ""] = values[i] ?? [];
      const lead: Pick<TextLine, "lead" | "leadStyle" | "leadWidth"> = {
        lead: labels[i] ?? "",
        leadStyle: "dim",
        leadWidth,
      };
      if (displayWidth(before) <= width) return [{ ...lead, text: beside(before, after) }];
      return [
        { ...lead, text: before },
        { lead: "", leadWidth, text: `-> ${after}` },
      ];
    }),
  ];
}

/** What one change is about: `eth0 address`; a value of the node has no interface. */
export function changeLabel(t: Translate, { link, what, key }: NetworkChange): string {
  return [link, t(`network.what.${what}`), key].filter((part) => part !== "").join(" ");
}

function valueWords(t: Translate, what: NetworkChange["what"], value: string | null): string {
  if (value === null || value === "") return unknown;
  if (what === "method" || what === "method6") return t.find(`network.method.${value}`) ?? value;
  return what === "link" ? (t.find(`network.kind.${value}`) ?? value) : value;
}

/** One change in a line, for lists; what is new has nothing before the arrow. */
export function shortChange(t: Translate, change: NetworkChange): string {
  const { what, before, after } = change;
  const old = before === null || before === "" ? "" : `${valueWords(t, what, before)} `;
  return `${changeLabel(t, change)}: ${old}-> ${valueWords(t, what, after)}`;
}

export function cutOffWords(t: Translate, { what, detail }: CutOff): string {
  return t(`network.cutsOff.${what}`, { detail });
}

import type { CutOff, NetworkChange } from "../../../core/model/network/transaction.ts";
import type { Translate } from "../../i18n/catalogue.ts";
import { changeLabel, valueWords } from "../../network-words.ts";
import { displayWidth, pad } from "../../terminal/width.ts";
import type { TextLine } from "../../widgets/text.ts";

/** Cells for the old and the new value beside each other, and for what they are of. */
const valueWidth = 26;
const gap = 3;
const labelWidthIn = (room: number) => (room < 72 ? 26 : 32);

/**
 * What a draft changes, in a room of so many cells: old beside new, by interface; what does not fit beside goes below.
 */
export function changeLines(t: Translate, changes: readonly NetworkChange[], room: number): TextLine[] {
  if (changes.length === 0) return [];
  const labelWidth = labelWidthIn(room);
  const rows = changes.map((change) => ({
    label: changeLabel(t, change),
    before: valueWords(t, change.what, change.before),
    after: valueWords(t, change.what, change.after),
  }));
  const widest = (texts: readonly string[]) => Math.max(...texts.map(displayWidth));
  const leadWidth = Math.min(widest(rows.map(({ label }) => label)), labelWidth) + gap;
  const width = Math.min(widest([...rows.map(({ before }) => before), t("network.now")]), valueWidth);
  const beside = (before: string, after: string) => `${pad(before, width)}${" ".repeat(gap)}${after}`;
  const head: TextLine = { lead: "", leadWidth, text: beside(t("network.now"), t("network.new")), style: "heading" };
  return [
    head,
    ...rows.flatMap(({ label, before, after }): TextLine[] => {
      const isLong = displayWidth(label) > labelWidth;
      const above: TextLine[] = isLong ? [{ text: label, style: "dim" }] : [];
      const lead = { lead: isLong ? "" : label, leadStyle: "dim", leadWidth } as const;
      const fits = displayWidth(before) <= width && leadWidth + width + gap + displayWidth(after) <= room;
      if (fits) return [...above, { ...lead, text: beside(before, after) }];
      return [...above, { ...lead, text: before }, { lead: "", leadWidth, text: `-> ${after}` }];
    }),
  ];
}

/** One change in a line, for lists; what is new has nothing before the arrow. */
export function shortChange(t: Translate, change: NetworkChange): string {
  const { what, before, after } = change;
  const old = before === null || before === "" ? "" : `${valueWords(t, what, before)} `;
  const about = `${old}-> ${valueWords(t, what, after)}`;
  return t("network.problem.at", { field: changeLabel(t, change), about });
}

export function cutOffWords(t: Translate, { what, detail }: CutOff): string {
  return t(`network.cutsOff.${what}`, { detail });
}

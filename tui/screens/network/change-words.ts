import type { CutOff, NetworkChange } from "../../../core/model/network/transaction.ts";
import type { Translate } from "../../i18n/catalogue.ts";
import { changeLabel, valueWords } from "../../network-words.ts";
import { displayWidth, pad } from "../../terminal/width.ts";
import type { TextLine } from "../../widgets/text.ts";

const gap = 3;
/** Of a change whose label has a line of its own. */
const indent = 2;
const labelWidthIn = (room: number) => (room < 72 ? 22 : 32);

type Row = { label: string; before: string; after: string; isNew: boolean };

/**
 * What a draft changes, in a room of so many cells: old beside new, by interface. What does not fit beside goes below,
 * and where an interface's name or an address is longer than that, their label has a line of its own.
 */
export function changeLines(t: Translate, changes: readonly NetworkChange[], room: number): TextLine[] {
  if (changes.length === 0) return [];
  const rows = changes.map((change): Row => {
    const before = valueWords(t, change.what, change.before);
    const label = changeLabel(t, change);
    return { label, before, after: valueWords(t, change.what, change.after), isNew: change.before === null };
  });
  const widest = (texts: readonly string[]) => Math.max(0, ...texts.map(displayWidth));
  const labels = rows.map(({ label }) => label).filter((label) => displayWidth(label) <= labelWidthIn(room));
  const leadWidth = widest(labels) + gap;
  const space = room - leadWidth;
  const fitting = rows.filter(({ before, after }) => displayWidth(before) + gap + displayWidth(after) <= space);
  // One long old value must not push every new one off the line.
  const most = Math.max(Math.floor((space - gap) / 2), displayWidth(t("network.now")));
  const width = Math.min(widest([...fitting.map(({ before }) => before), t("network.now")]), most);
  const beside = (before: string, after: string) => `${pad(before, width)}${" ".repeat(gap)}${after}`;
  const isBeside = ({ before, after }: Row) =>
    displayWidth(before) <= width && width + gap + displayWidth(after) <= space;
  const head: TextLine = { lead: "", leadWidth, text: beside(t("network.now"), t("network.new")), style: "heading" };
  return [
    ...(rows.some(isBeside) ? [head] : []),
    ...rows.flatMap((row): TextLine[] => {
      const { label, before, after } = row;
      const hasRoom = labels.includes(label);
      const lead = { lead: hasRoom ? label : "", leadStyle: "dim", leadWidth } as const;
      const above: TextLine[] = hasRoom ? [] : [{ text: label, style: "dim" }];
      if (isBeside(row)) return [...above, { ...lead, text: beside(before, after) }];
      const values = row.isNew ? [`-> ${after}`] : [before, `-> ${after}`];
      if (hasRoom && widest(values) <= space)
        return values.map((text, i) => (i === 0 ? { ...lead, text } : { lead: "", leadWidth, text }));
      return [{ text: label, style: "dim" }, ...values.map((text) => ({ lead: "", leadWidth: indent, text }))];
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

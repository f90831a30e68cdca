import type { CutOff, NetworkChange } from "../../../core/model/network/transaction.ts";
import type { MessageKey, Translate } from "../../i18n/catalogue.ts";
import { displayWidth, pad } from "../../terminal/width.ts";
import { unknown } from "../../widgets/format.ts";
import type { TextLine } from "../../widgets/text.ts";

/** Cells for the old and the new value beside each other, and for what they are of. */
const valueWidth = 26;
const labelWidth = 26;
const gap = 3;

/**
 * What a draft changes, in a room of so many cells: old beside new, by interface; what does not fit beside goes below.
 */
export function changeLines(t: Translate, changes: readonly NetworkChange[], room: number): TextLine[] {
  if (changes.length === 0) return [];
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

/** What one change is about: `eno1 address`; a value of the node has no interface. */
export function changeLabel(t: Translate, { link, what, key }: NetworkChange): string {
  return [link, t(`network.what.${what}`), keyWords(t, what, key)].filter((part) => part !== "").join(" ");
}

/** Which of several it is, where its value does not say so itself. */
function keyWords(t: Translate, what: NetworkChange["what"], key: string): string {
  if (what === "option") return key;
  if (what === "nameServers") return key === "ipv6" ? t("network.field.ipv6") : "";
  return key === "order" ? t("network.what.order") : "";
}

/** What is so where nothing is configured, as far as that is something. */
const withoutOne: Partial<Record<NetworkChange["what"], MessageKey>> = {
  method: "network.method.none",
  method6: "network.method.none",
  mtu: "network.value.default",
  timeServers: "network.value.system",
  managementLink: "network.value.defaultRoute",
};

/** A value of a change in this language: agents tell them in the words of commands. */
export function valueWords(t: Translate, what: NetworkChange["what"], value: string | null): string {
  const without = withoutOne[what];
  if (value === null || value === "") return without === undefined ? unknown : t(without);
  switch (what) {
    case "method":
    case "method6":
      return t.find(`network.method.${value}`) ?? value;
    case "link":
      return t.find(`network.kind.${value}`) ?? value;
    case "stp":
      return t.find(`network.value.stp.${value}`) ?? value;
    case "route":
      return routeWords(t, value);
    case "parent":
      return value.replace(/^(\S+) id (\d+)$/, (_, parent: string, id: string) =>
        t("network.part.vlanOn", { parent, id }),
      );
    default:
      return value;
  }
}

function routeWords(t: Translate, value: string): string {
  const [whole, to, via, metric] = /^(\S+)(?: via (\S+))?(?: metric (\d+))?$/.exec(value) ?? [];
  if (whole === undefined || to === undefined) return value;
  const parts = [
    to,
    via === undefined ? "" : t("network.value.via", { via }),
    metric === undefined ? "" : t("network.value.metric", { metric }),
  ];
  return parts.filter((part) => part !== "").join(" ");
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

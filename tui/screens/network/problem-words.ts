import type { NetworkProblem } from "../../../core/model/network/transaction.ts";
import type { MessageKey, Translate } from "../../i18n/catalogue.ts";
import { displayWidth } from "../../terminal/width.ts";
import type { TextLine } from "../../widgets/text.ts";

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

/** The same with what to do about it, for a form that has the room. */
export function advising(
  t: () => Translate,
  find: (text: string) => Wrong | undefined,
): (text: string) => string | undefined {
  return (text) => {
    const wrong = find(text);
    if (wrong === undefined) return undefined;
    return reasonAndRemedy(t(), { ...wrong, description: wrong.code, remedy: "" });
  };
}

/** What is wrong with the first of several words that something is wrong with. */
export function firstOf(words: readonly string[], find: (word: string) => Wrong | undefined): Wrong | undefined {
  return words.map(find).find((wrong) => wrong !== undefined);
}

/** Why a draft can't be, or should not; the agent's own words where the catalogue has none. */
function problemWords(t: Translate, { code, values, description }: Told): string {
  return sentence(t, code, values) ?? description;
}

/** What to do about a problem of a draft. */
function remedyWords(t: Translate, { code, values, remedy }: Told): string {
  return advice(t, code, values) ?? remedy;
}

type Told = Pick<NetworkProblem, "code" | "values" | "description" | "remedy">;

export function reasonAndRemedy(t: Translate, problem: Told): string {
  const [why, remedy] = [problemWords(t, problem), remedyWords(t, problem)];
  return remedy === "" ? why : t("network.problem.advised", { why, remedy });
}

/** Field, reason and remedy in one line, for a form's foot. */
export function problemSentence(t: Translate, problem: NetworkProblem): string {
  const about = reasonAndRemedy(t, problem);
  const field = fieldWords(t, problem.field);
  return field === "" ? about : t("network.problem.at", { field, about });
}

/** Each problem by its field: why, and below that what to do. */
export function problemLines(t: Translate, problems: readonly NetworkProblem[]): TextLine[] {
  const leads = problems.map(({ field }) => fieldWords(t, field));
  const leadWidth = Math.min(Math.max(0, ...leads.map(displayWidth)), longestLead) + 3;
  return problems.flatMap((problem, i): TextLine[] => {
    const lead = leads[i] ?? "";
    const style = problem.severity === "error" ? "bad" : "warn";
    const [why, remedy] = [problemWords(t, problem), remedyWords(t, problem)];
    // A name that is too long for its column has a line of its own.
    const head: TextLine[] =
      displayWidth(lead) + 3 <= leadWidth
        ? [{ lead, leadStyle: "dim", leadWidth, text: why, style }]
        : [
            { text: lead, style: "dim" },
            { lead: "", leadWidth, text: why, style },
          ];
    return [...head, ...(remedy === "" ? [] : [{ lead: "", leadWidth, text: remedy }])];
  });
}

const longestLead = 22;

/** What a path of the configuration is called: `eno3 address`. The name of a link may have dots in it. */
export function fieldWords(t: Translate, field: string): string {
  const [, link, path = ""] =
    /^links\.(.*?)(?:\.((?:name|mtu|ipv4|ipv6|bond|bridge|vlan)(?:\..*)?))?$/.exec(field) ?? [];
  const what = partOf(link === undefined ? field : path);
  return [link ?? "", what === undefined ? "" : t(what)].filter((part) => part !== "").join(" ");
}

/** By the beginning of a path; the first that fits is meant. */
const parts: readonly (readonly [start: string, key: MessageKey])[] = [
  ["ipv4.addresses", "network.what.address"],
  ["ipv6.addresses", "network.what.address6"],
  ["ipv4.gateway", "network.what.gateway"],
  ["ipv6.gateway", "network.what.gateway6"],
  ["ipv4.routes", "network.what.route"],
  ["ipv6.routes", "network.what.route"],
  ["ipv4.nameServers", "network.what.nameServers"],
  ["ipv6.nameServers", "network.what.nameServers"],
  ["ipv4", "network.what.method"],
  ["ipv6", "network.what.method6"],
  ["name", "network.what.name"],
  ["mtu", "network.what.mtu"],
  ["bond.legs", "network.what.leg"],
  ["bond.mode", "network.what.mode"],
  ["bond", "network.what.option"],
  ["bridge", "network.what.port"],
  ["vlan.id", "network.vlan.id"],
  ["vlan", "network.what.parent"],
  ["hostname", "network.what.hostname"],
  ["timeServers", "network.what.timeServers"],
  ["managementLink", "network.what.managementLink"],
];

function partOf(path: string): MessageKey | undefined {
  return parts.find(([start]) => path === start || path.startsWith(`${start}.`))?.[1];
}

function sentence(t: Translate, code: string, values: Wrong["values"]): string | undefined {
  return wordsFor(t, `network.problem.${code}`, values);
}

function advice(t: Translate, code: string, values: Wrong["values"]): string | undefined {
  return wordsFor(t, `network.remedy.${code}`, values);
}

/** A sentence of its own for the reason within a code comes first. */
function wordsFor(t: Translate, key: string, values: Wrong["values"]): string | undefined {
  const why = values["why"] ?? values["kind"];
  const words = t.find(`${key}.${why}`, values) ?? t.find(key, values);
  // An agent of another version may not give all that our sentence needs.
  return words === undefined || /\{\w+\}/.test(words) ? undefined : words;
}

import type { Route } from "../core/model/network/configuration.ts";
import type {
  NetworkChange,
  NetworkProblem,
  NetworkTransaction,
  ProbeResult,
} from "../core/model/network/transaction.ts";
import type { MessageKey, Translate } from "./i18n/catalogue.ts";

/*
 * What an agent tells of the network, in the language of a console: problems of a draft, what it changes, and how a
 * change went. For screens and for the text menu: nothing here draws.
 */

type Told = Pick<NetworkProblem, "code" | "values" | "description" | "remedy">;

/** Why a draft can't be, or should not; the agent's own words where the catalogue has none. */
export function problemWords(t: Translate, { code, values, description }: Told): string {
  return sentence(t, code, values) ?? description;
}

/** What to do about a problem of a draft. */
export function remedyWords(t: Translate, { code, values, remedy }: Told): string {
  return advice(t, code, values) ?? remedy;
}

/** The same away from the field that it is about: what was given there stands before it, if the reason has it not. */
export function problemWordsOf(t: Translate, problem: Told): string {
  const given = String(problem.values["given"] ?? "");
  const about = problemWords(t, problem);
  return given === "" || about.includes(given) ? about : t("network.problem.at", { field: given, about });
}

export function reasonAndRemedy(t: Translate, problem: Told, reason = problemWords(t, problem)): string {
  const [why, remedy] = [reason, remedyWords(t, problem)];
  return remedy === "" ? why : t("network.problem.advised", { why, remedy });
}

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

function sentence(t: Translate, code: string, values: NetworkProblem["values"]): string | undefined {
  return wordsFor(t, `network.problem.${code}`, values);
}

function advice(t: Translate, code: string, values: NetworkProblem["values"]): string | undefined {
  return wordsFor(t, `network.remedy.${code}`, values);
}

/** A sentence of its own for the reason within a code comes first. */
function wordsFor(t: Translate, key: string, values: NetworkProblem["values"]): string | undefined {
  const why = values["why"] ?? values["kind"];
  return filled(t.find(`${key}.${why}`, values) ?? t.find(key, values));
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
  if (value === null || value === "") return without === undefined ? "-" : t(without);
  switch (what) {
    case "method":
    case "method6":
      return t.find(`network.method.${value}`) ?? value;
    case "link":
      return t.find(`network.kind.${value}`) ?? value;
    case "stp":
      return t.find(`network.value.stp.${value}`) ?? value;
    case "route":
      return toldRoute(t, value);
    case "parent":
      return value.replace(/^(\S+) id (\d+)$/, (_, parent: string, id: string) =>
        t("network.part.vlanOn", { parent, id }),
      );
    default:
      return value;
  }
}

function toldRoute(t: Translate, value: string): string {
  const [whole, to, via = null, metric] = /^(\S+)(?: via (\S+))?(?: metric (\d+))?$/.exec(value) ?? [];
  if (whole === undefined || to === undefined) return value;
  return routeWords(t, { to, via, metric: metric === undefined ? null : Number(metric) });
}

/** `10.1.0.0/16 via 10.0.0.1 metric 100`, with what there is of it. */
export function routeWords(t: Translate, { to, via, metric }: Route): string {
  const parts = [
    to,
    via === null ? "" : t("network.value.via", { via }),
    metric === null ? "" : t("network.value.metric", { metric }),
  ];
  return parts.filter((part) => part !== "").join(" ");
}

/** What one probe found. */
export function probeWords(t: Translate, { code, description, values }: ProbeResult): string {
  const own = filled(t.find(`network.probe.${code}`, { ...values, said: description })) ?? description;
  return values["before"] === "silent" && own !== description ? `${own} ${t("network.probe.before")}` : own;
}

/** What went wrong with a change as a whole; nothing where its probes tell it already. */
export function errorWords(t: Translate, { error, probes }: NetworkTransaction): string | undefined {
  if (error === null) return undefined;
  const isTold = error.code.startsWith("NET.PROBE_") || error.code === "NET.ADDRESS_TAKEN";
  if (isTold && probes.some(({ outcome }) => outcome === "failed")) return undefined;
  const said = error.description;
  // An error of a call has values that the end of a change does not give.
  return filled(t.find(`error.${error.code}`, { said })) ?? t("error.NET.FAILED", { said });
}

/** A text with a place that nobody fills in is none: an agent of another version may not give all that ours needs. */
function filled(text: string | undefined): string | undefined {
  return text === undefined || /\{\w+\}/.test(text) ? undefined : text;
}

import { listed } from "../quote.ts";
import { kindWords, type LinkSettings } from "./configuration.ts";
import { interfaceNameProblem } from "./fields.ts";
import { called, fieldOf, problem, warning } from "./problem.ts";
import { presence, type Survey } from "./survey.ts";
import type { NetworkProblem } from "./transaction.ts";

/** What is wrong with a link's name, and with its being there. */
export function linkProblems(link: LinkSettings, all: Survey, isSecond: boolean): NetworkProblem[] {
  const field = fieldOf(link.name, "name");
  const name = called(link.name);
  if (isSecond) {
    return [
      problem("NET.LINK_TWICE", field, {
        description: `There are two interfaces of the name ${name}.`,
        remedy: "Give each a name of its own, or take one away.",
        values: { link: link.name },
      }),
    ];
  }
  const isCard = link.kind === "ethernet" && all.physical?.has(link.name) === true;
  // Cards come with names that the kernel and udev gave them; it is not for us to refuse those.
  const wrongName = isCard ? undefined : interfaceNameProblem(link.name, field);
  if (wrongName !== undefined) return [wrongName];
  return link.kind === "ethernet" ? unknown(link.name, field, all) : taken(link, field, all);
}

function taken(link: LinkSettings, field: string, all: Survey): NetworkProblem[] {
  const isCard = all.physical?.has(link.name) === true;
  if (!isCard && !all.otherNames.has(link.name)) return [];
  const owner = isCard ? "a network card" : "an interface that something else made";
  return [
    problem("NET.NAME_TAKEN", field, {
      description: `The ${kindWords[link.kind]} can't be named ${called(link.name)}: that is the name of ${owner}.`,
      remedy: "Give it another name.",
      values: { link: link.name, kind: link.kind },
    }),
  ];
}

/** For an entry, a leg, a port or a parent that the machine lacks. `what`: what it would have to be. */
export function unknown(
  name: string,
  field: string,
  all: Survey,
  what: "network card" | "interface" = "network card",
): NetworkProblem[] {
  const state = presence(all, name);
  if (state === "there") return [];
  const names = [...(all.physical?.keys() ?? [])];
  const sentences = {
    description: `There is no ${what} ${called(name)} in this machine.`,
    remedy: names.length === 0 ? "This machine shows no network card." : `Its network cards are ${listed(names, 6)}.`,
    values: { link: name, ...(names.length === 0 ? {} : { why: "cards", cards: names.slice(0, 6).join(", ") }) },
  };
  return [
    state === "gone" ? warning("NET.LINK_UNKNOWN", field, sentences) : problem("NET.LINK_UNKNOWN", field, sentences),
  ];
}

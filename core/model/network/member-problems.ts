import { kindWords } from "./configuration.ts";
import { unknown } from "./link-problems.ts";
import { called, fieldOf, problem } from "./problem.ts";
import { type LinkOf, membersOf, type Survey } from "./survey.ts";
import type { NetworkProblem } from "./transaction.ts";

/** What is wrong with each leg of a bond and each port of a bridge. */
export function memberProblems(master: LinkOf<"bond"> | LinkOf<"bridge">, all: Survey): NetworkProblem[] {
  const path = master.kind === "bond" ? ["bond", "legs"] : ["bridge", "ports"];
  const seen = new Set<string>();
  return membersOf(master).flatMap((member, i) => {
    const field = fieldOf(master.name, ...path, i);
    if (seen.has(member)) return [twice(master, member, field)];
    seen.add(member);
    const other = all.uses.get(member)?.[0]?.master;
    if (other !== undefined && other !== master) return [taken(master, member, other, field)];
    const wrongKind = kind(master, member, field, all);
    if (wrongKind !== undefined) return [wrongKind];
    // An entry without its card is told where the entry is; a bridge may have a tunnel for a port.
    return all.links.has(member) || all.otherNames.has(member)
      ? []
      : unknown(member, field, all, master.kind === "bond" ? "network card" : "interface");
  });
}

function words(kind: "bond" | "bridge") {
  return kind === "bond" ? ({ member: "leg", code: "LEG" } as const) : ({ member: "port", code: "PORT" } as const);
}

function twice(master: LinkOf<"bond"> | LinkOf<"bridge">, member: string, field: string): NetworkProblem {
  const { member: what, code } = words(master.kind);
  return problem(`NET.${code}_TWICE`, field, {
    description: `${called(member)} is a ${what} of ${called(master.name)} twice.`,
    remedy: `Name each ${what} once.`,
    values: { link: member, master: master.name },
  });
}

function taken(
  master: LinkOf<"bond"> | LinkOf<"bridge">,
  member: string,
  other: LinkOf<"bond"> | LinkOf<"bridge">,
  field: string,
): NetworkProblem {
  const { member: what, code } = words(master.kind);
  const otherWhat = words(other.kind).member;
  return problem(`NET.${code}_TAKEN`, field, {
    description: `${called(member)} can't be a ${what} of ${called(master.name)}: it is a ${otherWhat} of ${called(other.name)}.`,
    remedy: `Take it out of ${called(other.name)} first, or choose another one.`,
    values: { link: member, master: master.name, other: other.name },
  });
}

function kind(
  master: LinkOf<"bond"> | LinkOf<"bridge">,
  member: string,
  field: string,
  all: Survey,
): NetworkProblem | undefined {
  const entry = all.links.get(member);
  const values = { link: member, master: master.name, kind: entry?.kind ?? "" };
  if (master.kind === "bond" && ((entry !== undefined && entry.kind !== "ethernet") || all.otherNames.has(member))) {
    return problem("NET.LEG_KIND", field, {
      description: `${called(member)} can't be a leg of ${called(master.name)}: it is ${entry === undefined ? "no network card" : `a ${kindWords[entry.kind]}`}.`,
      remedy: "Attach physical interfaces only.",
      values,
    });
  }
  // The kernel refuses it; a bridge in itself is a loop, which is told as one.
  if (master.kind !== "bridge" || entry?.kind !== "bridge" || entry === master) return;
  return problem("NET.PORT_KIND", field, {
    description: `${called(member)} can't be a port of ${called(master.name)}: it is a bridge itself.`,
    remedy: "Make its ports the ports of one bridge.",
    values,
  });
}

import { vlanIdProblem } from "./fields.ts";
import { unknown } from "./link-problems.ts";
import { called, fieldOf, problem } from "./problem.ts";
import { belowOf, type LinkOf, type Survey, vlanKey } from "./survey.ts";
import type { NetworkProblem } from "./transaction.ts";

/** Levels that are looked at: no ring that anybody makes by mistake is longer. */
const farEnough = 8;
/** VLANs upon each other: a customer's in a provider's (802.1ad). More than two is a mistake. */
const mostLevels = 2;

export function vlanProblems(link: LinkOf<"vlan">, all: Survey): NetworkProblem[] {
  const { parent, id } = link.vlan;
  const problems: NetworkProblem[] = [];
  const wrongId = vlanIdProblem(id, fieldOf(link.name, "vlan", "id"));
  if (wrongId !== undefined) problems.push(wrongId);
  const first = all.vlanIds.get(vlanKey(link));
  if (first !== undefined && first !== link && first.name !== link.name) {
    problems.push(
      problem("NET.VLAN_TWICE", fieldOf(link.name, "vlan", "id"), {
        description: `${called(parent)} has the VLAN ${id} already: ${called(first.name)}.`,
        remedy: "Give each VLAN of an interface an id of its own.",
        values: { parent, id, link: link.name, other: first.name },
      }),
    );
  }
  return [...problems, ...parentProblems(link, all)];
}

function parentProblems(link: LinkOf<"vlan">, all: Survey): NetworkProblem[] {
  const { parent } = link.vlan;
  const field = fieldOf(link.name, "vlan", "parent");
  const master = all.uses.get(parent)?.find((use) => use.master.kind === "bond")?.master;
  if (master !== undefined) {
    return [
      problem("NET.VLAN_PARENT_LEG", field, {
        description: `${called(link.name)} can't be on ${called(parent)}, which is a leg of ${called(master.name)}.`,
        remedy: `Put the VLAN on ${called(master.name)}, or detach ${called(parent)}.`,
        values: { link: link.name, parent, bond: master.name },
      }),
    ];
  }
  if (levels(link, all) > mostLevels) {
    return [
      problem("NET.VLAN_DEPTH", field, {
        description: `${called(link.name)} is a VLAN on a VLAN on a VLAN: there may be ${mostLevels} upon each other.`,
        remedy: "Put it on the interface below.",
        values: { link: link.name, parent, most: mostLevels },
      }),
    ];
  }
  return all.otherNames.has(parent) || all.links.has(parent) ? [] : unknown(parent, field, all, "interface");
}

/** A ring counts as one level: it is told as a ring. */
function levels(link: LinkOf<"vlan">, all: Survey): number {
  const seen = new Set<string>();
  let below = all.links.get(link.vlan.parent);
  let count = 1;
  while (below?.kind === "vlan" && count < farEnough) {
    if (seen.has(below.name) || below === link) return 1;
    seen.add(below.name);
    count++;
    below = all.links.get(below.vlan.parent);
  }
  return count;
}

/** Links that lie on themselves, each ring told once, where its first link in the configuration is. */
export function loopProblems(all: Survey): NetworkProblem[] {
  const state = new Map<string, "open" | "done">();
  const problems: NetworkProblem[] = [];
  const path: string[] = [];
  const visit = (name: string): void => {
    state.set(name, "open");
    path.push(name);
    const link = all.links.get(name);
    for (const below of link === undefined ? [] : belowOf(link)) {
      if (state.get(below) === "open") problems.push(loop(path.slice(path.indexOf(below)), all));
      else if (!state.has(below)) visit(below);
    }
    path.pop();
    state.set(name, "done");
  };
  for (const name of all.links.keys()) if (!state.has(name)) visit(name);
  return problems;
}

function loop(ring: readonly string[], all: Survey): NetworkProblem {
  const [start = ""] = ring;
  const link = all.links.get(start);
  const place = { bond: ["bond", "legs"], bridge: ["bridge", "ports"], vlan: ["vlan", "parent"], ethernet: [] };
  const way = [...ring.slice(0, 4), ...(ring.length > 4 ? ["..."] : []), start].map((name) =>
    name === "..." ? name : called(name),
  );
  return problem("NET.LOOP", fieldOf(start, ...(link === undefined ? [] : place[link.kind])), {
    description: `${called(start)} lies on itself: ${way.join(" on ")}.`,
    remedy: "Take one of them out of the ring.",
    values: { link: start },
  });
}

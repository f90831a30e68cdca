import { listed, quoted, shown } from "../quote.ts";
import { bondOptionNames, legOptions, modesOf, wrongOptionValue } from "./bond-options.ts";
import { called, fieldOf, problem, warning } from "./problem.ts";
import { hasAddresses, type LinkOf, type Survey } from "./survey.ts";
import type { NetworkProblem } from "./transaction.ts";

/** What is wrong with a bond and its options; `member-problems.ts` sees to each of its legs. */
export function bondProblems(link: LinkOf<"bond">, all: Survey): NetworkProblem[] {
  return [...legCount(link, all), ...speeds(link, all), ...optionProblems(link)];
}

function legCount(link: LinkOf<"bond">, all: Survey): NetworkProblem[] {
  const [only, ...others] = link.bond.legs;
  if (others.length > 0) return [];
  const field = fieldOf(link.name, "bond", "legs");
  const values = { bond: link.name };
  if (only !== undefined) {
    return [
      warning("NET.BOND_ONE_LEG", field, {
        description: `${called(link.name)} has one leg only, ${called(only)}: when that fails, nothing takes over.`,
        remedy: "Attach a second one.",
        values,
      }),
    ];
  }
  // An empty bond that nothing uses is one that is just being made.
  const users = [...(all.vlans.get(link.name) ?? []), ...(all.uses.get(link.name) ?? []).map(({ master }) => master)];
  if (!hasAddresses(link) && users.length === 0) return [];
  const for_ = users.length === 0 ? "its addresses" : listed(users.map((user) => user.name));
  return [
    warning("NET.BOND_NO_LEG", field, {
      description: `${called(link.name)} has no leg: nothing can be reached over ${for_}.`,
      remedy: "Attach the interfaces that it is made of.",
      values,
    }),
  ];
}

function speeds(link: LinkOf<"bond">, all: Survey): NetworkProblem[] {
  if (link.bond.mode !== "802.3ad") return [];
  const found = new Set(link.bond.legs.flatMap((leg) => all.physical?.get(leg)?.speedMbps ?? []));
  if (found.size < 2) return [];
  return [
    warning("NET.BOND_SPEEDS", fieldOf(link.name, "bond", "legs"), {
      description: `The legs of ${called(link.name)} differ in speed: only those of one speed are used at a time (802.3ad).`,
      remedy: "Attach interfaces of the same speed, or choose active-backup.",
      values: { bond: link.name },
    }),
  ];
}

function optionProblems(link: LinkOf<"bond">): NetworkProblem[] {
  const { options } = link.bond;
  return [
    ...Object.entries(options).flatMap(([name, value]) => optionProblem(link, name, value) ?? []),
    ...together(link, Number(options["miimon"] ?? 0), Number(options["arp_interval"] ?? 0)),
  ];
}

function optionProblem(link: LinkOf<"bond">, name: string, value: string): NetworkProblem | undefined {
  const { mode, legs } = link.bond;
  const field = fieldOf(link.name, "bond", "options", name);
  const values = { bond: link.name, option: name, given: value, mode };
  const modes = modesOf(name);
  if (modes === undefined) {
    return problem("NET.BOND_OPTION", field, {
      description: `${called(link.name)}: bonds have no option ${quoted(name)}.`,
      remedy:
        name === "mode"
          ? "The mode is chosen by itself and is no option."
          : `The mode ${mode} has ${listed(bondOptionNames(mode), 7)}.`,
      values: name === "mode" ? { ...values, why: "mode" } : values,
    });
  }
  if (!modes.includes(mode)) {
    return problem("NET.BOND_OPTION_MODE", field, {
      description: `${called(link.name)}: the option ${name} is not for the mode ${mode}.`,
      remedy: `Leave it out, or choose ${modes.join(" or ")}.`,
      values: { ...values, modes: modes.join(", ") },
    });
  }
  const allowed = wrongOptionValue(name, value);
  if (allowed !== undefined) {
    return problem("NET.BOND_OPTION_VALUE", field, {
      description: `${called(link.name)}: ${name} can't be ${quoted(value)}.`,
      remedy: `Give ${allowed.words}.`,
      values: { ...values, ...allowed.values },
    });
  }
  if (!legOptions.some((each) => each === name) || legs.includes(value)) return;
  return problem("NET.BOND_PRIMARY", field, {
    description: `${called(link.name)}: ${name} is ${shown(value)}, which is no leg of it.`,
    remedy: legs.length === 0 ? "Attach it first." : `Its legs are ${listed(legs)}.`,
    values: legs.length === 0 ? { ...values, why: "noLeg" } : { ...values, legs: legs.slice(0, 4).join(", ") },
  });
}

/** The driver watches its legs in one of two ways; delays count in steps of the first. */
function together(link: LinkOf<"bond">, miimon: number, arpInterval: number): NetworkProblem[] {
  const at = (option: string) => fieldOf(link.name, "bond", "options", option);
  const { options } = link.bond;
  const problems: NetworkProblem[] = [];
  if (miimon > 0 && arpInterval > 0) {
    problems.push(
      problem("NET.BOND_OPTION_TOGETHER", at("arp_interval"), {
        description: `${called(link.name)} can't watch its legs by miimon and by arp_interval at once.`,
        remedy: "Leave one of them out.",
        values: { bond: link.name, option: "arp_interval", other: "miimon", why: "both" },
      }),
    );
  }
  if (arpInterval > 0 && options["arp_ip_target"] === undefined && options["ns_ip6_target"] === undefined) {
    problems.push(
      problem("NET.BOND_OPTION_TOGETHER", at("arp_interval"), {
        description: `${called(link.name)} has an arp_interval, but no arp_ip_target to ask.`,
        remedy: "Give the addresses to ask as arp_ip_target, or use miimon.",
        values: { bond: link.name, option: "arp_interval", other: "arp_ip_target" },
      }),
    );
  }
  for (const delay of ["updelay", "downdelay"]) {
    if (!(Number(options[delay] ?? 0) > 0) || options["miimon"] === undefined || miimon > 0) continue;
    problems.push(
      problem("NET.BOND_OPTION_TOGETHER", at(delay), {
        description: `${called(link.name)} has ${delay}, but does not watch its legs by miimon.`,
        remedy: "Give miimon, such as 100, or leave the delay out.",
        values: { bond: link.name, option: delay, other: "miimon" },
      }),
    );
  }
  return problems;
}

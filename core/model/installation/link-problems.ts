import { isInterfaceName, longestInterfaceName } from "../address.ts";
import { vlanIdFinding } from "../address-problems.ts";
import type { DraftProblem, NetworkAnswers } from "./draft.ts";
import type { InstallLink } from "./hardware.ts";
import { error, warning } from "./problem.ts";

/** What is wrong with the interfaces, the bond and the VLAN below the management address. */
export function linkProblems(network: NetworkAnswers, links: readonly InstallLink[] | null): DraftProblem[] {
  return [
    ...(links === null ? [] : presence(network, links)),
    ...twice(network),
    ...bondProblems(network, links),
    ...vlanProblems(network, links),
  ];
}

function presence(network: NetworkAnswers, links: readonly InstallLink[]): DraftProblem[] {
  if (network.links.length === 0 && network.bond === null) {
    return [
      warning("NET.NO_LINK", "network.links", {
        description: "No network interface is chosen: the machine can't be reached.",
        remedy: "Choose an interface, unless the network is set up at the machine's console later.",
      }),
    ];
  }
  const problems: DraftProblem[] = [];
  for (const [i, name] of network.links.entries()) {
    const link = links.find((candidate) => candidate.name === name);
    if (link === undefined) {
      problems.push(
        error("NET.LINK_UNKNOWN", `network.links.${i}`, {
          description: `There is no network interface ${name}.`,
          remedy:
            links.length === 0
              ? "This machine shows none."
              : `There are: ${links.map((each) => each.name).join(", ")}.`,
          values: { link: name },
        }),
      );
    } else if (link.carrier === false) {
      problems.push(
        warning("NET.NO_CARRIER", `network.links.${i}`, {
          description: `${name} has no carrier.`,
          remedy: "Check the cable and the switch's port.",
          values: { link: name },
        }),
      );
    }
  }
  return problems;
}

function twice(network: NetworkAnswers): DraftProblem[] {
  return [...network.links.entries()]
    .filter(([i, name]) => network.links.indexOf(name) < i)
    .map(([i, name]) =>
      error("NET.LINK_TWICE", `network.links.${i}`, {
        description: `${name} is named twice.`,
        remedy: "Name each interface once.",
        values: { link: name },
      }),
    );
}

function bondProblems(network: NetworkAnswers, links: readonly InstallLink[] | null): DraftProblem[] {
  const { bond } = network;
  const legs = network.links;
  if (bond === null) {
    if (legs.length < 2) return [];
    return [
      error("NET.LINKS_WITHOUT_BOND", "network.links.1", {
        description: `${legs.join(" and ")} can have one address only as the legs of a bond.`,
        remedy: "Choose one interface, or a bond of them.",
      }),
    ];
  }
  const problems: DraftProblem[] = [];
  if (!isInterfaceName(bond.name)) {
    problems.push(
      error("NET.BOND_NAME", "network.bond.name", {
        description: `A bond can't be named ${JSON.stringify(bond.name)}.`,
        remedy: `Give a letter and up to ${longestInterfaceName - 1} letters, digits, dots, hyphens or underscores, such as bond0.`,
        values: { given: bond.name, longest: longestInterfaceName },
      }),
    );
  } else if (links?.some((link) => link.name === bond.name) || legs.includes(bond.name)) {
    problems.push(
      error("NET.BOND_NAME_TAKEN", "network.bond.name", {
        description: `${bond.name} is the name of a network interface.`,
        remedy: "Give the bond another name, such as bond0.",
        values: { given: bond.name },
      }),
    );
  }
  if (legs.length === 0) {
    problems.push(
      error("NET.BOND_NO_LEG", "network.links", {
        description: `${bond.name} has no leg.`,
        remedy: "Choose the interfaces that it is made of.",
        values: { bond: bond.name },
      }),
    );
  } else if (legs.length === 1) {
    problems.push(
      warning("NET.BOND_ONE_LEG", "network.links", {
        description: `${bond.name} has one leg only: when it fails, the machine can't be reached.`,
        remedy: "Choose a second interface.",
        values: { bond: bond.name },
      }),
    );
  }
  const speeds = new Set(legs.flatMap((leg) => links?.find((link) => link.name === leg)?.speedMbps ?? []));
  if (bond.mode === "802.3ad" && speeds.size > 1) {
    problems.push(
      warning("NET.BOND_SPEEDS", "network.links", {
        description: `The legs of ${bond.name} differ in speed: only those of one speed are used at a time (802.3ad).`,
        remedy: "Choose interfaces of the same speed, or active-backup.",
        values: { bond: bond.name },
      }),
    );
  }
  return problems;
}

function vlanProblems(network: NetworkAnswers, links: readonly InstallLink[] | null): DraftProblem[] {
  const { vlan } = network;
  if (vlan === null) return [];
  const wrong = vlanIdFinding(vlan);
  if (wrong !== undefined) return [error(wrong.code, "network.vlan", wrong)];
  const below = network.bond?.name ?? network.links[0];
  // Without the machine a link may still be named by its MAC address.
  if (below === undefined || (links === null && network.bond === null)) return [];
  const name = `${below}.${vlan}`;
  if (name.length <= longestInterfaceName) return [];
  return [
    error("NET.VLAN_NAME", "network.vlan", {
      description: `The VLAN's interface ${name} would have ${name.length} characters, more than the ${longestInterfaceName} that the kernel takes.`,
      remedy: "Put the VLAN on a bond with a short name, which may have one leg.",
      values: { name, longest: longestInterfaceName },
    }),
  ];
}

import { hostnameFinding, timeServerFinding } from "../address-problems.ts";
import { shown } from "../quote.ts";
import { addressProblems, serverProblems } from "./address-problems.ts";
import { bondProblems } from "./bond-problems.ts";
import type { NetworkConfiguration, NetworkHardware } from "./configuration.ts";
import { linkProblems } from "./link-problems.ts";
import { memberProblems } from "./member-problems.ts";
import { mtuProblems } from "./mtu-problems.ts";
import { nodeAddressProblems } from "./node-problems.ts";
import { problem, warning } from "./problem.ts";
import { routeProblems } from "./route-problems.ts";
import { hasAddresses, presence, type Survey, survey } from "./survey.ts";
import type { NetworkProblem } from "./transaction.ts";
import { loopProblems, vlanProblems } from "./vlan-problems.ts";

/**
 * Everything that is wrong with a configuration: first the node's own, then link by link in its order, then what
 * concerns several links. `hardware` null: the machine is not known, and nothing is said of it. `inForce`: what is
 * configured at the moment; a card that is named there and is gone is a warning, in a new place it is an error. So is
 * whatever else is wrong there already: a node works with it, and some other change is not to blame for it.
 */
export function networkProblems(
  configuration: NetworkConfiguration,
  hardware: NetworkHardware | null,
  inForce: NetworkConfiguration | null = null,
): NetworkProblem[] {
  const problems = allProblems(configuration, hardware, inForce);
  if (inForce === null || !problems.some(({ severity }) => severity === "error")) return problems;
  const known = new Set(allProblems(inForce, hardware, inForce).map(keyOf));
  return problems.map((each) => (known.has(keyOf(each)) ? { ...each, severity: "warning" } : each));
}

/** Without the place in a list, which changes when another entry goes. */
function keyOf({ code, field, values }: NetworkProblem): string {
  return JSON.stringify([code, field.replace(/\.(addresses|routes|nameServers)\.\d+/, ".$1"), values]);
}

function allProblems(
  configuration: NetworkConfiguration,
  hardware: NetworkHardware | null,
  inForce: NetworkConfiguration | null,
): NetworkProblem[] {
  const all = survey(configuration, hardware, inForce);
  const problems: NetworkProblem[] = [...hostProblems(all), ...managementProblems(all)];
  const seen = new Set<string>();
  for (const link of configuration.links) {
    problems.push(...linkProblems(link, all, seen.has(link.name)));
    seen.add(link.name);
    for (const family of [4, 6] as const)
      problems.push(
        ...addressProblems(link, family, all),
        ...routeProblems(link, family),
        ...serverProblems(link, family),
      );
    if (link.kind === "bond") problems.push(...bondProblems(link, all));
    if (link.kind === "vlan") problems.push(...vlanProblems(link, all));
    if (link.kind === "bond" || link.kind === "bridge") problems.push(...memberProblems(link, all));
  }
  problems.push(...loopProblems(all), ...mtuProblems(all), ...nodeAddressProblems(all));
  return problems;
}

function hostProblems({ configuration }: Survey): NetworkProblem[] {
  const hostname = hostnameFinding(configuration.hostname);
  return [
    ...(hostname === undefined ? [] : [problem(hostname.code, "hostname", hostname)]),
    ...configuration.timeServers.flatMap((given, i) => {
      const finding = timeServerFinding(given);
      return finding === undefined ? [] : [problem(finding.code, `timeServers.${i}`, finding)];
    }),
  ];
}

/** A node that can't be reached any more is a warning: somebody may sit at its console and mean it. */
function managementProblems(all: Survey): NetworkProblem[] {
  const { managementLink: name, links } = all.configuration;
  if (name === null) {
    if (links.some(hasAddresses)) return [];
    return [
      warning("NET.NO_ADDRESS", "managementLink", {
        description: "No interface has an address: the node can't be reached over the network.",
        remedy: "Give one an address or DHCP, unless the node is worked on at its console only.",
      }),
    ];
  }
  const link = all.links.get(name);
  if (link !== undefined && hasAddresses(link)) return [];
  if (link === undefined && (all.physical === null || presence(all, name) === "unknown")) {
    return [
      warning("NET.MANAGEMENT_UNKNOWN", "managementLink", {
        description: `There is no ${shown(name)}, which is to be the management network's: the node can't be reached.`,
        remedy: "Choose an interface that is there and has an address.",
        values: { link: name },
      }),
    ];
  }
  const master = all.uses.get(name)?.[0]?.master.name;
  return [
    warning("NET.MANAGEMENT_NO_ADDRESS", "managementLink", {
      description: `${shown(name)}, the management network's interface, has no address: the node can't be reached.`,
      remedy:
        master === undefined
          ? `Give ${shown(name)} an address or DHCP, or choose another interface.`
          : `Choose ${shown(master)}, which ${shown(name)} belongs to, and give it an address.`,
      values: { link: name, ...(master === undefined ? {} : { master, why: "member" }) },
    }),
  ];
}

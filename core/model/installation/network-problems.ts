import { parseAddress } from "../address.ts";
import {
  addressFinding,
  type Finding,
  gatewayFinding,
  hostnameFinding,
  isOwnPrefix,
  manyNameServers,
  mostNameServers,
  nameServerFinding,
  noNameServer,
  prefixFinding,
  roleFinding,
  timeServerFinding,
} from "../address-problems.ts";
import type { DraftProblem, NetworkAnswers } from "./draft.ts";
import type { InstallLink } from "./hardware.ts";
import { linkProblems } from "./link-problems.ts";
import { type DraftProblemCode, error, warning } from "./problem.ts";

/** What is wrong with the network and the host name; `links` null: the machine's interfaces are not known. */
export function networkProblems(network: NetworkAnswers, links: readonly InstallLink[] | null): DraftProblem[] {
  return [
    ...found("network.hostname", hostnameFinding(network.hostname)),
    ...linkProblems(network, links),
    ...familyProblems(network, 4),
    ...familyProblems(network, 6),
    ...withoutAddress(network, links),
    ...serverProblems(network),
  ];
}

function found(field: string, finding: Finding<DraftProblemCode> | undefined): DraftProblem[] {
  return finding === undefined ? [] : [error(finding.code, field, finding)];
}

function familyProblems(network: NetworkAnswers, family: 4 | 6): DraftProblem[] {
  const answers = family === 4 ? network.ipv4 : network.ipv6;
  if (answers.method !== "static") return [];
  const at = `network.ipv${family}`;
  const { prefix, gateway } = answers;
  const wrongAddress = addressFinding(answers.address, family);
  const address = parseAddress(answers.address);
  const own = address?.family === family && isOwnPrefix(prefix, family) ? { address, prefix } : undefined;
  return [
    ...found(`${at}.address`, wrongAddress ?? (own === undefined ? undefined : roleFinding(own))),
    ...found(`${at}.prefix`, prefixFinding(prefix, family)),
    ...(gateway === null
      ? []
      : found(`${at}.gateway`, gatewayFinding(gateway, own === undefined ? [] : [own], family))),
  ];
}

function withoutAddress(network: NetworkAnswers, links: readonly InstallLink[] | null): DraftProblem[] {
  if (network.links.length === 0 && links !== null) return [];
  if (network.ipv4.method !== "none" || network.ipv6.method !== "none") return [];
  return [
    warning("NET.NO_ADDRESS", "network.ipv4", {
      description: "The machine gets no address: IPv4 and IPv6 are both switched off.",
      remedy: "Choose DHCP or give an address, unless it is configured at its console later.",
    }),
  ];
}

function serverProblems(network: NetworkAnswers): DraftProblem[] {
  const { nameServers, timeServers } = network;
  const learnsThem = network.ipv4.method === "dhcp" || network.ipv6.method === "dhcp" || network.ipv6.method === "auto";
  const isStatic = network.ipv4.method === "static" || network.ipv6.method === "static";
  const isWithout = isStatic && !learnsThem && nameServers.length === 0;
  const isMany = nameServers.length > mostNameServers;
  return [
    ...nameServers.flatMap((given, i) => found(`network.nameServers.${i}`, nameServerFinding(given))),
    ...(isMany ? [warning(manyNameServers.code, `network.nameServers.${mostNameServers}`, manyNameServers)] : []),
    ...(isWithout ? [warning(noNameServer.code, "network.nameServers", noNameServer)] : []),
    ...timeServers.flatMap((given, i) => found(`network.timeServers.${i}`, timeServerFinding(given))),
  ];
}

import { isInterfaceName, longestInterfaceName, longestPrefix, parseAddress, prefixOfNetmask } from "../address.ts";
import {
  addressFinding,
  type Finding,
  gatewayFinding,
  isOwnPrefix,
  type Own,
  prefixFinding,
  roleFinding,
  vlanIdFinding,
} from "../address-problems.ts";
import { quoted } from "../quote.ts";
import type { OwnAddress } from "./configuration.ts";
import { type NetworkProblemCode, problem } from "./problem.ts";
import type { NetworkProblem } from "./transaction.ts";

/*
 * One field as it is typed, in a form or as an argument of a command. The whole configuration is checked with these as
 * well: what a form lets pass is not refused by them later. `field` is the path that the problem will name.
 */

function found(field: string, finding: Finding<NetworkProblemCode> | undefined): NetworkProblem | undefined {
  return finding === undefined ? undefined : problem(finding.code, field, finding);
}

/** The address itself; with a prefix, whether it names a network as a whole, too. */
export function addressFieldProblem(
  text: string,
  family: 4 | 6,
  prefix: number | null = null,
  field = "address",
): NetworkProblem | undefined {
  const wrong = addressFinding(text, family);
  if (wrong !== undefined) return found(field, wrong);
  const own = prefix === null ? undefined : ownOf({ address: text, prefix }, family);
  return own === undefined ? undefined : found(field, roleFinding(own));
}

/** The address as numbers; undefined when address or prefix is wrong. */
export function ownOf({ address, prefix }: OwnAddress, family: 4 | 6): Own | undefined {
  const parsed = parseAddress(address);
  return parsed?.family === family && isOwnPrefix(prefix, family) ? { address: parsed, prefix } : undefined;
}

export function prefixFieldProblem(prefix: number, family: 4 | 6, field = "prefix"): NetworkProblem | undefined {
  return found(field, prefixFinding(prefix, family));
}

/** A length of an IPv4 or IPv6 prefix from `24`, `/24` or `255.255.255.0`, or what is wrong with the text. */
export function parsePrefix(
  text: string,
  family: 4 | 6,
  field = "prefix",
): { prefix: number } | { problem: NetworkProblem } {
  const longest = longestPrefix(family);
  const example = family === 4 ? "such as 24 or 255.255.255.0" : "such as 64";
  const trimmed = text.trim();
  const refuse = (description: string, why: string) => ({
    problem: problem("NET.PREFIX", field, {
      description,
      remedy: `Give a number from 1 to ${longest}, ${example}.`,
      values: { given: text, longest, why },
    }),
  });
  if (trimmed === "") return refuse("The length of the network's prefix is missing.", "empty");
  if (/^\/?\d{1,3}$/.test(trimmed)) {
    const prefix = Number(trimmed.replace("/", ""));
    if (isOwnPrefix(prefix, family)) return { prefix };
    return refuse(`${prefix} can't be the length of an IPv${family} prefix.`, "range");
  }
  if (family === 4 && parseAddress(trimmed)?.family === 4) {
    const prefix = prefixOfNetmask(trimmed);
    if (prefix !== undefined && isOwnPrefix(prefix, family)) return { prefix };
    return refuse(`${trimmed} is no netmask: its bits are not ones followed by zeros.`, "netmask");
  }
  const netmask = family === 4 ? " or a netmask" : "";
  return refuse(`${quoted(text)} is not the length of an IPv${family} prefix${netmask}.`, "text");
}

/** `addresses`: those of the gateway's link; wrong ones among them are passed over. */
export function gatewayFieldProblem(
  text: string,
  addresses: readonly OwnAddress[],
  family: 4 | 6,
  field = "gateway",
): NetworkProblem | undefined {
  const own = addresses.flatMap((address) => ownOf(address, family) ?? []);
  return found(field, gatewayFinding(text, own, family));
}

/** Names that the kernel has files of its own for, beside those of the interfaces. */
const keptNames: ReadonlySet<string> = new Set(["all", "default", "lo", "bonding_masters"]);

/** Whether an interface may be given the name; that it is free is another question. */
export function interfaceNameProblem(name: string, field = "name"): NetworkProblem | undefined {
  const why = nameReason(name);
  if (why === undefined) return;
  const reasons = {
    empty: "It is empty.",
    "too-long": `It has ${name.length} characters, more than the ${longestInterfaceName} that the kernel takes.`,
    kept: "The kernel uses this name itself.",
    character: "It is a letter, then letters, digits, dots, hyphens or underscores.",
  };
  return problem("NET.LINK_NAME", field, {
    description: `${quoted(name)} can't be the name of an interface. ${reasons[why]}`,
    remedy:
      name.startsWith("br_") && why === "too-long"
        ? `Give what is below the bridge a name of up to ${longestInterfaceName - 3} characters first.`
        : `Give a name of up to ${longestInterfaceName} characters, such as lan0.`,
    values: { given: name, longest: longestInterfaceName, why },
  });
}

function nameReason(name: string): "empty" | "too-long" | "kept" | "character" | undefined {
  if (name === "") return "empty";
  if (name.length > longestInterfaceName) return "too-long";
  if (keptNames.has(name)) return "kept";
  return isInterfaceName(name) ? undefined : "character";
}

export function vlanIdProblem(id: number, field = "id"): NetworkProblem | undefined {
  return found(field, vlanIdFinding(id));
}

/** Bytes. 68: RFC 791; 9216: what switches for data centres take at most. */
export const mtus = { least: 68, most: 9216, leastIpv6: 1280 } as const;

export function mtuFieldProblem(mtu: number, field = "mtu"): NetworkProblem | undefined {
  if (Number.isInteger(mtu) && mtu >= mtus.least && mtu <= mtus.most) return;
  return problem("NET.MTU_RANGE", field, {
    description: `${mtu} can't be an MTU.`,
    remedy: `Give a number from ${mtus.least} to ${mtus.most}, such as 1500 or 9000, or leave it out.`,
    values: { given: mtu, least: mtus.least, most: mtus.most },
  });
}

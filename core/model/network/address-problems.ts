import { parseAddress } from "../address.ts";
import { nameServerFinding } from "../address-problems.ts";
import { quoted } from "../quote.ts";
import type { LinkSettings } from "./configuration.ts";
import { addressFieldProblem, gatewayFieldProblem, prefixFieldProblem } from "./fields.ts";
import { called, fieldOf, problem } from "./problem.ts";
import type { Survey } from "./survey.ts";
import type { NetworkProblem } from "./transaction.ts";

/** What is wrong with the addresses and the gateway of one link, as far as no other link is concerned. */
export function addressProblems(link: LinkSettings, family: 4 | 6, all: Survey): NetworkProblem[] {
  const settings = family === 4 ? link.ipv4 : link.ipv6;
  const at = fieldOf(link.name, `ipv${family}`);
  const name = called(link.name);
  const problems = memberAddresses(link, family, all);
  if (settings.method === "static" && settings.addresses.length === 0) {
    problems.push(
      problem("NET.ADDRESS_MISSING", `${at}.addresses`, {
        description: `${name} has no IPv${family} address, and its IPv${family} addresses are static.`,
        remedy: "Give it an address, or choose another method.",
        values: { link: link.name, family },
      }),
    );
  }
  if (settings.method === "none" && settings.addresses.length > 0) {
    problems.push(
      problem("NET.ADDRESS_UNUSED", `${at}.addresses`, {
        description: `${name} has an address, but IPv${family} is switched off there.`,
        remedy: "Choose static addresses, or take the address away.",
        values: { link: link.name, family },
      }),
    );
  }
  for (const [i, { address, prefix }] of settings.addresses.entries()) {
    const field = `${at}.addresses.${i}`;
    const wrong = addressFieldProblem(address, family, prefix, `${field}.address`);
    const wrongPrefix = prefixFieldProblem(prefix, family, `${field}.prefix`);
    if (wrong !== undefined) problems.push(wrong);
    if (wrongPrefix !== undefined) problems.push(wrongPrefix);
  }
  return [...problems, ...gatewayProblems(link, family)];
}

function gatewayProblems(link: LinkSettings, family: 4 | 6): NetworkProblem[] {
  const { method, gateway, addresses } = family === 4 ? link.ipv4 : link.ipv6;
  if (gateway === null) return [];
  const field = fieldOf(link.name, `ipv${family}`, "gateway");
  const wrong = gatewayFieldProblem(gateway, method === "static" ? addresses : [], family, field);
  if (wrong !== undefined) return [wrong];
  if (method === "static") return [];
  const values = { link: link.name, given: gateway, method };
  if (method === "none") {
    return [
      problem("NET.GATEWAY_UNUSED", field, {
        description: `${called(link.name)} has a gateway, but IPv${family} is switched off there.`,
        remedy: "Give it an address, or leave the gateway out.",
        values,
      }),
    ];
  }
  const teacher = method === "dhcp" && family === 4 ? "the DHCP server" : "the router";
  return [
    problem("NET.GATEWAY_LEARNT", field, {
      description: `${called(link.name)} learns its gateway from ${teacher} (${method}) and can't have one of its own.`,
      remedy: "Leave the gateway out, or choose static addresses.",
      values,
    }),
  ];
}

/** A leg or a port has no addresses: those of its bond or bridge are for all. */
function memberAddresses(link: LinkSettings, family: 4 | 6, all: Survey): NetworkProblem[] {
  const master = all.uses.get(link.name)?.[0]?.master;
  const { method } = family === 4 ? link.ipv4 : link.ipv6;
  if (master === undefined || method === "none") return [];
  const [code, what] =
    master.kind === "bond" ? (["NET.LEG_ADDRESSES", "leg"] as const) : (["NET.PORT_ADDRESSES", "port"] as const);
  return [
    problem(code, fieldOf(link.name, `ipv${family}`, "method"), {
      description: `${called(link.name)} is a ${what} of ${called(master.name)} and can't have IPv${family} addresses of its own.`,
      remedy: `Switch IPv${family} off there, and give the addresses to ${called(master.name)}.`,
      values: { link: link.name, master: master.name, family },
    }),
  ];
}

export function serverProblems(link: LinkSettings, family: 4 | 6): NetworkProblem[] {
  const { nameServers } = family === 4 ? link.ipv4 : link.ipv6;
  return nameServers.flatMap((given, i) => {
    const field = fieldOf(link.name, `ipv${family}`, "nameServers", i);
    const finding = nameServerFinding(given);
    if (finding !== undefined) return [problem(finding.code, field, finding)];
    if (parseAddress(given)?.family === family) return [];
    return [
      problem("NET.NAME_SERVER_FAMILY", field, {
        description: `The name server ${quoted(given)} is no IPv${family} address, and stands among those of IPv${family}.`,
        remedy: `Name it in the IPv${family === 4 ? 6 : 4} settings.`,
        values: { given, family },
      }),
    ];
  });
}

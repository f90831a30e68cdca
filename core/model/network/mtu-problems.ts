import { shown } from "../quote.ts";
import type { LinkSettings } from "./configuration.ts";
import { mtuFieldProblem, mtus } from "./fields.ts";
import { called, fieldOf, problem, warning } from "./problem.ts";
import { belowOf, type Survey } from "./survey.ts";
import type { NetworkProblem } from "./transaction.ts";

/** What the kernel gives an Ethernet interface. */
const usual = 1500;

export function mtuProblems(all: Survey): NetworkProblem[] {
  const effective = effectiveMtus(all);
  return all.configuration.links.flatMap((link) => {
    if (link.mtu !== null) {
      const wrong = mtuFieldProblem(link.mtu, fieldOf(link.name, "mtu"));
      if (wrong !== undefined) return [wrong];
    }
    return [...asLeg(link, all), ...belowProblems(link, all, effective), ...ipv6Problems(link, effective)];
  });
}

type Mtus = (name: string) => number;

/** The MTU that each link but a leg will have; that of a loop, which is an error of its own, is the usual one. */
function effectiveMtus(all: Survey): Mtus {
  const found = new Map<string, number>();
  const mtuOf = (name: string): number => {
    const known = found.get(name);
    if (known !== undefined) return known;
    found.set(name, usual);
    const mtu = reckon(name);
    found.set(name, mtu);
    return mtu;
  };
  const reckon = (name: string): number => {
    const link = all.links.get(name);
    if (link === undefined) return usual;
    if (link.mtu !== null) return link.mtu;
    if (link.kind === "vlan") return mtuOf(link.vlan.parent);
    const ports = link.kind === "bridge" ? link.bridge.ports : [];
    return ports.length === 0 ? usual : Math.min(...ports.map(mtuOf));
  };
  return mtuOf;
}

function asLeg(link: LinkSettings, all: Survey): NetworkProblem[] {
  const bond = all.uses.get(link.name)?.find((use) => use.master.kind === "bond")?.master;
  if (bond === undefined || link.mtu === null || link.mtu === (bond.mtu ?? usual)) return [];
  return [
    warning("NET.MTU_LEG", fieldOf(link.name, "mtu"), {
      description: `${called(link.name)} gets the MTU of ${called(bond.name)}, ${bond.mtu ?? usual}, and not ${link.mtu}.`,
      remedy: `Set the MTU of ${called(bond.name)}, and leave out that of its legs.`,
      values: { link: link.name, bond: bond.name, mtu: bond.mtu ?? usual, given: link.mtu },
    }),
  ];
}

function belowProblems(link: LinkSettings, all: Survey, mtuOf: Mtus): NetworkProblem[] {
  const { mtu } = link;
  if (mtu === null) return [];
  const field = fieldOf(link.name, "mtu");
  const isLeg = all.uses.get(link.name)?.some((use) => use.master.kind === "bond") === true;
  const own = link.kind === "bond" ? link.bond.legs : link.kind === "ethernet" && !isLeg ? [link.name] : [];
  const tooMuch = own.find((name) => mtu > (all.physical?.get(name)?.maxMtu ?? Infinity));
  if (tooMuch !== undefined) {
    const most = all.physical?.get(tooMuch)?.maxMtu ?? usual;
    return [
      problem("NET.MTU_HARDWARE", field, {
        description: `${called(link.name)} can't have the MTU ${mtu}: the card ${shown(tooMuch)} takes up to ${most}.`,
        remedy: `Give ${most} or less.`,
        values: { link: link.name, card: tooMuch, given: mtu, most },
      }),
    ];
  }
  if (link.kind === "bond") return [];
  const lower = belowOf(link).find((name) => mtu > mtuOf(name));
  if (lower === undefined) return [];
  return [
    problem("NET.MTU_ABOVE_BELOW", field, {
      description: `${called(link.name)} can't have the MTU ${mtu}: ${called(lower)} below it has ${mtuOf(lower)}.`,
      remedy: `Give ${mtuOf(lower)} or less, or ${called(lower)} a larger one first.`,
      values: { link: link.name, below: lower, given: mtu, most: mtuOf(lower) },
    }),
  ];
}

/** Source: RFC 8200, 5: a link that carries IPv6 takes 1280 bytes at least; the kernel switches it off below. */
function ipv6Problems(link: LinkSettings, mtuOf: Mtus): NetworkProblem[] {
  const mtu = mtuOf(link.name);
  if (link.ipv6.method === "none" || mtu >= mtus.leastIpv6 || mtu < mtus.least) return [];
  return [
    problem("NET.MTU_IPV6", fieldOf(link.name, "mtu"), {
      description: `${called(link.name)} has the MTU ${mtu}, and IPv6 needs ${mtus.leastIpv6} at least.`,
      remedy: `Give ${mtus.leastIpv6} or more, or switch IPv6 off there.`,
      values: { link: link.name, given: mtu, least: mtus.leastIpv6 },
    }),
  ];
}

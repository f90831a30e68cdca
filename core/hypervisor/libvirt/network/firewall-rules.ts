import { createHash } from "node:crypto";
import { formatAddress, parseAddress } from "../../../model/address.ts";
import type { AddressRange, FirewallRule, HostFirewall } from "../../firewall.ts";

/*
 * Security groups as rules of nftables, in the bridge family with its connection tracking: what answers is let through.
 * What a card sends is judged where it comes in, what it is sent where it goes out: so also between two cards of one
 * bridge, and between a card and the host itself. Source: nft(8); RFC 4890 for what IPv6 can't do without.
 */

/** After the kernel has looked up the connection, and before it notes a new one. */
const [zonePriority, afterConntrack, beforeNote] = [-300, -150, 0];

/** The cards that are in a group, with the names of their ends. */
export type GuardedCard = { mac: string; groupUuids: readonly string[]; ends: readonly string[] };

/**
 * Sets and chains, to stand in the table of the cards.
 * @param bridges of ours: two of them may have the same addresses, so that each has connections of its own
 */
export function firewallChains(
  { groups, members }: HostFirewall,
  cards: readonly GuardedCard[],
  bridges: readonly string[],
): string[] {
  if (cards.length === 0) return [];
  const used = new Set(cards.flatMap(({ groupUuids }) => groupUuids));
  const rules = new Map(groups.map(({ uuid, rules: all }) => [uuid, all]));
  const uuids = [...used].sort();
  return [
    ...setsOf(
      members,
      uuids.flatMap((uuid) => rules.get(uuid) ?? []),
    ),
    // Only the answers: what a connection began with meets today's rules with each of its packets.
    chain("answers", ["ct state related accept", "ct state established ct direction reply accept"]),
    chain("always_in", alwaysIn),
    chain("always_out", alwaysOut),
    ...uuids.flatMap((uuid) => [
      chain(
        `in_${uuid}`,
        (rules.get(uuid) ?? []).flatMap((rule) => linesOf(rule, "in")),
      ),
      chain(
        `out_${uuid}`,
        (rules.get(uuid) ?? []).flatMap((rule) => linesOf(rule, "out")),
      ),
    ]),
    ...cards.flatMap(({ mac, groupUuids }) =>
      (["in", "out"] as const).map((way) =>
        chain(cardChain(way, mac), [
          "jump answers",
          `jump always_${way}`,
          ...groupUuids.toSorted().map((uuid) => `jump ${way}_${uuid}`),
          "drop",
        ]),
      ),
    ),
    chain("zones", [
      `type filter hook prerouting priority ${zonePriority}; policy accept;`,
      ...bridges.map((bridge) => `meta ibrname "${bridge}" ct zone set ${zoneOf(bridge)}`),
    ]),
    base("egress", "prerouting", afterConntrack, "iifname", cards, "out"),
    base("ingress", "postrouting", beforeNote, "oifname", cards, "in"),
  ];
}

/** Where the rules can't be kept: nothing comes to these cards, and nothing from them. */
export function shutChains(cards: readonly GuardedCard[]): string[] {
  const ends = cards.flatMap((card) => card.ends.map((end) => `"${end}"`)).join(", ");
  if (ends === "") return [];
  const shut = (hook: string, side: string) =>
    chain(`shut_${hook}`, [`type filter hook ${hook} priority 0; policy accept;`, `${side} { ${ends} } drop`]);
  return [shut("prerouting", "iifname"), shut("postrouting", "oifname")];
}

const icmp6 = "ether type ip6 meta l4proto 58 icmpv6 type";
/** How a card finds its neighbours and its router, and gets its address. */
const alwaysIn = [
  "ether type { 0x0806, 0x8035 } accept",
  "ether type ip udp sport 67 udp dport 68 accept",
  "ether type ip6 udp sport 547 udp dport 546 accept",
  `${icmp6} { nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, mld-listener-query } accept`,
];
const alwaysOut = [
  "ether type { 0x0806, 0x8035 } accept",
  "ether type ip udp sport 68 udp dport 67 accept",
  "ether type ip6 udp sport 546 udp dport 547 accept",
  `${icmp6} { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } accept`,
  `${icmp6} { mld-listener-report, mld-listener-done, mld2-listener-report } accept`,
];

function setsOf(members: HostFirewall["members"], rules: readonly FirewallRule[]): string[] {
  const named = new Set(rules.flatMap(({ peer }) => (peer !== null && "groupUuid" in peer ? [peer.groupUuid] : [])));
  const ranges = new Map(members.map(({ groupUuid, ranges: all }) => [groupUuid, all]));
  return [...named].sort().flatMap((uuid) =>
    ([4, 6] as const).map((family) => {
      const own = (ranges.get(uuid) ?? []).filter(([first]) => parseAddress(first)?.family === family).map(written);
      const elements = own.length === 0 ? "" : `\n    elements = { ${own.join(", ")} }`;
      return `  set ${setOf(uuid, family)} {\n    type ipv${family}_addr\n    flags interval${elements}\n  }`;
    }),
  );
}

function setOf(uuid: string, family: 4 | 6): string {
  return `members${family}_${uuid}`;
}

/** Every rule as one line for each family that it is about. */
function linesOf({ way, protocol, ports, peer }: FirewallRule, wanted: "in" | "out"): string[] {
  if (way !== wanted) return [];
  const side = way === "in" ? "saddr" : "daddr";
  const from = (family: 4 | 6): string | undefined => {
    const type = family === 4 ? "ether type ip" : "ether type ip6";
    const address = family === 4 ? `ip ${side}` : `ip6 ${side}`;
    if (peer === null) return type;
    if ("groupUuid" in peer) return `${type} ${address} @${setOf(peer.groupUuid, family)}`;
    if (parseAddress(peer.range[0])?.family !== family) return undefined;
    return isAll(peer.range, family) ? type : `${type} ${address} ${written(peer.range)}`;
  };
  return ([4, 6] as const).flatMap((family) => {
    const start = from(family);
    return start === undefined ? [] : [`${start} ${what(protocol, ports, family)}accept`];
  });
}

/** By their numbers, for nft looks names up in a file that not every system has. */
const protocolNumbers = { tcp: 6, udp: 17 } as const;

function what(protocol: FirewallRule["protocol"], ports: FirewallRule["ports"], family: 4 | 6): string {
  if (protocol === "all") return "";
  if (protocol === "icmp") return `meta l4proto ${family === 4 ? 1 : 58} `;
  if (ports === null) return `meta l4proto ${protocolNumbers[protocol]} `;
  const [first, last] = ports;
  return `${protocol} dport ${first === last ? first : `${first}-${last}`} `;
}

function written([first, last]: AddressRange): string {
  const texts = [first, last].map((text) => {
    const address = parseAddress(text);
    if (address === undefined) throw new Error(`${text} is no address.`);
    return formatAddress(address);
  });
  return texts[0] === texts[1] ? `${texts[0]}` : texts.join("-");
}

function isAll([first, last]: AddressRange, family: 4 | 6): boolean {
  const most = 2n ** (family === 4 ? 32n : 128n) - 1n;
  return parseAddress(first)?.value === 0n && parseAddress(last)?.value === most;
}

/** Where a card that is in a group has its verdicts. */
export function cardChain(way: "in" | "out", mac: string): string {
  return `card_${way}_${mac.replaceAll(":", "")}`;
}

function base(
  name: string,
  hook: string,
  priority: number,
  side: string,
  cards: readonly GuardedCard[],
  way: "in" | "out",
): string {
  const jumps = cards.flatMap(({ mac, ends }) => ends.map((end) => `"${end}" : jump ${cardChain(way, mac)}`));
  return chain(name, [
    `type filter hook ${hook} priority ${priority}; policy accept;`,
    `${side} vmap { ${jumps.join(", ")} }`,
  ]);
}

function chain(name: string, lines: readonly string[]): string {
  return `  chain ${name} {${lines.map((line) => `\n    ${line}`).join("")}\n  }`;
}

/** From 1 to 65535, and the same after each start of the agent: the kernel's connections stay meanwhile. */
function zoneOf(bridge: string): number {
  return 1 + (createHash("sha256").update(bridge).digest().readUInt16BE(0) % 65_535);
}

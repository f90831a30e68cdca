import { type Address, formatAddress, networkRange, parseAddress } from "../../../model/address.ts";
import type { NicSpec } from "../../nic-spec.ts";
import { linkLocalRules, sharedChains } from "./link-local-rules.ts";
import { cardName } from "./links.ts";

/*
 * What a guest may send: frames of its own network, from its own addresses. Rules of nftables in the bridge family, and
 * not `vlan_filtering`: they hold on whatever bridge a card is plugged into, VLAN or flat, and on an administrator's own
 * for our cards alone. Source: nft(8); IEEE 802.1Q-2018, table 8-1; RFC 6105 (RA guard); RFC 7113 (what evades it); RFC 7610
 * (DHCPv6 shield).
 */

/** A table of its own: others, such as the firewall's and libvirt's, are replaced without it. */
export const cardTable = "bridge binnacle_cards";

/** Before conntrack, which is not to remember what was never let through. */
const beforeConntrack = -250;

/** Tagged frames, by whatever the tag is called: each has a network of its own, which a card is not in. */
const tagged = "{ 0x8100, 0x88a8, 0x9100, 0x9200, 0x9300 }";
/** Which port a cable leads to, and what follows from it. LLDP, EAPOL, MACsec's keys. */
const ofSwitches = "{ 0x88cc, 0x888e }";
/** What only bridges say to each other: STP, LACP, LLDP; CDP and VTP, PVST+. */
const betweenBridges = [
  "ether daddr & ff:ff:ff:ff:ff:f0 == 01:80:c2:00:00:00 drop",
  "ether daddr { 01:00:0c:cc:cc:cc, 01:00:0c:cc:cc:cd } drop",
] as const;
/** IPv4, IPv6, ARP, and RARP, by which QEMU says where a machine has moved to. */
const ofHosts = "{ 0x0800, 0x86dd, 0x0806, 0x8035 }";

/** The host's ends of cards, by their names, and the cards' MAC addresses. */
export type CardEnds = ReadonlyMap<string, string>;

/**
 * The whole table, for `nft -f`: replaced at one stroke. Without cards there is none.
 * @param ends those of machines that a former version has started; all others have the name of {@link cardName}
 * @param more chains of the same table
 */
export function cardRules(cards: readonly NicSpec[], ends: CardEnds, more: readonly string[] = []): string {
  const clear = `table ${cardTable}\ndelete table ${cardTable}\n`;
  // Of two that say different things of a card, the one that was started last is right.
  const byMac = new Map(cards.map((card) => [card.mac, card]));
  if (byMac.size === 0) return clear;
  const own = [...byMac.keys()]
    .flatMap((mac) => endsOf(mac, ends).map((name) => [name, mac] as const))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const chains = [...byMac.values()].sort((a, b) => (a.mac < b.mac ? -1 : 1)).map(chainOf);
  return `${clear}table ${cardTable} {
${[...sharedChains, ...chains].join("\n")}
  chain prerouting {
    type filter hook prerouting priority ${beforeConntrack}; policy accept;
    iifname vmap { ${own.map(([name, mac]) => `"${name}" : jump ${fromCard(mac)}`).join(", ")} }
  }
  chain postrouting {
    type filter hook postrouting priority ${beforeConntrack}; policy accept;
    oifname { ${own.map(([name]) => `"${name}"`).join(", ")} } ether type ${tagged} drop
  }
${more.map((each) => `${each}\n`).join("")}}
`;
}

/** The names that the host's end of a card has, or may have. */
export function endsOf(mac: string, ends: CardEnds): string[] {
  const others = [...ends].filter(([, other]) => other === mac).map(([name]) => name);
  return [...new Set([cardName(mac), ...others])].sort();
}

function fromCard(mac: string): string {
  return `from_${mac.replaceAll(":", "")}`;
}

function chainOf(card: NicSpec): string {
  const { mac, address } = card;
  const ip = address === null ? undefined : parseAddress(address.ip);
  const rules = [
    `ether saddr != ${mac} drop`,
    `ether type ${tagged} drop`,
    `ether type ${ofSwitches} drop`,
    ...betweenBridges,
    // Nobody knows the addresses of a network without ranges, nor what is spoken in it.
    ...(ip === undefined ? [] : [`ether type != ${ofHosts} drop`]),
    ...arpRules(mac, ip),
    ...fourRules(ip),
    ...sixRules(card, ip),
  ];
  return `  chain ${fromCard(mac)} {\n    ${rules.join("\n    ")}\n  }`;
}

function arpRules(mac: string, ip: Address | undefined): string[] {
  const own = ip?.family === 4 ? `{ ${formatAddress(ip)}, 0.0.0.0 }` : "0.0.0.0";
  return [
    "ether type arp arp hlen != 6 drop",
    "ether type arp arp plen != 4 drop",
    `ether type arp arp saddr ether != ${mac} drop`,
    // Without an address it asks whether somebody has the one that it is about to take: RFC 5227.
    ...(ip === undefined ? [] : [`ether type arp arp saddr ip != ${own} drop`]),
  ];
}

function fourRules(ip: Address | undefined): string[] {
  const server = "ether type ip udp sport 67 udp dport 68 drop";
  if (ip === undefined) return [server];
  const asking = "ether type ip ip saddr 0.0.0.0 udp sport 68 udp dport 67 accept";
  if (ip.family === 6) return [asking, "ether type ip drop"];
  return [server, asking, `ether type ip ip saddr != ${formatAddress(ip)} drop`];
}

/**
 * A guest makes its addresses of its network's prefix by itself, and another one every day perhaps (RFC 7217, RFC 8981):
 * all of the prefix are its own, but for the gateway's. On a network of IPv4 the prefix is the physical router's affair.
 */
function sixRules({ mac, address }: NicSpec, ip: Address | undefined): string[] {
  // By its number, for nft looks names up in a file that not every system has.
  const icmp = "ether type ip6 meta l4proto 58 icmpv6 type";
  const always = [
    `${icmp} { nd-router-advert, nd-redirect } drop`,
    "ether type ip6 udp sport 547 udp dport 546 drop",
    ...linkLocalRules(mac),
  ];
  if (ip?.family !== 6 || address === null) return always;
  const { prefixLen } = address;
  const { first } = networkRange(ip, prefixLen);
  const gateway = address.gateway === null ? undefined : parseAddress(address.gateway);
  const isForeign = gateway?.family === 6 && gateway.value !== ip.value;
  return [
    ...always,
    ...(isForeign ? [`ether type ip6 ip6 saddr ${formatAddress(gateway)} drop`] : []),
    ...(isForeign ? [`${icmp} nd-neighbor-advert @th,64,128 ${hex(gateway.value, 128)} drop`] : []),
    // Whether somebody has an address that it is about to take, and which router there is: RFC 4862, RFC 4861, RFC 3810.
    `${icmp} { nd-neighbor-solicit, nd-router-solicit, mld-listener-report, mld2-listener-report } ip6 saddr :: accept`,
    `ether type ip6 ip6 saddr != { ${formatAddress(first)}/${prefixLen}, fe80::/10 } drop`,
    `${icmp} nd-neighbor-advert @th,64,${prefixLen} ${hex(first.value >> BigInt(128 - prefixLen), prefixLen)} accept`,
    `${icmp} nd-neighbor-advert @th,64,10 != 0x3fa drop`,
  ];
}

function hex(value: bigint, bits: number): string {
  return `0x${value.toString(16).padStart(Math.ceil(bits / 4), "0")}`;
}

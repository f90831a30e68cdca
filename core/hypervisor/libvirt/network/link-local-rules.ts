import { parseAddress } from "../../../model/address.ts";
import { cardPrefix } from "./links.ts";

/*
 * Link-local addresses are the guest's own choice (RFC 4291, RFC 7217), and one of them is the router's, which nobody
 * tells us. So a guest has that of its own MAC address and all others but those that a router's may be: made of another
 * MAC address, or written by hand. One in 65,536 random ones looks like the former; the guest then has no other than that
 * of its MAC address. Routers with random ones are learned by what they advertise. Source: RFC 4861, RFC 4862, nft(8).
 */

const six = "ether type ip6";
// By its number, for nft looks names up in a file that not every system has.
const icmp = `${six} meta l4proto 58 icmpv6 type`;

/** Chains that the rules of cards jump to. */
export const sharedChains: readonly string[] = [
  chain("link_local", [
    `${six} ip6 saddr != fe80::/64 drop`,
    `${six} ip6 saddr fe80::/96 drop`,
    `${six} ip6 saddr & ::ff:ff00:0 == ::ff:fe00:0 drop`,
  ]),
  // The same for the address that an advertisement is about; with the flag of a router it is none of a guest's.
  chain("link_local_target", [
    "@th,64,64 != 0xfe80000000000000 drop",
    "@th,64,96 0xfe8000000000000000000000 drop",
    "@th,152,16 0xfffe drop",
    "@th,32,1 1 drop",
  ]),
  // Which may end before it says what it carries: RFC 7113. What can't be read matches nothing.
  chain("first_fragment", [`${six} meta l4proto != 58 return`, `${icmp} 0-255 return`, "drop"]),
];

/** What of IPv6 a card may send, whatever its network is. */
export function linkLocalRules(mac: string): string[] {
  const { text, hex } = linkLocalOf(mac);
  const isForeign = `@th,64,10 0x3fa @th,64,128 != ${hex} jump link_local_target`;
  return [
    `${six} exthdr frag exists frag frag-off 0 jump first_fragment`,
    // In fragments they are nothing to anybody: RFC 6980.
    `${icmp} 133-137 exthdr frag exists drop`,
    `${six} ip6 saddr fe80::/10 ip6 saddr != ${text} jump link_local`,
    `${icmp} nd-neighbor-advert ${isForeign}`,
    // Whether somebody has an address: who has it might not take it.
    `${icmp} nd-neighbor-solicit ip6 saddr :: ${isForeign}`,
  ];
}

/** Made of the card's MAC address: RFC 4291, appendix A. */
function linkLocalOf(mac: string): { text: string; hex: string } {
  const [first = 0, ...rest] = mac.split(":").map((byte) => Number.parseInt(byte, 16));
  const bytes = [first ^ 2, ...rest.slice(0, 2), 0xff, 0xfe, ...rest.slice(2)];
  const digits = bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const text = `fe80::${(digits.match(/.{4}/g) ?? []).join(":")}`;
  if (parseAddress(text) === undefined) throw new Error(`${mac} is no MAC address.`);
  return { text, hex: `0xfe80000000000000${digits}` };
}

/** A table of its own, of which nothing is forgotten when the cards' is replaced. */
const table = "bridge binnacle_routers";
/** After the rules of cards: no guest advertises itself as a router. */
const afterCards = -249;
/** Routers advertise themselves each half hour at least: RFC 4861, 6.2.1. */
const forgotten = "2h";

/** Whose prefix is the link's, and that are neither of a MAC address nor written by hand: the others are refused above. */
const ofOwnChoice = "ip6 saddr fe80::/64 ip6 saddr != fe80::/96 ip6 saddr & ::ff:ff00:0 != ::ff:fe00:0";

type Heard = {
  /** What stands before an address in the sets. */
  where: string;
  /** Of the sets' names: one of another type can't take the place of one that is there. */
  prefix: string;
  size: number;
  /** Before an address that was not heard yet is remembered. */
  first: readonly string[];
};

/** New ones of a bridge: whoever invents some fills a 64th part of the sets in the time after which they are forgotten. */
const seldom = "limit rate over 8/minute burst 64 packets";

/**
 * For `nft -f`: our cards don't take over link-local addresses of routers that were heard on their bridge. What was heard
 * elsewhere says nothing of them. A card's address of its own MAC address is never taken for a router's.
 */
export const routerRules = heardRules(
  {
    where: "meta ibrname . ",
    prefix: "bridge_",
    size: 65_536,
    first: [
      `${six} meta ibrname . ip6 saddr @bridge_routers goto remember`,
      `${six} update @bridge_news { meta ibrname ${seldom} } return`,
    ],
  },
  setOf("bridge_news", "meta ibrname", 4096),
);

/** For a kernel that can't tell one bridge from another, without nft_meta_bridge: heard on any of them. */
export const hostRouterRules = heardRules({ where: "", prefix: "", size: 1024, first: [] });

function heardRules({ where, prefix, size, first }: Heard, ...more: readonly string[]): string {
  const [routers, targets] = [`${prefix}routers`, `${prefix}targets`];
  // nft knows the type of no address within an advertisement, and takes it after something of which it knows one.
  const before = where === "" ? "meta l4proto . " : where;
  return `table ${table}
flush table ${table}
table ${table} {
${[setOf(routers, `${where}ip6 saddr`, size), setOf(targets, `${before}@th,64,128`, size), ...more].join("\n")}
${chain("prerouting", [
  `type filter hook prerouting priority ${afterCards}; policy accept;`,
  `iifname "${cardPrefix}*" ${six} jump card`,
  `iifname != "${cardPrefix}*" ${icmp} nd-router-advert ip6 hoplimit 255 ${ofOwnChoice} jump router`,
])}
${chain("remember", [
  `${six} update @${routers} { ${where}ip6 saddr }`,
  `${six} update @${targets} { ${before}@nh,64,128 }`,
])}
${chain("router", [...first, "goto remember"])}
${chain("card", [
  `${six} ${where}ip6 saddr @${routers} drop`,
  `${icmp} nd-neighbor-advert ${before}@th,64,128 @${targets} drop`,
  `${icmp} nd-neighbor-solicit ip6 saddr :: ${before}@th,64,128 @${targets} drop`,
])}
}
`;
}

function setOf(name: string, of: string, size: number): string {
  const lines = [`typeof ${of}`, `size ${size}`, "flags dynamic,timeout", `timeout ${forgotten}`];
  return `  set ${name} {${lines.map((line) => `\n    ${line}`).join("")}\n  }`;
}

export const noRouterRules = `table ${table}\ndelete table ${table}\n`;

function chain(name: string, lines: readonly string[]): string {
  return `  chain ${name} {${lines.map((line) => `\n    ${line}`).join("")}\n  }`;
}

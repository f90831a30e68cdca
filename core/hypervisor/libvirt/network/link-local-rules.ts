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

/** For `nft -f`: our cards don't take over link-local addresses of routers that were heard. */
export const routerRules = `table ${table}
flush table ${table}
table ${table} {
  set routers {
    type ipv6_addr
    size 1024
    flags dynamic,timeout
    timeout ${forgotten}
  }
  set targets {
    typeof meta l4proto . @th,64,128
    size 1024
    flags dynamic,timeout
    timeout ${forgotten}
  }
${chain("prerouting", [
  `type filter hook prerouting priority ${afterCards}; policy accept;`,
  `iifname "${cardPrefix}*" ${six} jump card`,
  `iifname != "${cardPrefix}*" ${icmp} nd-router-advert ip6 hoplimit 255 ip6 saddr fe80::/10 jump router`,
])}
${chain("router", [`${six} update @routers { ip6 saddr }`, `${six} update @targets { meta l4proto . @nh,64,128 }`])}
${chain("card", [
  `${six} ip6 saddr @routers drop`,
  `${icmp} nd-neighbor-advert meta l4proto . @th,64,128 @targets drop`,
  `${icmp} nd-neighbor-solicit ip6 saddr :: meta l4proto . @th,64,128 @targets drop`,
])}
}
`;
export const noRouterRules = `table ${table}\ndelete table ${table}\n`;

function chain(name: string, lines: readonly string[]): string {
  return `  chain ${name} {${lines.map((line) => `\n    ${line}`).join("")}\n  }`;
}

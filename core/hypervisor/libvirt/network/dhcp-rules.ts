import type { DhcpServer } from "./dhcp-files.ts";
import { cardPrefix, unnamedCardPrefix } from "./links.ts";

/*
 * What keeps the DHCP of a host on that host. Its address is the same on all hosts, so that neither its ARP nor its
 * answers may leave, and no answer of another server may come in between.
 */

/** A table of its own: others, such as the firewall's and libvirt's, are replaced without it. */
const table = "bridge binnacle_dhcp";

/** What is no card of a machine. */
const noCard = (side: "iifname" | "oifname") => `${side} != "${cardPrefix}*" ${side} != "${unnamedCardPrefix}*"`;
/** How the outer ends of our servers' cables begin. */
export const cablePrefix = "bnd";

/** The whole table, for `nft -f`; without servers there is none. */
export function dhcpRules(servers: readonly (DhcpServer & { cable: string })[]): string {
  const clear = `table ${table}\ndelete table ${table}\n`;
  const clients = servers.flatMap((server) => server.clients);
  if (clients.length === 0) return clear;
  const macs = [...new Set(clients.map(({ mac }) => mac))].sort();
  const arp = servers.flatMap(({ cable, ip, clients: of }) => {
    const own = `{ ${of.map(({ mac }) => mac).join(", ")} }`;
    return [
      `ether saddr ${own} arp daddr ip ${ip} oifname != "${cable}" drop`,
      `ether daddr ${own} arp saddr ip ${ip} iifname != "${cable}" drop`,
    ];
  });
  return `${clear}table ${table} {
  set clients {
    type ether_addr
    elements = { ${macs.join(", ")} }
  }
  chain answers {
    ${macs.map((mac) => `@th,288,48 0x${mac.replaceAll(":", "")} drop`).join("\n    ")}
  }
  chain neighbours {
    ${arp.join("\n    ")}
  }
  chain forward {
    type filter hook forward priority -210; policy accept;
    iifname "${cablePrefix}*" ${noCard("oifname")} drop
    oifname "${cablePrefix}*" ${noCard("iifname")} drop
    ether saddr @clients udp sport 68 udp dport 67 oifname != "${cablePrefix}*" drop
    udp sport 67 udp dport 68 iifname != "${cablePrefix}*" jump answers
    ether type arp jump neighbours
  }
}
`;
}

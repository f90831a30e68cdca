import { cardPrefix } from "./links.ts";

/*
 * While a card of a host is in a security group the kernel follows the connections of all of its cards. It remembers
 * 262,144 unless told otherwise, and drops whatever is new when it remembers as many: no guest alone is to bring that about.
 */

/**
 * Connections that one card may have open at a time by its own doing. The kernel looks at all of them before it takes a
 * new one, so that more would cost the host more time than they are worth.
 */
export const mostConnections = 16_384;

/** A table of its own, in which nothing is forgotten when the cards' is replaced. */
const table = "bridge binnacle_connections";
/** After the kernel has looked up the connection, and before the rules of groups. */
const beforeGroups = -151;

/** For `nft -f`; not every kernel can do it. */
export function connectionRules(most = mostConnections): string {
  return `table ${table}
flush table ${table}
table ${table} {
  set cards {
    type ifname
    size 65535
    flags dynamic
  }
  chain prerouting {
    type filter hook prerouting priority ${beforeGroups}; policy accept;
    iifname "${cardPrefix}*" ct state new add @cards { iifname ct count over ${most} } drop
  }
}
`;
}
export const noConnectionRules = `table ${table}\ndelete table ${table}\n`;

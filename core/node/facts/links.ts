import * as z from "zod";
import type { FactValue, Link, LinkAddress } from "../../model/facts.ts";
import { parseJson } from "./source.ts";

type Gateway = FactValue<"network">["gateways"][number];

const counters = z.object({ bytes: z.number(), errors: z.number().default(0) });

const ipAddress = z.object({
  family: z.string(),
  local: z.string().optional(),
  prefixlen: z.number(),
  scope: z.string().default("global"),
  dynamic: z.boolean().default(false),
});

const ipLink = z.object({
  ifname: z.string(),
  flags: z.array(z.string()),
  mtu: z.number(),
  link_type: z.string(),
  address: z.string().optional(),
  permaddr: z.string().optional(),
  master: z.string().optional(),
  /** The parent of a VLAN. */
  link: z.string().optional(),
  parentdev: z.string().optional(),
  linkinfo: z
    .object({
      info_kind: z.string().optional(),
      info_data: z
        .object({
          mode: z.string().optional(),
          id: z.number().optional(),
          active_slave: z.string().optional(),
          ad_info: z.object({ aggregator: z.number().optional() }).optional(),
        })
        .optional()
        // Other kinds (bridges, tunnels) use the same names for other things.
        .catch(undefined),
      info_slave_kind: z.string().optional(),
      info_slave_data: z
        .object({
          state: z.string().optional(),
          mii_status: z.string().optional(),
          link_failure_count: z.number().optional(),
          perm_hwaddr: z.string().optional(),
          ad_aggregator_id: z.number().optional(),
        })
        .optional()
        .catch(undefined),
    })
    .optional(),
  addr_info: z.array(ipAddress).default([]),
  stats64: z.object({ rx: counters, tx: counters }).optional(),
});
export type IpLink = z.infer<typeof ipLink>;

const ipRoute = z.object({
  dst: z.string(),
  gateway: z.string().optional(),
  via: z.object({ family: z.string(), host: z.string() }).optional(),
  dev: z.string().optional(),
  metric: z.number().default(0),
  flags: z.array(z.string()).default([]),
  nexthops: z
    .array(
      z.object({
        gateway: z.string().optional(),
        via: z.object({ host: z.string() }).optional(),
        dev: z.string().optional(),
      }),
    )
    .default([]),
});
export type DefaultRoute = { link: string; address: string | null; family: Gateway["family"]; metric: number };

/** What /sys tells of a link beside `ip`. */
export type SysLink = {
  /** Where /sys/class/net/NAME points to. */
  path: string | null;
  driver: string | null;
  speedMbps: number | null;
  duplex: "full" | "half" | null;
};

/** `ip -j -d -s addr show`, iproute2 6.1 (Debian 12) and 6.15 (Debian 13). Empty objects are links that went away. */
export function parseLinks(text: string): IpLink[] {
  const list = parseJson(z.array(z.unknown()), text, "ip addr").filter((entry) => JSON.stringify(entry) !== "{}");
  return parseJson(z.array(ipLink), JSON.stringify(list), "ip addr");
}

/** `ip -j route show default`, the preferred first. A family without routes prints nothing at all. */
export function parseRoutes(text: string, family: Gateway["family"]): DefaultRoute[] {
  if (text.trim() === "") return [];
  const routes = parseJson(z.array(ipRoute), text, "ip route").filter(({ dst }) => dst === "default");
  return routes
    .flatMap((route) => {
      const hops = route.nexthops.length > 0 ? route.nexthops : [route];
      return hops.flatMap(({ dev, gateway, via }) =>
        dev === undefined ? [] : [{ link: dev, address: gateway ?? via?.host ?? null, family, metric: route.metric }],
      );
    })
    .sort((a, b) => a.metric - b.metric);
}

/** Name servers of resolv.conf(5). */
export function parseNameServers(text: string): string[] {
  return [...text.matchAll(/^nameserver\s+(\S+)/gm)].map((found) => found[1] ?? "");
}

/** The partner's system MAC of each leg, which `ip` does not tell. Source: the kernel's networking/bonding. */
export function parseBonding(text: string): Map<string, string> {
  const partners = new Map<string, string>();
  for (const part of text.split(/^Slave Interface: /m).slice(1)) {
    const leg = part.slice(0, part.indexOf("\n")).trim();
    const mac = /^details partner lacp pdu:\s+(?:.*\s+)*?system mac address: (\S+)/m.exec(part)?.[1];
    // All zero: nobody at the other end speaks LACP.
    if (mac !== undefined && mac !== "00:00:00:00:00:00") partners.set(leg, mac);
  }
  return partners;
}

/** One link as the fact has it, from everything that was read. */
export function linkOf(
  ip: IpLink,
  all: IpLink[],
  more: { sys: SysLink; partners: Map<string, string>; managementLink: string | undefined },
): Link {
  const adminUp = ip.flags.includes("UP");
  const mac = ip.link_type === "ether" ? (ip.address ?? null) : null;
  const kind = kindOf(ip, more.sys.path);
  const info = ip.linkinfo?.info_data;
  return {
    name: ip.ifname,
    kind,
    adminUp,
    carrier: adminUp ? ip.flags.includes("LOWER_UP") : null,
    speedMbps: more.sys.speedMbps,
    duplex: more.sys.duplex,
    mtu: ip.mtu,
    mac,
    permanentMac: kind === "physical" ? (ip.permaddr ?? ip.linkinfo?.info_slave_data?.perm_hwaddr ?? mac) : null,
    // As ethtool says it: `veth`, `tun`.
    driver: more.sys.driver ?? (kind === "virtual" ? (ip.linkinfo?.info_kind ?? null) : null),
    bus: kind === "physical" ? (busOf(more.sys.path) ?? ip.parentdev ?? null) : null,
    addresses: ip.addr_info.flatMap(addressOf),
    master: ip.master ?? null,
    bond: kind === "bond" ? { mode: info?.mode ?? "", legs: legsOf(ip, all, more.partners) } : null,
    bridgePorts:
      kind === "bridge" ? all.filter(({ master }) => master === ip.ifname).map(({ ifname }) => ifname) : null,
    vlan: kind === "vlan" && info?.id !== undefined ? { id: info.id, parent: ip.link ?? "" } : null,
    management: ip.ifname === more.managementLink,
    receivedBytes: ip.stats64?.rx.bytes ?? 0,
    sentBytes: ip.stats64?.tx.bytes ?? 0,
    errors: (ip.stats64?.rx.errors ?? 0) + (ip.stats64?.tx.errors ?? 0),
  };
}

const kinds: Record<string, Link["kind"]> = {
  bond: "bond",
  bridge: "bridge",
  openvswitch: "bridge",
  vlan: "vlan",
  vxlan: "tunnel",
  geneve: "tunnel",
  gre: "tunnel",
  gretap: "tunnel",
  ip6gre: "tunnel",
  ip6gretap: "tunnel",
  ip6tnl: "tunnel",
  ipip: "tunnel",
  sit: "tunnel",
  vti: "tunnel",
  wireguard: "tunnel",
};

function kindOf(ip: IpLink, sysPath: string | null): Link["kind"] {
  if (ip.link_type === "loopback") return "loopback";
  const kind = ip.linkinfo?.info_kind;
  if (kind !== undefined) return kinds[kind] ?? "virtual";
  const hasDevice = sysPath === null ? ip.parentdev !== undefined : !sysPath.includes("/virtual/");
  return hasDevice ? "physical" : "virtual";
}

/** The last bus address on the way to the device: PCI `0000:03:00.0`, or USB `1-1.2`. */
function busOf(sysPath: string | null): string | undefined {
  const parts = (sysPath ?? "").split("/");
  return parts.findLast((part) => /^([0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.\d|\d+-\d+(\.\d+)*)$/.test(part));
}

function legsOf(bond: IpLink, all: IpLink[], partners: Map<string, string>) {
  const info = bond.linkinfo?.info_data;
  return all
    .filter(({ master, linkinfo }) => master === bond.ifname && linkinfo?.info_slave_kind === "bond")
    .map((leg) => {
      const data = leg.linkinfo?.info_slave_data;
      const up = data?.mii_status === "UP";
      const inAggregator = data?.ad_aggregator_id === info?.ad_info?.aggregator;
      const partnerMac = partners.get(leg.ifname) ?? null;
      return {
        link: leg.ifname,
        up,
        active: up && data?.state === "ACTIVE" && (info?.mode !== "802.3ad" || inAggregator),
        failures: data?.link_failure_count ?? 0,
        partnerMac: info?.mode === "802.3ad" ? partnerMac : null,
      };
    });
}

function addressOf(entry: z.infer<typeof ipAddress>): LinkAddress[] {
  const { family, local, prefixlen, scope, dynamic } = entry;
  if (local === undefined || (family !== "inet" && family !== "inet6")) return [];
  return [{ family, address: local, prefix: prefixlen, scope, dynamic }];
}

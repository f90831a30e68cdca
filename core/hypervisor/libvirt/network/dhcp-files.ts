import { formatAddress, networkRange, parseAddress } from "../../../model/address.ts";
import type { NicSpec } from "../../nic-spec.ts";

/* What dnsmasq is given for a network. Source: dnsmasq(8). Every value has been through the schema of a card. */

/** A card that is to get its address from us. */
export type Client = NicSpec & {
  address: NonNullable<NicSpec["address"]>;
  dhcpServer: NonNullable<NicSpec["dhcpServer"]>;
};

/** The server of one network on this host. */
export type DhcpServer = {
  l3NetworkUuid: string;
  bridge: string;
  mtu: number;
  ip: string;
  prefixLen: number;
  clients: readonly Client[];
};

/** IPv4 alone: a machine of an IPv6 network hears its router, and has its address by itself. */
export function isClient(nic: NicSpec): nic is Client {
  const { address, dhcpServer } = nic;
  if (address === null || dhcpServer === null) return false;
  return parseAddress(address.ip)?.family === 4 && parseAddress(dhcpServer.ip)?.family === 4;
}

export type DhcpFiles = { conf: string; hosts: string; options: string };

/** @param folder where the three files are, as dnsmasq sees it */
export function dhcpFiles(server: DhcpServer, folder: string): DhcpFiles {
  const clients = server.clients.toSorted((a, b) => (a.mac < b.mac ? -1 : 1));
  return {
    conf: `${configuration(server, folder).join("\n")}\n`,
    hosts: lines(clients.map(({ mac, address, hostName }) => `${mac},set:${tagOf(mac)},${address.ip},${hostName}`)),
    options: lines(clients.flatMap((client) => optionsOf(client, server.mtu))),
  };
}

/** The name of the server's interface in its namespace. */
export const inside = "dhcp0";

function configuration({ ip, prefixLen, clients }: DhcpServer, folder: string): string[] {
  const own = networkOf(ip, prefixLen);
  const networks = new Map([[own.first, own.netmask]]);
  for (const { address } of clients) {
    const { first, netmask } = networkOf(address.ip, address.prefixLen);
    networks.set(first, netmask);
  }
  return [
    "# Made by the agent, and made anew with every change.",
    "port=0",
    `interface=${inside}`,
    "bind-interfaces",
    "user=nobody",
    "group=nogroup",
    "pid-file=",
    // Who has which address is known before anybody asks; what a former start has promised must not be in the way.
    "leasefile-ro",
    "dhcp-authoritative",
    "dhcp-ignore=tag:!known",
    "dhcp-ignore-names",
    "dhcp-no-override",
    "no-ping",
    ...[...networks].map(([first, netmask]) => `dhcp-range=${first},static,${netmask},${leaseTime}`),
    // A second range of the network may have another prefix.
    ...[...networks.keys()].filter((first) => first !== own.first).map((first) => `shared-network=${inside},${first}`),
    `dhcp-hostsfile=${folder}/hosts`,
    `dhcp-optsfile=${folder}/options`,
  ];
}

/** Machines ask again after half of it: what has changed in their network since reaches them then. */
const leaseTime = "24h";

function optionsOf({ mac, address, dns, domain, isDefaultRoute }: Client, mtu: number): string[] {
  const option = (name: string, ...values: string[]) => [`tag:${tagOf(mac)}`, `option:${name}`, ...values].join(",");
  return [
    // Without a value: not told. dnsmasq would tell its own address else.
    option("router", ...(isDefaultRoute && address.gateway !== null ? [address.gateway] : [])),
    option("dns-server", ...dns),
    ...(domain === null ? [] : [option("domain-name", domain)]),
    ...(mtu === 1500 ? [] : [option("mtu", String(mtu))]),
  ];
}

function tagOf(mac: string): string {
  return `m${mac.replaceAll(":", "")}`;
}

function networkOf(ip: string, prefixLen: number): { first: string; netmask: string } {
  const address = parseAddress(ip);
  if (address === undefined) throw new Error(`${ip} is no address.`);
  const { first, last } = networkRange(address, prefixLen);
  const netmask = { family: 4 as const, value: 2n ** 32n - 1n - (last.value - first.value) };
  return { first: formatAddress(first), netmask: formatAddress(netmask) };
}

function lines(all: readonly string[]): string {
  return all.map((line) => `${line}\n`).join("");
}

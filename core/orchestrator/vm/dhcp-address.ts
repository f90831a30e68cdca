import { type Address, formatAddress, parseAddress } from "../../model/address.ts";
import { lastFree, parseRange, type Range, type RangeText } from "../../model/cloud/ip-range.ts";
import type { RecordOf } from "../kinds.ts";
import type { Tx } from "../records.ts";
import { addressKey } from "./life.ts";

/*
 * The address of a network's DHCP server, the same on all hosts: one of its ranges, that no machine gets. IPv4 alone,
 * as the hosts' DHCP is. A network of a single address has none: it is worth more to a machine.
 */

type L3Network = RecordOf<"L3Network">;

/** Gives a network's DHCP server an address, if it has none and one is free. @returns the network as it is then */
export function withDhcpServer(tx: Tx, network: L3Network, ranges: readonly RangeText[]): L3Network {
  const { uuid, ipVersion, dhcpServerIp = null } = network;
  if (ipVersion !== 4 || dhcpServerIp !== null) return network;
  const parsed = ranges.flatMap((text) => {
    const one = parseRange(text);
    return "range" in one ? [one.range] : [];
  });
  const address = lastOf(parsed, takenIn(tx, uuid));
  if (address === undefined) return network;
  const ip = formatAddress(address);
  tx.put("AddressUse", addressKey(uuid, ip), { dhcpServerOf: uuid }, true);
  // The range that it is of must not go at the same moment.
  tx.guard(uuid);
  return tx.update("L3Network", uuid, { dhcpServerIp: ip });
}

/** The same for the network of a card, of former versions too. */
export function ensureDhcpServer(tx: Tx, l3NetworkUuid: string): void {
  // Looked at, for a thousand machines of one network are placed at the same time.
  if (typeof tx.peek("L3Network", l3NetworkUuid)?.dhcpServerIp === "string") return;
  withDhcpServer(tx, tx.need("L3Network", l3NetworkUuid), tx.find("IpRange", "l3NetworkUuid", l3NetworkUuid));
}

/** Takes it back, before its range or its network goes. */
export function withoutDhcpServer(tx: Tx, { uuid, dhcpServerIp = null }: L3Network): void {
  if (dhcpServerIp === null) return;
  tx.delete("AddressUse", addressKey(uuid, dhcpServerIp));
  tx.update("L3Network", uuid, { dhcpServerIp: null });
}

function lastOf(ranges: readonly Range[], taken: ReadonlySet<bigint>): Address | undefined {
  const isSingle = ranges.length === 1 && ranges[0]?.start.value === ranges[0]?.end.value;
  return isSingle ? undefined : lastFree(ranges, taken);
}

/** What cards of a network have, and its DHCP server. */
export function takenIn(tx: Tx, l3NetworkUuid: string): Set<bigint> {
  const taken = new Set<bigint>();
  const take = (ip: unknown) => {
    const address = typeof ip === "string" ? parseAddress(ip) : undefined;
    if (address !== undefined) taken.add(address.value);
  };
  for (const { ip } of tx.find("VmNic", "l3NetworkUuid", l3NetworkUuid)) take(ip);
  // A card that can't be read has its address nevertheless.
  for (const { value } of tx.unreadable.all("VmNic")) take(value["ip"]);
  take(tx.peek("L3Network", l3NetworkUuid)?.dhcpServerIp);
  return taken;
}

import type { NicSpec } from "../../hypervisor/driver.ts";
import { domainProblem, parseAddress } from "../../model/address.ts";
import { parseRange } from "../../model/cloud/ip-range.ts";
import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import type { RecordOf } from "../kinds.ts";
import type { Tx } from "../records.ts";
import { guestLabelOf } from "./guest-data.ts";
import { addressKey, type Machine } from "./life.ts";
import { nicLimits } from "./limits.ts";

/** What a host is told of a network card, from the records of its networks. */
export function nicSpec(tx: Tx, machine: Machine, nic: RecordOf<"VmNic">): NicSpec {
  const { l3NetworkUuid, deviceId, mac, ip } = nic;
  const { l2NetworkUuid, dns, dnsDomain, dhcpServerIp = null } = tx.need("L3Network", l3NetworkUuid);
  const { type, vlan, physicalInterface, mtu } = tx.need("L2Network", l2NetworkUuid);
  if (type === "Vxlan") throw new Error(`The network ${l2NetworkUuid} is of a type that hosts can't make.`);
  const ranges = tx.find("IpRange", "l3NetworkUuid", l3NetworkUuid);
  const own = ip === null ? undefined : rangeOf(ranges, ip);
  const server = dhcpServerIp === null ? undefined : rangeOf(ranges, dhcpServerIp);
  return {
    deviceId,
    mac,
    segment: { physicalInterface, vlan, mtu },
    l3NetworkUuid,
    address: ip === null || own === undefined ? null : { ip, prefixLen: own.prefixLen, gateway: own.gateway },
    dns: [...dns],
    // Records of former versions may have any text there.
    domain: dnsDomain !== null && domainProblem(dnsDomain) === undefined ? dnsDomain : null,
    hostName: guestLabelOf(tx, machine.uuid) ?? hostNameOf(machine, ip),
    isDefaultRoute: machine.defaultL3NetworkUuid === l3NetworkUuid,
    dhcpServer:
      dhcpServerIp === null || server === undefined ? null : { ip: dhcpServerIp, prefixLen: server.prefixLen },
    ...nicLimits(tx, machine),
  };
}

function rangeOf(ranges: readonly RecordOf<"IpRange">[], ip: string): RecordOf<"IpRange"> | undefined {
  const value = parseAddress(ip)?.value;
  return ranges.find((text) => {
    const parsed = parseRange(text);
    return (
      "range" in parsed && value !== undefined && parsed.range.start.value <= value && value <= parsed.range.end.value
    );
  });
}

/** What of a machine's name a host name may have, RFC 1123; where nothing is left, its address says which one it is. */
export function hostNameOf({ name, uuid }: Pick<Machine, "name" | "uuid">, ip: string | null): string {
  const label = name
    // A letter with an accent is the letter.
    .normalize("NFKD")
    .replaceAll(/\p{M}/gu, "")
    .toLowerCase()
    .replaceAll(/[^a-z\d]+/g, "-")
    .slice(0, 60)
    .replaceAll(/^-+|-+$/g, "");
  if (label === "") return ip === null ? `vm-${uuid.slice(0, 8)}` : `vm-${ip.replaceAll(/[.:]+/g, "-")}`;
  // A number would be taken for an address, and localhost is every machine.
  return /^\d+$|^localhost/.test(label) ? `vm-${label}` : label;
}

type NewNic = Pick<RecordOf<"VmNic">, "uuid" | "l3NetworkUuid" | "deviceId" | "mac" | "ip"> & { vmUuid: string };

/** A network card, which has its address and its MAC address for itself from now on. */
export function insertNic(tx: Tx, { uuid, vmUuid, l3NetworkUuid, deviceId, mac, ip }: NewNic): void {
  const name = `vnic${deviceId}.${vmUuid.slice(0, 8)}`;
  tx.insert("VmNic", { uuid, name, description: null, vmInstanceUuid: vmUuid, l3NetworkUuid, deviceId, mac, ip });
  if (ip !== null) tx.put("AddressUse", addressKey(l3NetworkUuid, ip), { vmNicUuid: uuid }, true);
  tx.put("MacUse", mac, { vmNicUuid: uuid }, true);
}

/** @throws NETWORK.1010 */
export function requireFreeMac(tx: Tx, mac: string, where: string): void {
  if (tx.get("MacUse", mac) === undefined) return;
  const details = `A network card has ${mac} already.`;
  const remedy = "Give another one, or leave it out to get a new one.";
  throw new CloudError(refusalOf("NETWORK.1010", { where, details, remedy, values: { mac } }));
}

/** Locally administered, unicast, from chance: that no two are the same is seen to when it is given. */
export function newMac(newUuid: () => string): string {
  return ["fa", ...(newUuid().slice(0, 10).match(/../g) ?? [])].join(":");
}

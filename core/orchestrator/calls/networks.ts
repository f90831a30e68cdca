import { domainProblem, formatAddress, networkRange, parseAddress, prefixOfNetmask } from "../../model/address.ts";
import type { CallInput } from "../../model/cloud/calls/index.ts";
import { furtherRangeRefusal, parseRange, type Range, type RangeText } from "../../model/cloud/ip-range.ts";
import { type L2Type, l3NetworkState, segmentRefusal } from "../../model/cloud/network.ts";
import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import { quoted, shown } from "../../model/quote.ts";
import type { RecordOf } from "../kinds.ts";
import type { Tx } from "../records.ts";
import { withDhcpServer, withoutDhcpServer } from "../vm/dhcp-address.ts";
import type { CallContext, DecidersOf } from "./handler.ts";
import { patchOf, refuseFor, switched } from "./shared.ts";
import { otherZone } from "./storages.ts";

/* Networks and their addresses. */

type IpRange = RecordOf<"IpRange">;

function l2Network(
  type: L2Type,
  vlan: number | null,
  tx: Tx,
  input: CallInput<"CreateL2NoVlanNetwork">,
  { newUuid }: CallContext,
) {
  refuseFor(segmentRefusal(type, vlan));
  const { name, description, zoneUuid, physicalInterface, mtu } = input;
  for (const other of tx.find("L2Network", "zoneUuid", zoneUuid))
    if (other.type === type && other.physicalInterface === physicalInterface && other.vlan === vlan)
      throw new CloudError(
        refusalOf("NETWORK.1006", {
          where: "physicalInterface",
          details: `The network ${shown(other.name)} of this zone is the same one.`,
          remedy: "Use that network, or give another interface or id.",
          values: { uuid: other.uuid },
        }),
      );
  return {
    inventory: tx.insert("L2Network", {
      uuid: newUuid(),
      name,
      description,
      zoneUuid,
      physicalInterface,
      mtu,
      type,
      vlan,
      attachedClusterUuids: [],
    }),
  };
}

/** The new range beside the others of its network, or everything that is wrong with it. */
function ipRange(tx: Tx, given: Omit<IpRange, "uuid" | "createDate" | "lastOpDate">, { newUuid }: CallContext) {
  const network = tx.need("L3Network", given.l3NetworkUuid, "l3NetworkUuid");
  const family = parseAddress(given.startIp)?.family;
  if (family !== undefined && family !== network.ipVersion)
    throw wrongRange("startIp", `The network has IPv${network.ipVersion} addresses.`, "Give a range of that family.");
  const range = rangeOf(given);
  const others = tx.find("IpRange", "l3NetworkUuid", given.l3NetworkUuid).map(rangeOf);
  refuseFor(furtherRangeRefusal(range, others));
  // Two ranges made at the same moment would not see each other.
  tx.put("L3Network", network.uuid, { ...network, lastOpDate: tx.now });
  withDhcpServer(tx, network, [...tx.find("IpRange", "l3NetworkUuid", network.uuid), given]);
  return { inventory: tx.insert("IpRange", { uuid: newUuid(), ...given }) };
}

function rangeOf(text: RangeText): Range {
  const parsed = parseRange(text);
  if ("range" in parsed) return parsed.range;
  const [first] = parsed.refusals;
  throw first === undefined ? new Error("A range was refused without any reason.") : new CloudError(first);
}

function wrongRange(where: string, details: string, remedy: string): CloudError {
  return new CloudError(refusalOf("NETWORK.1001", { where, details, remedy }));
}

/** Netmask and prefix say the same; one of them is enough. */
function prefixOf(netmask: string | null, prefixLen: number | undefined): number {
  const ofMask = netmask === null ? undefined : prefixOfNetmask(netmask);
  if (ofMask !== undefined && prefixLen !== undefined && ofMask !== prefixLen)
    throw wrongRange("prefixLen", `The netmask has ${ofMask} bits.`, "Leave one of the two out.");
  const prefix = ofMask ?? prefixLen;
  if (prefix === undefined)
    throw wrongRange("netmask", "Neither netmask nor prefixLen is given.", "Give one such as netmask=255.255.255.0.");
  return prefix;
}

function netmaskOf(prefix: number): string {
  return formatAddress({ family: 4, value: (2n ** 32n - 1n) ^ (2n ** BigInt(32 - prefix) - 1n) });
}

export const networkDeciders = {
  CreateL2NoVlanNetwork: (tx, input, context) => l2Network("NoVlan", null, tx, input, context),
  CreateL2VlanNetwork: (tx, { vlan, ...input }, context) => l2Network("Vlan", vlan, tx, input, context),
  UpdateL2Network: (tx, { uuid, ...patch }) => ({ inventory: tx.update("L2Network", uuid, patchOf(patch)) }),
  AttachL2NetworkToCluster: (tx, { uuid, clusterUuid }) => {
    const network = tx.need("L2Network", uuid);
    const cluster = tx.need("Cluster", clusterUuid, "clusterUuid");
    if (cluster.zoneUuid !== network.zoneUuid) throw otherZone("L2Network", network.name);
    const others = network.attachedClusterUuids.filter((each) => each !== clusterUuid);
    tx.guard(clusterUuid);
    return { inventory: tx.update("L2Network", uuid, { attachedClusterUuids: [...others, clusterUuid].sort() }) };
  },
  DetachL2NetworkFromCluster: (tx, { uuid, clusterUuid }) => {
    const network = tx.need("L2Network", uuid);
    tx.need("Cluster", clusterUuid, "clusterUuid");
    const cards = tx
      .find("L3Network", "l2NetworkUuid", uuid)
      .flatMap((above) => tx.find("VmNic", "l3NetworkUuid", above.uuid))
      .filter(({ vmInstanceUuid }) => tx.peek("VmInstance", vmInstanceUuid)?.clusterUuid === clusterUuid).length;
    if (cards > 0) throw cardsInIt("L2Network", network.name, cards);
    const attachedClusterUuids = network.attachedClusterUuids.filter((each) => each !== clusterUuid);
    return { inventory: tx.update("L2Network", uuid, { attachedClusterUuids }) };
  },
  CreateL3Network: (tx, input, { newUuid }) => {
    for (const server of input.dns) checkFamily(input.ipVersion, server);
    checkDomain(input.dnsDomain);
    return {
      inventory: tx.insert("L3Network", {
        uuid: newUuid(),
        ...input,
        state: l3NetworkState.initial,
        dhcpServerIp: null,
      }),
    };
  },
  UpdateL3Network: (tx, { uuid, ...patch }) => {
    checkDomain(patch.dnsDomain ?? null);
    return { inventory: tx.update("L3Network", uuid, patchOf(patch)) };
  },
  ChangeL3NetworkState: (tx, { uuid, stateEvent }) => ({
    inventory: switched(tx, "L3Network", l3NetworkState, uuid, stateEvent),
  }),
  AddDnsToL3Network: (tx, { uuid, dns: server }) => {
    const { dns, ipVersion } = tx.need("L3Network", uuid);
    checkFamily(ipVersion, server);
    return { inventory: tx.update("L3Network", uuid, { dns: [...dns.filter((each) => each !== server), server] }) };
  },
  RemoveDnsFromL3Network: (tx, { uuid, dns: server }) => {
    const { dns } = tx.need("L3Network", uuid);
    return { inventory: tx.update("L3Network", uuid, { dns: dns.filter((each) => each !== server) }) };
  },
  AddIpRange: (tx, { netmask, prefixLen: given, ...input }, context) => {
    const prefixLen = prefixOf(netmask, given);
    const isV4 = parseAddress(input.startIp)?.family === 4;
    if (isV4 && prefixLen > 32)
      throw wrongRange(
        "prefixLen",
        `An IPv4 network has no prefix of ${prefixLen} bits.`,
        "Give a number from 1 to 32.",
      );
    return ipRange(tx, { ...input, prefixLen, netmask: isV4 ? netmaskOf(prefixLen) : null }, context);
  },
  AddIpRangeByNetworkCidr: (tx, { networkCidr, ...input }, context) => {
    const [text = "", bits = ""] = networkCidr.split("/");
    const [address, prefixLen] = [parseAddress(text), Number(bits)];
    if (address === undefined) throw new Error("A checked network has no address.");
    const { family } = address;
    const { first, last } = networkRange(address, prefixLen);
    const at = (value: bigint) => formatAddress({ family, value });
    const lastForMachines = family === 4 ? last.value - 1n : last.value;
    if (lastForMachines < first.value + 2n)
      throw wrongRange("networkCidr", "It has no room for a gateway and a machine.", "Give a network of 4 or more.");
    // As many as a range may have: an IPv6 network has more than anybody counts.
    const end = lastForMachines - first.value - 1n > 2n ** 24n ? first.value + 2n ** 24n + 1n : lastForMachines;
    const texts = { startIp: at(first.value + 2n), endIp: at(end), gateway: at(first.value + 1n), prefixLen };
    return ipRange(tx, { ...input, ...texts, netmask: family === 4 ? netmaskOf(prefixLen) : null }, context);
  },
  UpdateIpRange: (tx, { uuid, ...patch }) => ({ inventory: tx.update("IpRange", uuid, patchOf(patch)) }),
  DeleteIpRange: (tx, { uuid }) => {
    const range = tx.need("IpRange", uuid);
    const { start, end } = rangeOf(range);
    const used = tx.find("VmNic", "l3NetworkUuid", range.l3NetworkUuid).filter(({ ip }) => {
      const address = ip === null ? undefined : parseAddress(ip);
      return address !== undefined && address.value >= start.value && address.value <= end.value;
    }).length;
    if (used > 0)
      throw new CloudError(
        refusalOf("NETWORK.1003", {
          where: `IpRange ${shown(range.name)}`,
          details: `${used} of its addresses are in use.`,
          remedy: "Take those network cards out of the network first.",
          values: { used },
        }),
      );
    const network = tx.need("L3Network", range.l3NetworkUuid);
    const server = parseAddress(network.dhcpServerIp ?? "");
    if (server !== undefined && server.value >= start.value && server.value <= end.value) {
      withoutDhcpServer(tx, network);
      const others = tx.find("IpRange", "l3NetworkUuid", network.uuid).filter((other) => other.uuid !== uuid);
      withDhcpServer(tx, tx.need("L3Network", network.uuid), others);
    }
    // A card made at the same moment writes the guard of its network.
    tx.get("Guard", range.l3NetworkUuid);
    tx.remove("IpRange", uuid);
    return {};
  },
} satisfies DecidersOf<
  | "CreateL2NoVlanNetwork"
  | "CreateL2VlanNetwork"
  | "UpdateL2Network"
  | "AttachL2NetworkToCluster"
  | "DetachL2NetworkFromCluster"
  | "CreateL3Network"
  | "UpdateL3Network"
  | "ChangeL3NetworkState"
  | "AddDnsToL3Network"
  | "RemoveDnsFromL3Network"
  | "AddIpRange"
  | "AddIpRangeByNetworkCidr"
  | "UpdateIpRange"
  | "DeleteIpRange"
>;

function checkFamily(ipVersion: 4 | 6, server: string): void {
  if (parseAddress(server)?.family === ipVersion) return;
  const details = `A network of IPv${ipVersion} addresses tells its machines name servers of that family.`;
  throw new CloudError(refusalOf("SYS.1001", { where: "dns", details, remedy: "Give an address of that family." }));
}

function checkDomain(domain: string | null): void {
  if (domain === null || domainProblem(domain) === undefined) return;
  const details = `${quoted(domain)} can't be a domain.`;
  throw new CloudError(refusalOf("SYS.1001", { where: "dnsDomain", details, remedy: "Give one such as example.com." }));
}

function cardsInIt(kind: string, name: string, cards: number): CloudError {
  return new CloudError(
    refusalOf("NETWORK.1003", {
      where: `${kind} ${shown(name)}`,
      details: `${cards} network cards of machines are in it.`,
      remedy: "Take those network cards out of the network first.",
      values: { cards },
    }),
  );
}

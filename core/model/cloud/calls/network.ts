import * as z from "zod/mini";
import { cidr, ipAddress, say } from "../fields.ts";
import { ipRange, l2Network, l3Network } from "../network.ts";
import {
  action,
  cascade,
  creation,
  deletion,
  get,
  named,
  ofCluster,
  onOff,
  preset,
  query,
  renamed,
  update,
} from "./call.ts";

const { zoneUuid, physicalInterface, mtu, vlan } = l2Network.shape;
const l2 = { ...named("L2Network"), zoneUuid, physicalInterface, mtu: preset(mtu, 1500) };

export const l2Calls = {
  CreateL2NoVlanNetwork: {
    ...creation("L2Network", "Makes a network of untagged frames.", l2),
    path: "/v1/l2-networks/no-vlan",
  },
  CreateL2VlanNetwork: {
    ...creation("L2Network", "Makes a network of one VLAN.", {
      ...l2,
      vlan: say(vlan.def.innerType, "Its id, 1 to 4094."),
    }),
    path: "/v1/l2-networks/vlan",
  },
  QueryL2Network: query("L2Network"),
  GetL2Network: get("L2Network"),
  UpdateL2Network: update("L2Network", "Changes its name or description.", renamed("L2Network")),
  AttachL2NetworkToCluster: ofCluster("L2Network", "attach", "Gives it to the hosts of a cluster."),
  DetachL2NetworkFromCluster: ofCluster("L2Network", "detach", "Takes it from the hosts of a cluster."),
  DeleteL2Network: cascade("L2Network", "Deletes it with the networks above it."),
} as const;

const { l2NetworkUuid, ipVersion, dns, dnsDomain, system } = l3Network.shape;
const { l3NetworkUuid, startIp, endIp, netmask, gateway } = ipRange.shape;
const server = { dns: say(ipAddress, "A name server.") };

export const l3Calls = {
  CreateL3Network: creation("L3Network", "Makes a network of addresses.", {
    ...named("L3Network"),
    l2NetworkUuid,
    ipVersion: preset(ipVersion, 4),
    dns: preset(dns, []),
    dnsDomain: preset(dnsDomain, null),
    system: preset(system, false),
  }),
  QueryL3Network: query("L3Network"),
  GetL3Network: get("L3Network"),
  UpdateL3Network: update("L3Network", "Changes its name, description or domain.", {
    ...renamed("L3Network"),
    dnsDomain: z.optional(dnsDomain),
  }),
  ChangeL3NetworkState: onOff("L3Network", "Enables or disables it for new network cards."),
  AddDnsToL3Network: action("L3Network", "add-dns", "Adds a name server that machines are told.", server),
  RemoveDnsFromL3Network: action("L3Network", "remove-dns", "Takes a name server away.", server),
  DeleteL3Network: cascade("L3Network", "Deletes it with its ranges; refused while machines have cards in it."),
  AddIpRange: creation("IpRange", "Adds addresses to a network.", {
    ...named("IpRange"),
    l3NetworkUuid,
    startIp,
    endIp,
    netmask: preset(netmask, null),
    prefixLen: z.optional(ipRange.shape.prefixLen),
    gateway: preset(gateway, null),
  }),
  AddIpRangeByNetworkCidr: {
    ...creation("IpRange", "Adds all addresses of a network but its first, the gateway.", {
      ...named("IpRange"),
      l3NetworkUuid,
      networkCidr: say(cidr, "Such as 192.168.10.0/24."),
    }),
    path: "/v1/ip-ranges/by-cidr",
  },
  QueryIpRange: query("IpRange"),
  GetIpRange: get("IpRange"),
  UpdateIpRange: update("IpRange", "Changes its name or description.", renamed("IpRange")),
  DeleteIpRange: deletion("IpRange", "Takes addresses away; refused while one of them is in use."),
  QueryVmNic: query("VmNic"),
  GetVmNic: get("VmNic"),
} as const;

import {
  type Ipv4Settings,
  type LinkSettings,
  type NetworkConfiguration,
  type NetworkHardware,
  noIpv4,
  noIpv6,
  type Route,
} from "../../../../core/model/network/configuration.ts";
import { bond, bridge, ethernet, four, management, network, server, six, vlan } from "./networks.ts";

/*
 * Configurations with one mistake each, or with a few that belong together. What is said of them is in
 * golden/problems.txt.
 */

type Case = [what: string, configuration: NetworkConfiguration, hardware?: NetworkHardware | null];

/** Beside the management interface. */
const beside = (...links: LinkSettings[]) => network([management, ...links]);
/** The management interface itself. */
const with4 = (address: string | string[], more: Partial<Ipv4Settings> = {}) =>
  network([ethernet("eno1", four(address, { nameServers: ["10.0.0.2"], ...more }))]);
const withRoute = (...routes: Partial<Route>[]) =>
  with4("10.0.0.5/24", {
    routes: routes.map((each) => ({ to: "10.1.0.0/16", via: "10.0.0.1", metric: null, ...each })),
  });
const withOptions = (options: Record<string, string>, mode: "802.3ad" | "active-backup" | "balance-rr" = "802.3ad") =>
  beside(bond("bond0", ["p5p1", "p5p2"], { mode, options }));

const node: Case[] = [
  ["a host name that is empty", network([management], { hostname: "" })],
  ["a host name of two words", network([management], { hostname: "node 1" })],
  ["localhost", network([management], { hostname: "localhost" })],
  ["a time server that is none", network([management], { timeServers: ["ntp.example.com", "a_b", "::1"] })],
  ["no address anywhere", network([], { managementLink: null })],
  ["the management interface is not there", network([management], { managementLink: "bond7" })],
  ["the management interface is a card without an address", network([management], { managementLink: "eno2" })],
  [
    "the management interface is a leg",
    network([management, bond("bond0", ["p5p1", "p5p2"])], { managementLink: "p5p1" }),
  ],
];

const names: Case[] = [
  ["an interface without a name", beside(bond("", ["p5p1", "p5p2"]))],
  ["a name of 16 characters", beside(bond("bond012345678901", ["p5p1", "p5p2"]))],
  [
    "a bridge whose port has a long name",
    beside(vlan("bond-store.4000", "eno2", 4000), bridge("br_bond-store.4000", ["bond-store.4000"])),
  ],
  ["a name with a slash", beside(bond("bond/0", ["p5p1", "p5p2"]))],
  ["a name that the kernel keeps", beside(bond("default", ["p5p1", "p5p2"]))],
  ["two interfaces of one name", beside(bond("bond0", ["p5p1", "p5p2"]), bridge("bond0", []))],
  ["a bond named as a card", beside(bond("eno2", ["p5p1", "p5p2"]))],
  ["a bridge named as somebody's tunnel", beside(bridge("wg0", ["eno2"]))],
  ["a card that the machine lacks", beside(ethernet("eth9"))],
  ["a machine without cards", network([management]), { links: [], otherNames: [] }],
];

const addresses: Case[] = [
  ["no address but a word", with4("server/24")],
  ["an IPv6 address among those of IPv4", with4("fd00::5/24")],
  ["an IPv4 address among those of IPv6", network([ethernet("eno1", { ...management, ...six("10.0.0.5/64") })])],
  ["an address with a leading zero", with4("10.0.0.05/24")],
  ["a loopback address", with4("127.0.0.5/24")],
  ["a multicast address", with4("224.0.0.5/24")],
  ["an address that systems give themselves", with4("169.254.1.5/16")],
  ["the address of nobody", with4("0.0.0.0/24")],
  ["a reserved address", with4("250.0.0.5/24")],
  ["the address of the network", with4("10.0.0.0/24")],
  ["the broadcast address", with4("10.0.0.255/24")],
  ["the routers' address of an IPv6 network", network([{ ...management, ...six("fd00:1::/64") }])],
  ["a prefix of 33", with4("10.0.0.5/33")],
  ["a prefix of 0", with4("10.0.0.5/0")],
  ["a prefix that is no whole number", with4("10.0.0.5/24.5")],
  ["a prefix of 129", network([{ ...management, ...six("fd00:1::5/129") }])],
  ["an address twice on an interface", with4(["10.0.0.5/24", "10.0.0.5/16"])],
  ["an address on two interfaces", beside(ethernet("eno2", four("10.0.0.5/24")))],
  ["an address twice, in two forms", network([{ ...management, ...six(["fd00::5/64", "FD00:0::5/64"]) }])],
  ["two interfaces in one network", beside(ethernet("eno2", four("10.0.0.6/24")))],
  ["a network in another interface's", beside(ethernet("eno2", four("10.9.0.5/8")))],
  ["static without an address", beside(ethernet("eno2", four([])))],
  ["an address although IPv4 is off", beside(ethernet("eno2", four("10.2.0.5/24", { method: "none" })))],
];

const ways: Case[] = [
  ["a gateway that is a word", with4("10.0.0.5/24", { gateway: "router" })],
  ["a gateway of the other family", with4("10.0.0.5/24", { gateway: "fd00::1" })],
  ["a loopback gateway", with4("10.0.0.5/24", { gateway: "127.0.0.1" })],
  ["a gateway outside the network", with4("10.0.0.5/24", { gateway: "10.0.1.1" })],
  ["a gateway outside of two networks", with4(["10.0.0.5/24", "10.4.0.5/16"], { gateway: "10.5.0.1" })],
  ["a gateway that is the network's address", with4("10.0.0.5/24", { gateway: "10.0.0.0" })],
  ["a gateway that is the broadcast address", with4("10.0.0.5/24", { gateway: "10.0.0.255" })],
  ["a gateway that is the machine", with4("10.0.0.5/24", { gateway: "10.0.0.5" })],
  ["a gateway beside DHCP", network([ethernet("eno1", { ipv4: { ...noIpv4, method: "dhcp", gateway: "10.0.0.1" } })])],
  [
    "a gateway beside router advertisements",
    network([{ ...management, ipv6: { ...noIpv6, method: "auto", gateway: "fe80::1" } }]),
  ],
  ["a gateway without IPv4", beside(ethernet("eno2", { ipv4: { ...noIpv4, gateway: "10.3.0.1" } }))],
  ["two gateways", beside(ethernet("eno2", four("10.2.0.5/24", { gateway: "10.2.0.1" })))],
  ["a route to a word", withRoute({ to: "office" })],
  ["a route to an address without a prefix", withRoute({ to: "10.1.0.0" })],
  ["a route to a prefix of 40", withRoute({ to: "10.1.0.0/40" })],
  ["a route to everything", withRoute({ to: "0.0.0.0/0" })],
  ["a route with host bits", withRoute({ to: "10.1.2.3/16" })],
  ["a route via a word", withRoute({ via: "router" })],
  ["a route via the machine itself", withRoute({ via: "10.0.0.5" })],
  ["a route via a router elsewhere", withRoute({ via: "10.7.0.1" })],
  ["a route with a negative metric", withRoute({ metric: -1 })],
  ["a route twice", withRoute({}, {})],
  [
    "a route on two interfaces",
    network([
      ...withRoute({}).links,
      ethernet("eno2", four("10.2.0.5/24", { routes: [{ to: "10.1.0.0/16", via: "10.2.0.1", metric: null }] })),
    ]),
  ],
  [
    "a route without IPv4",
    beside(ethernet("eno2", { ipv4: { ...noIpv4, routes: [{ to: "10.1.0.0/16", via: null, metric: null }] } })),
  ],
  ["a name server by name", with4("10.0.0.5/24", { nameServers: ["dns.example.com"] })],
  ["a name server on the loopback", with4("10.0.0.5/24", { nameServers: ["127.0.0.53"] })],
  ["a name server of the other family", with4("10.0.0.5/24", { nameServers: ["fd00::53"] })],
  ["four name servers", with4("10.0.0.5/24", { nameServers: ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"] })],
  ["no name server", with4("10.0.0.5/24", { nameServers: [] })],
];

const bonds: Case[] = [
  ["an empty bond with an address", beside(bond("bond0", [], four("10.2.0.5/24")))],
  [
    "an empty bond below a VLAN and a bridge",
    beside(bond("bond0", []), vlan("bond0.10", "bond0", 10), bridge("br_bond0", ["bond0"])),
  ],
  ["one leg", beside(bond("bond0", ["p5p1"]))],
  ["a leg twice", beside(bond("bond0", ["p5p1", "p5p1"]))],
  ["a leg of two bonds", beside(bond("bond0", ["p5p1", "p5p2"]), bond("bond1", ["eno2", "p5p2"]))],
  ["a leg that is a port", beside(bridge("br0", ["p5p1"]), bond("bond0", ["p5p1", "p5p2"]))],
  [
    "a leg with addresses",
    beside(bond("bond0", ["p5p1", "p5p2"]), ethernet("p5p1", { ...four("10.2.0.5/24"), ...six("fd00::5/64") })),
  ],
  ["a leg with a VLAN", beside(bond("bond0", ["p5p1", "p5p2"]), vlan("p5p1.10", "p5p1", 10))],
  ["a leg that is a VLAN", beside(vlan("p5p1.10", "p5p1", 10), bond("bond0", ["p5p1.10", "p5p2"]))],
  ["a leg that is a tunnel", beside(bond("bond0", ["wg0", "p5p2"]))],
  ["a leg that the machine lacks", beside(bond("bond0", ["p5p1", "eth9"]))],
  ["legs of two speeds", beside(bond("bond0", ["eno2", "p5p1"]))],
  ["an option that nobody knows", withOptions({ miimon: "100", speed: "fast" })],
  ["the mode as an option", withOptions({ mode: "4" })],
  ["an option of an object's prototype", withOptions({ constructor: "1" })],
  ["an option of other modes", withOptions({ primary: "p5p1" })],
  ["lacp_rate without LACP", withOptions({ lacp_rate: "fast" }, "active-backup")],
  ["arp_interval with LACP", withOptions({ arp_interval: "100", arp_ip_target: "10.0.0.1" })],
  ["miimon that is a word", withOptions({ miimon: "often" })],
  ["miimon below 0", withOptions({ miimon: "-1" })],
  ["a hash policy that is none", withOptions({ xmit_hash_policy: "layer5" })],
  ["lacp_rate that is none", withOptions({ lacp_rate: "medium" })],
  ["a priority of 0", withOptions({ ad_actor_sys_prio: "0" })],
  ["a system that is no MAC address", withOptions({ ad_actor_system: "p5p1" })],
  [
    "arp targets that are names",
    withOptions({ arp_interval: "100", arp_ip_target: "router,10.0.0.1" }, "active-backup"),
  ],
  ["neighbour targets that are IPv4", withOptions({ arp_interval: "100", ns_ip6_target: "10.0.0.1" }, "active-backup")],
  ["arp_interval without targets", withOptions({ arp_interval: "100" }, "active-backup")],
  [
    "both ways of watching legs",
    withOptions({ miimon: "100", arp_interval: "100", arp_ip_target: "10.0.0.1" }, "balance-rr"),
  ],
  ["a delay without miimon", withOptions({ miimon: "0", updelay: "200" })],
  ["a primary that is no leg", withOptions({ primary: "eno2" }, "active-backup")],
];

const upper: Case[] = [
  ["VLAN 0", beside(vlan("eno2.0", "eno2", 0))],
  ["VLAN 4095", beside(vlan("eno2.4095", "eno2", 4095))],
  ["VLAN 1.5", beside(vlan("eno2.x", "eno2", 1.5))],
  ["a VLAN twice", beside(vlan("eno2.10", "eno2", 10), vlan("storage", "eno2", 10))],
  ["a VLAN on nothing", beside(vlan("bond0.10", "bond0", 10))],
  ["a VLAN on a VLAN on a VLAN", beside(vlan("eno2.1", "eno2", 1), vlan("b", "eno2.1", 2), vlan("c", "b", 3))],
  ["a VLAN on itself", beside(vlan("a", "a", 1))],
  ["VLANs in a ring", beside(vlan("a", "b", 1), vlan("b", "c", 2), vlan("c", "a", 3))],
  ["a bridge over a VLAN over the bridge", beside(bridge("br0", ["br0.10"]), vlan("br0.10", "br0", 10))],
  ["a port twice", beside(bridge("br0", ["eno2", "eno2"]))],
  ["a port of two bridges", beside(bridge("br0", ["eno2"]), bridge("br1", ["eno2"]))],
  ["a port that is not there", beside(bridge("br0", ["bond0"]))],
  ["a port that is a bridge", beside(bridge("br0", ["eno2"]), bridge("br1", ["br0"]))],
  ["a bridge that is its own port", beside(bridge("br0", ["br0"]))],
  ["a port with an address", beside(ethernet("eno2", four("10.2.0.5/24")), bridge("br0", ["eno2"]))],
];

const mtus: Case[] = [
  ["an MTU of 67", beside(ethernet("eno2", { mtu: 67 }))],
  ["an MTU of 9217", beside(ethernet("eno2", { mtu: 9217 }))],
  ["an MTU that is no number", beside(ethernet("eno2", { mtu: Number.NaN }))],
  ["an MTU that the card does not take", beside(ethernet("eno2", { mtu: 9216 }))],
  ["an MTU that a leg does not take", beside(bond("bond0", ["p5p1", "p5p2"], { mtu: 9216 }))],
  ["an MTU too small for IPv6", beside(ethernet("eno2", { mtu: 1279, ...six("fd00::5/64") }))],
  ["a VLAN's MTU above its parent's", beside(vlan("eno2.10", "eno2", 10, { mtu: 9000 }))],
  [
    "a bridge's MTU above its port's",
    beside(ethernet("eno2", { mtu: 1400 }), bridge("br0", ["p5p1", "eno2"], { mtu: 1500 })),
  ],
  ["a leg's MTU that is not the bond's", beside(bond("bond0", ["p5p1", "p5p2"]), ethernet("p5p1", { mtu: 9000 }))],
];

export const wrongNetworks: readonly Case[] = [
  ...node,
  ...names,
  ...addresses,
  ...ways,
  ...bonds,
  ...upper,
  ...mtus,
].map(([what, configuration, hardware = server]): Case => [what, configuration, hardware]);

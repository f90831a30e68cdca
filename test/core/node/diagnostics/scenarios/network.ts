import type { Link } from "../../../../../core/model/facts.ts";
import { healthy, inet, link, pinged } from "../machine.ts";
import type { Scenario } from "./scenario.ts";

const { network } = healthy;

type Legs = NonNullable<Link["bond"]>["legs"];
function bonded(mode: string, legs: Partial<Legs[number]>[], speeds: number[] = []) {
  const names = legs.map((_, i) => `enp129s0f${i}np${i}`);
  const all = legs.map((leg, i) => ({
    link: names[i] ?? "",
    up: true,
    active: true,
    failures: 0,
    partnerMac: "00:1c:73:aa:bb:cc",
    ...leg,
  }));
  return {
    facts: {
      network: {
        ...network,
        links: [
          link("bond0", { kind: "bond", bond: { mode, legs: all }, management: true, addresses: [inet("10.0.0.5")] }),
          ...all.map(({ link: name, up }, i) =>
            link(name, { master: "bond0", carrier: up, speedMbps: up ? (speeds[i] ?? 10_000) : null }),
          ),
        ],
      },
    },
    files: { "/proc/net/bonding/bond0": "Bonding Mode: x\ndetails partner lacp pdu:\n    system priority: 1\n" },
  };
}

const managementLink = (links: Link[], gateways = network.gateways) => ({
  facts: { network: { ...network, links, gateways } },
});

export const networkScenarios: Scenario[] = [
  {
    name: "a bond whose legs all work",
    code: "BOND.OK",
    outcome: "passed",
    ...bonded("802.3ad", [{}, {}]),
    values: { bonds: "bond0" },
  },
  { name: "a bond without legs", code: "BOND.NO_LEGS", outcome: "failed", ...bonded("active-backup", []) },
  {
    name: "a bond that is down",
    code: "BOND.DOWN",
    outcome: "failed",
    ...bonded("active-backup", [{ up: false }, { up: false }]),
  },
  {
    name: "a leg without carrier, with the switch port that it had",
    code: "BOND.LEG_DOWN",
    outcome: "failed",
    ...bonded("active-backup", [{}, { up: false }]),
    facts: {
      ...bonded("active-backup", [{}, { up: false }]).facts,
      neighbours: [
        { link: "enp129s0f1np1", system: "leaf-switch-12.dc1.example.com", port: "TenGigabitEthernet1/0/48" },
      ],
    },
    values: {
      bond: "bond0",
      working: "1/2",
      leg: "enp129s0f1np1 (leaf-switch-12.dc1.example.com TenGigabitEthernet1/0/48)",
    },
  },
  {
    name: "a switch that does not speak LACP",
    code: "BOND.NO_PARTNER",
    outcome: "failed",
    ...bonded("802.3ad", [{ partnerMac: null }, { partnerMac: null }]),
    values: { bond: "bond0", legs: "enp129s0f0np0, enp129s0f1np1" },
  },
  {
    name: "legs that end in two switches",
    code: "BOND.PARTNERS_DIFFER",
    outcome: "failed",
    ...bonded("802.3ad", [{}, { partnerMac: "00:1c:73:dd:ee:ff" }]),
    values: { bond: "bond0", legs: "enp129s0f0np0 00:1c:73:aa:bb:cc, enp129s0f1np1 00:1c:73:dd:ee:ff" },
  },
  {
    name: "legs of different speeds",
    code: "BOND.SPEEDS_DIFFER",
    outcome: "warning",
    ...bonded("balance-rr", [{}, {}], [25_000, 1000]),
    values: { bond: "bond0", legs: "enp129s0f0np0 25G, enp129s0f1np1 1G" },
  },
  {
    name: "management on the default route's link",
    code: "MGMT.OK",
    outcome: "passed",
    values: { link: "eno1", address: "10.0.0.5" },
  },
  {
    name: "a management interface that was renamed",
    code: "MGMT.LINK_MISSING",
    outcome: "failed",
    ...managementLink([link("enp2s0"), link("lo", { kind: "loopback" })]),
    files: { "/etc/binnacle/node.json": '{"role":"compute","managementLink":"eth0"}' },
    values: { link: "eth0", there: "enp2s0" },
  },
  {
    name: "a management interface without carrier",
    code: "MGMT.NO_CARRIER",
    outcome: "failed",
    ...managementLink([link("eno1", { management: true, carrier: false })]),
  },
  {
    name: "a management interface without address",
    code: "MGMT.NO_ADDRESS",
    outcome: "failed",
    ...managementLink([link("eno1", { management: true, addresses: [{ ...inet("169.254.1.1"), scope: "link" }] })]),
  },
  {
    name: "the default route on another interface",
    code: "MGMT.OTHER_ROUTE",
    outcome: "warning",
    ...managementLink(
      [
        link("br_bond0.1234", {
          management: true,
          addresses: [{ ...inet("2001:db8:aaaa:bbbb:1111:2222:3333:4444"), family: "inet6" }],
        }),
      ],
      [{ link: "enp129s0f1np1", address: "10.9.0.1", family: "inet" }],
    ),
    values: { link: "br_bond0.1234", route: "enp129s0f1np1" },
  },
  {
    name: "an address that nobody else has",
    code: "ADDRESS.OK",
    outcome: "passed",
    values: { address: "10.0.0.5", link: "eno1" },
  },
  {
    name: "an address that another machine has",
    code: "ADDRESS.DUPLICATE",
    outcome: "failed",
    commands: [
      [
        /^arping -D -c 2 -w 3 -I eno1 10\.0\.0\.5$/,
        {
          code: 1,
          stdout:
            "ARPING 10.0.0.5 from 0.0.0.0 eno1\nUnicast reply from 10.0.0.5 [52:54:00:AA:BB:CC]  0.712ms\nSent 1 probes (1 broadcast(s))\n",
        },
      ],
    ],
    values: { address: "10.0.0.5", link: "eno1", mac: "52:54:00:aa:bb:cc" },
  },
  {
    name: "a path that carries what the interface does",
    code: "MTU.OK",
    outcome: "passed",
    commands: [[/^ping -n -c 2 -i 0.2 -w 1 -M do -s 1472 -I eno1 -- 10\.0\.0\.1$/, pinged(2)]],
    values: { link: "eno1", mtu: "1500", gateway: "10.0.0.1" },
  },
  {
    name: "a switch whose MTU is smaller than the interface's",
    code: "MTU.SMALLER",
    outcome: "failed",
    ...managementLink(
      [link("enp129s0f1np1.1234", { management: true, mtu: 9000 })],
      [{ link: "enp129s0f1np1.1234", address: "2001:db8:aaaa:bbbb:1111:2222:3333:4444", family: "inet6" }],
    ),
    commands: [
      [/^ping .* -s (1232|1452) -I enp129s0f1np1\.1234 -- 2001:/, pinged(2)],
      [/^ping /, { code: 1, stdout: pinged(0) }],
    ],
    values: { link: "enp129s0f1np1.1234", mtu: "9000", passes: "1500" },
  },
];

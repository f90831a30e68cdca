import type { Draft, NetworkAnswers } from "../../../core/model/installation/draft.ts";
import type { EtcFile } from "./files.ts";

const folder = "/etc/NetworkManager/system-connections";
type Section = readonly [name: string, values: Readonly<Record<string, string | number>>];

/** Longest name of an interface that the kernel takes (IFNAMSIZ, without the NUL). */
const longestName = 15;

/** The interface that has the management address; null: no network. */
export function managementLink({ links, bond, vlan }: NetworkAnswers): string | null {
  const base = bond?.name ?? links[0];
  if (base === undefined) return null;
  return vlan === null ? base : vlanName(base, vlan);
}

function vlanName(base: string, vlan: number): string {
  const name = `${base}.${vlan}`;
  return name.length <= longestName ? name : `vlan${vlan}`;
}

/**
 * NetworkManager's key files of the management connection, from the cable up: the legs of a bond, the bond or the
 * interface, the VLAN on it. Source: nm-settings-keyfile(5), NetworkManager 1.52.
 */
export function networkFiles({ network }: Pick<Draft, "network">, newUuid: () => string): EtcFile[] {
  const { links, bond, vlan } = network;
  const top = managementLink(network);
  const [first] = links;
  if (top === null || first === undefined) return [];
  const base = bond?.name ?? first;
  const addresses = addressSections(network);
  const baseAddresses = vlan === null ? addresses : noAddresses;
  const files =
    bond === null
      ? [
          keyFile(base, vlan === null ? "management" : "carrier", "ethernet", newUuid, [
            ["ethernet", {}],
            ...baseAddresses,
          ]),
        ]
      : [
          keyFile(base, vlan === null ? "management" : "carrier", "bond", newUuid, [
            ["bond", bondOptions[bond.mode]],
            ...baseAddresses,
          ]),
          ...links.map((leg) => legFile(leg, bond.name, newUuid)),
        ];
  if (vlan === null) return files;
  return [...files, keyFile(top, "management", "vlan", newUuid, [["vlan", { id: vlan, parent: base }], ...addresses])];
}

/** The modes' options are those that the node's own commands set: miimon 100 ms. */
const bondOptions = {
  "active-backup": { mode: "active-backup", miimon: 100 },
  "802.3ad": { mode: "802.3ad", miimon: 100, xmit_hash_policy: "layer2+3" },
} as const;

const noAddresses: Section[] = [
  ["ipv4", { method: "disabled" }],
  ["ipv6", { method: "disabled" }],
];

function legFile(leg: string, bond: string, newUuid: () => string): EtcFile {
  const connection = {
    id: `leg-${leg}`,
    uuid: newUuid(),
    type: "ethernet",
    "interface-name": leg,
    master: bond,
    "slave-type": "bond",
  };
  return fileOf(`leg-${leg}`, [
    ["connection", connection],
    ["ethernet", {}],
  ]);
}

function keyFile(link: string, id: string, type: string, newUuid: () => string, sections: readonly Section[]): EtcFile {
  const connection = { id, uuid: newUuid(), type, "interface-name": link, "autoconnect-priority": 10 };
  return fileOf(id, [["connection", connection], ...sections]);
}

function addressSections({ ipv4, ipv6, nameServers }: NetworkAnswers): Section[] {
  const servers = (isV6: boolean) => nameServers.filter((server) => server.includes(":") === isV6);
  const dns = (isV6: boolean): Record<string, string> => {
    const own = servers(isV6);
    // Given servers are asked alone, not beside those of DHCP.
    return own.length === 0 ? {} : { dns: `${own.join(";")};`, "ignore-auto-dns": "true" };
  };
  const four: Record<string, string> =
    ipv4.method === "static"
      ? {
          method: "manual",
          address1: `${ipv4.address}/${ipv4.prefix}${ipv4.gateway === null ? "" : `,${ipv4.gateway}`}`,
        }
      : { method: ipv4.method === "dhcp" ? "auto" : "disabled" };
  const six: Record<string, string> =
    ipv6.method === "static"
      ? {
          method: "manual",
          address1: `${ipv6.address}/${ipv6.prefix}${ipv6.gateway === null ? "" : `,${ipv6.gateway}`}`,
        }
      : { method: ipv6.method === "none" ? "disabled" : ipv6.method };
  return [
    ["ipv4", { ...four, ...(ipv4.method === "none" ? {} : dns(false)) }],
    ["ipv6", { ...six, ...(ipv6.method === "none" ? {} : dns(true)) }],
  ];
}

function fileOf(name: string, sections: readonly Section[]): EtcFile {
  const text = sections
    .map(([section, values]) => {
      const lines = Object.entries(values).map(([key, value]) => `${key}=${value}`);
      return [`[${section}]`, ...lines, ""].join("\n");
    })
    .join("\n");
  // NetworkManager ignores key files that others may read.
  return { path: `${folder}/${name}.nmconnection`, mode: 0o600, text };
}

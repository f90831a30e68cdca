import { type LinkSettings, type NetworkConfiguration, noIpv4 } from "../../../core/model/network/configuration.ts";
import type { NetworkOperation } from "../../../core/model/network/operation.ts";
import type { Random } from "../random.ts";

/** Something that a person may ask of a node, and whether it can't work. */
export type Change = { readonly operations: readonly NetworkOperation[]; readonly mustFail?: true };

/** Names of a bed's cards, as they are when it begins: that of the management network, and another one. */
export type Cards = { readonly first: string; readonly second: string };

const gateway = "10.0.0.1";
/** Another machine has it. */
export const takenAddress = "10.0.0.77";
/** Nobody has it. */
const silentGateway = "10.0.0.200";

type Make = (now: NetworkConfiguration, random: Random, cards: Cards) => Change | undefined;

/** Each changes something, and done twice comes back; undefined: there is nothing to do it with at the moment. */
export const makeChange = {
  address(now, random) {
    const own = management(now);
    const all = Array.from({ length: 20 }, (_, index) => `10.0.0.${10 + index}`);
    const free = all.filter((each) => each !== addressOf(own));
    return { operations: [address(own.name, random.pick(free), own.ipv4.gateway)] };
  },
  gateway(now) {
    const own = management(now);
    return { operations: [address(own.name, addressOf(own), own.ipv4.gateway === null ? gateway : null)] };
  },
  mtu(now) {
    const { name, mtu } = management(now);
    return { operations: [{ do: "mtu", link: name, mtu: mtu === null ? 1400 : null }] };
  },
  bridge(now) {
    const own = management(now);
    if (own.kind !== "bridge") return { operations: [{ do: "bridge", link: "br_lan", port: own.name }] };
    const [port = ""] = own.bridge.ports;
    return { operations: [{ do: "delete", link: own.name, kind: "bridge" }, ...moved(own, port)] };
  },
  rename(now, _, { first }) {
    const card = cardBelow(now, management(now).name);
    return { operations: [{ do: "rename", link: card, to: card === first ? "lan0" : first }] };
  },
  "second card": (now, _, { second }) => ({
    operations: now.links.some(({ name }) => name === second)
      ? [{ do: "delete", link: second, kind: "ethernet" }]
      : [address(second, "10.5.0.9", null)],
  }),
  bond: (now) => ({
    operations: now.links.some(({ name }) => name === "bond0")
      ? [{ do: "delete", link: "bond0", kind: "bond" }]
      : [
          { do: "bond", link: "bond0", mode: "802.3ad", options: { miimon: "100" }, change: false },
          { do: "attach", bond: "bond0", leg: "p5p1" },
          { do: "attach", bond: "bond0", leg: "p5p2" },
          address("bond0", "192.168.93.3", null),
        ],
  }),
  vlan: (now, _, { second }) => ({
    operations: now.links.some(({ kind }) => kind === "vlan")
      ? [{ do: "delete", link: `${second}.30`, kind: "vlan" }]
      : [{ do: "vlan", parent: second, id: 30 }, address(`${second}.30`, "10.30.0.9", null)],
  }),
  "management bond": (now) => {
    const own = management(now);
    if (own.kind === "bridge") return undefined;
    if (own.kind === "bond") {
      const [leg = ""] = own.bond.legs;
      return { operations: [{ do: "delete", link: own.name, kind: "bond" }, ...moved(own, leg)] };
    }
    return {
      operations: [
        { do: "bond", link: "lan1", mode: "active-backup", options: { miimon: "100" }, change: false },
        { do: "attach", bond: "lan1", leg: own.name },
        address("lan1", addressOf(own), own.ipv4.gateway),
      ],
    };
  },
  "wrong gateway": (now) => {
    const own = management(now);
    return { operations: [address(own.name, addressOf(own), silentGateway)], mustFail: true };
  },
  "taken address": (now) => {
    const own = management(now);
    return { operations: [address(own.name, takenAddress, own.ipv4.gateway)], mustFail: true };
  },
} as const satisfies Record<string, Make>;
export type OperationName = keyof typeof makeChange;

/** Whether an interface is one that these changes make and take away. */
export function isMade(link: string): boolean {
  return ["br_lan", "bond0", "lan1"].includes(link) || link.endsWith(".30");
}

export function addressOf({ ipv4 }: Pick<LinkSettings, "ipv4">): string {
  return ipv4.addresses[0]?.address ?? "";
}

export function management({ links, managementLink }: NetworkConfiguration): LinkSettings {
  const link = links.find(({ name }) => name === managementLink);
  if (link === undefined) throw new Error(`There is no management link ${managementLink}.`);
  return link;
}

function cardBelow(now: NetworkConfiguration, name: string): string {
  const link = now.links.find((each) => each.name === name);
  if (link?.kind === "bridge") return cardBelow(now, link.bridge.ports[0] ?? "");
  return link?.kind === "bond" ? (link.bond.legs[0] ?? "") : name;
}

function address(link: string, text: string, by: string | null): NetworkOperation {
  const addresses = [{ address: text, prefix: 24 }];
  return { do: "address", link, ipv4: { ...noIpv4, method: "static", addresses, gateway: by } };
}

/** What a link had goes to another one, and the management network with it. */
function moved(from: LinkSettings, to: string): NetworkOperation[] {
  return [
    { do: "address", link: to, ipv4: from.ipv4 },
    { do: "management", link: to },
  ];
}

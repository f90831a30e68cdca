import { legOptions } from "./bond-options.ts";
import type { LinkSettings, NetworkConfiguration, NetworkHardware } from "./configuration.ts";
import type { NetworkOperation } from "./operation.ts";

/* New names of interfaces, followed to every place that names one. */

/** The new name by the old one. */
export type Renames = ReadonlyMap<string, string>;

/**
 * The configuration under new names, all of them at once. A VLAN interface PARENT.ID keeps to its parent's name; the
 * names that it gets are in `renames` of the result.
 */
export function renamed(
  configuration: NetworkConfiguration,
  asked: Renames,
): { configuration: NetworkConfiguration; renames: Renames } {
  const renames = withVlans(configuration, asked);
  const to = (name: string) => renames.get(name) ?? name;
  const { managementLink, links } = configuration;
  return {
    configuration: {
      ...configuration,
      managementLink: managementLink === null ? null : to(managementLink),
      links: links.map((link) => renamedLink(link, to)),
    },
    renames,
  };
}

function renamedLink(link: LinkSettings, to: (name: string) => string): LinkSettings {
  const name = to(link.name);
  switch (link.kind) {
    case "ethernet":
      return { ...link, name };
    case "vlan":
      return { ...link, name, vlan: { ...link.vlan, parent: to(link.vlan.parent) } };
    case "bridge":
      return { ...link, name, bridge: { ...link.bridge, ports: link.bridge.ports.map(to) } };
    case "bond": {
      const options = { ...link.bond.options };
      for (const option of legOptions) {
        const leg = options[option];
        if (leg !== undefined) options[option] = to(leg);
      }
      return { ...link, name, bond: { ...link.bond, options, legs: link.bond.legs.map(to) } };
    }
  }
}

function withVlans(configuration: NetworkConfiguration, asked: Renames): Renames {
  const renames = new Map(asked);
  // A VLAN on a VLAN follows the one below it, which may stand behind it.
  for (let before = -1; before !== renames.size; ) {
    before = renames.size;
    for (const link of configuration.links) {
      if (link.kind !== "vlan" || renames.has(link.name)) continue;
      const parent = renames.get(link.vlan.parent);
      if (parent === undefined || link.name !== `${link.vlan.parent}.${link.vlan.id}`) continue;
      renames.set(link.name, `${parent}.${link.vlan.id}`);
    }
  }
  return renames;
}

/** The machine as it will be: a draft with new names is checked against it. */
export function renamedHardware(hardware: NetworkHardware, renames: Renames): NetworkHardware {
  return { ...hardware, links: hardware.links.map((link) => ({ ...link, name: renames.get(link.name) ?? link.name })) };
}

/** The names that would have to change places, as `[eno1, eno2]`; undefined where none has to. */
export function swapIn(renames: Renames): [string, ...string[]] | undefined {
  for (const first of renames.keys()) {
    const names: [string, ...string[]] = [first];
    for (let name = renames.get(first); name !== undefined && !names.includes(name); name = renames.get(name))
      names.push(name);
    if (renames.get(names.at(-1) ?? first) === first) return names;
  }
  return;
}

/** What operations rename, end to end: of eno1 to lan, lan to lan0 there is eno1 to lan0. */
export function renamesOf(operations: readonly NetworkOperation[]): Renames {
  const renames = new Map<string, string>();
  for (const operation of operations) {
    if (operation.do !== "rename") continue;
    const first = [...renames].find(([, to]) => to === operation.link)?.[0] ?? operation.link;
    if (first === operation.to) renames.delete(first);
    else renames.set(first, operation.to);
  }
  return renames;
}

import { createHash } from "node:crypto";
import { longestInterfaceName } from "../../../model/address.ts";
import type { Segment } from "../../nic-spec.ts";
import { hostAddress, mtuTooSmall, networkFailed, noInterface, taken } from "./errors.ts";
import { cardEnds, findLink, kindOf, type Link, type Links, ownAddresses, ownGroup } from "./links.ts";
import type { Mtus } from "./mtus.ts";

/*
 * The bridge of a network: the one that an administrator has made on its interface, or one of ours. Those of ours, and
 * VLANs of ours, go with the last machine that needs them: a host whose networks come and go for years keeps none, and
 * an interface that nothing uses is free for something else. They are made again within a few milliseconds.
 */

/** `br_eth0`, on a VLAN `br_eth0.10`; a longer one than the kernel takes is a short one that is always the same. */
export function bridgeName({ physicalInterface, vlan }: Segment): string {
  return fitting(`br_${lowerName(physicalInterface, vlan)}`, "br-");
}

function lowerName(physicalInterface: string, vlan: number | null): string {
  return vlan === null ? physicalInterface : `${physicalInterface}.${vlan}`;
}

function fitting(name: string, start: string): string {
  if (name.length <= longestInterfaceName) return name;
  return `${start}${createHash("sha256")
    .update(name)
    .digest("hex")
    .slice(0, longestInterfaceName - start.length)}`;
}

export class Bridges {
  readonly #links: Links;
  readonly #mtus: Mtus;

  constructor(links: Links, mtus: Mtus) {
    this.#links = links;
    this.#mtus = mtus;
  }

  /**
   * The name of the network's bridge, which is there and up when this resolves; whatever is missing is made.
   * @throws HYPERVISOR.NETWORK_NO_INTERFACE, NETWORK_HOST_ADDRESS, NETWORK_TAKEN, NETWORK_MTU, NETWORK_FAILED
   */
  async ensure(segment: Segment): Promise<string> {
    const { physicalInterface, vlan, mtu } = segment;
    const all = await this.#links.all();
    const physical = findLink(all, physicalInterface);
    if (physical === undefined) throw noInterface(physicalInterface);
    const lower = vlan === null ? physical : await this.#vlan(all, physical, vlan);
    // Somebody has made a bridge and named it.
    if (kindOf(lower) === "bridge") return this.#asItIs(lower, mtu);
    const found = lower.master === undefined ? undefined : findLink(all, lower.master);
    if (found !== undefined && kindOf(found) !== "bridge")
      throw taken(lower.ifname, `it is a part of ${found.ifname} (${kindOf(found) ?? "no bridge"})`);
    if (found !== undefined && found.group !== ownGroup) return this.#asItIs(found, mtu);
    if (found === undefined) {
      const own = ownAddresses(lower);
      if (own.length > 0)
        throw hostAddress(
          lower.ifname,
          own.map(({ local, prefixlen }) => `${local}/${prefixlen}`),
        );
    }
    await this.#raise(physical, mtu);
    if (lower !== physical) await this.#raise(lower, mtu);
    return this.#ours(all, segment, lower, found);
  }

  async #vlan(all: readonly Link[], physical: Link, vlan: number): Promise<Link> {
    const isIt = (one: Link) =>
      kindOf(one) === "vlan" && one.link === physical.ifname && one.linkinfo?.info_data?.id === vlan;
    const there = all.find(isIt);
    if (there !== undefined) return there;
    const name = fitting(lowerName(physical.ifname, vlan), "vl-");
    if (findLink(all, name) !== undefined) throw taken(name, "an interface that is something else has this name");
    const kind = ["type", "vlan", "id", String(vlan)];
    await this.#links.ip("link", "add", "link", physical.ifname, "name", name, "group", ownGroup, ...kind);
    const made = (await this.#links.all()).find(isIt);
    if (made === undefined) throw networkFailed(`The VLAN ${name} is not there after it was made.`);
    return made;
  }

  /** The administrator's: it is for them to say how it is set up. */
  #asItIs({ ifname, mtu }: Link, wanted: number): string {
    if (mtu < wanted) throw mtuTooSmall(ifname, mtu, wanted);
    return ifname;
  }

  /** Up, and wide enough. */
  async #raise(link: Link, wanted: number): Promise<void> {
    const { ifname, flags, group } = link;
    const isUp = flags.includes("UP");
    if (group === ownGroup && !isUp) await this.#links.silence(ifname);
    await this.#mtus.raise(link, wanted);
    if (!isUp) await this.#links.ip("link", "set", "dev", ifname, "up");
  }

  /**
   * The name by which machines know the network's bridge: the same on all hosts, so that a card finds it on the host that
   * its machine is moved to, whatever an administrator has called it there. On a bridge of theirs it is a second name; where
   * it is taken, the bridge's own. @param bridge as {@link ensure} has given it
   */
  async commonName(segment: Segment, bridge: string): Promise<string> {
    const name = bridgeName(segment);
    if (name === bridge) return name;
    const there = findLink(await this.#links.all(), name);
    if (there?.ifname === bridge) return name;
    if (there?.ifname === name) return bridge;
    const property = (what: "add" | "del", dev: string) =>
      this.#links.try("ip", ["link", "property", what, "dev", dev, "altname", name]);
    // The interface has come to another bridge since.
    if (there !== undefined) await property("del", there.ifname);
    return (await property("add", bridge)).code === 0 ? name : bridge;
  }

  async #ours(all: readonly Link[], segment: Segment, lower: Link, found: Link | undefined): Promise<string> {
    const name = found?.ifname ?? bridgeName(segment);
    const there = found ?? (await this.#named(all, name));
    if (there !== undefined && (kindOf(there) !== "bridge" || there.group !== ownGroup))
      throw taken(lower.ifname, `${name} is there already, and ${lower.ifname} is no port of it`);
    // All of it was done before: up is what it becomes last.
    const isWhole = lower.master === name && there?.flags.includes("UP") === true && there.mtu >= segment.mtu;
    if (isWhole) return name;
    if (there === undefined) {
      const kind = ["type", "bridge", "stp_state", "0", "forward_delay", "0"];
      await this.#links.ip("link", "add", "name", name, "group", ownGroup, ...kind);
    }
    // Not up yet: one that an agent was killed at is finished.
    if (there?.flags.includes("UP") !== true) await this.#links.silence(name);
    // Before it has ports: said later, and the same as it has then, it would follow the narrowest of them.
    const mtu = String(Math.max(segment.mtu, there?.mtu ?? 0));
    await this.#links.ip("link", "set", "dev", name, "mtu", mtu);
    if (lower.master === undefined) await this.#links.ip("link", "set", "dev", lower.ifname, "master", name);
    await this.#links.ip("link", "set", "dev", name, "up");
    return name;
  }

  /** The interface of a name; one that has it as a second name from former times gives it back. */
  async #named(all: readonly Link[], name: string): Promise<Link | undefined> {
    const there = findLink(all, name);
    if (there === undefined || there.ifname === name) return there;
    await this.#links.ip("link", "property", "del", "dev", there.ifname, "altname", name);
    return undefined;
  }

  /**
   * Puts the host's ends of machines' cards back onto their bridges, off which NetworkManager 1.52 takes them when it is
   * given a profile for a bridge of ours.
   * @param bridges of the cards, by their MAC addresses
   */
  async replug(bridges: ReadonlyMap<string, string>): Promise<void> {
    const all = await this.#links.all();
    for (const [ifname, mac] of cardEnds(all, bridges.keys())) {
      const bridge = bridges.get(mac);
      if (bridge !== undefined && findLink(all, ifname)?.master !== bridge)
        await this.#links.ip("link", "set", "dev", ifname, "master", bridge);
    }
  }

  /**
   * Takes the word from cards on bridges that speak STP themselves: BPDUs come to such a bridge past all rules. A card that
   * sends one is cut off by the kernel until its machine starts anew. @param macs of the cards
   */
  async shield(macs: Iterable<string>): Promise<void> {
    const all = await this.#links.all();
    for (const ifname of cardEnds(all, macs).keys()) {
      const { master } = findLink(all, ifname) ?? {};
      const state = master === undefined ? undefined : findLink(all, master)?.linkinfo?.info_data?.stp_state;
      if (typeof state === "number" && state !== 0)
        await this.#links.ip("link", "set", "dev", ifname, "type", "bridge_slave", "guard", "on");
    }
  }

  /** Removes bridges and VLANs of ours, but for those of these names and what stands below them, or is used by others. */
  async removeOthers(needed: ReadonlySet<string>): Promise<void> {
    const all = await this.#links.all();
    const ours = all.filter(({ group, ifname }) => group === ownGroup && !needed.has(ifname));
    for (const bridge of ours.filter((one) => kindOf(one) === "bridge")) {
      const ports = all.filter(({ master }) => master === bridge.ifname);
      // An administrator's configuration that has come over it since has made it theirs.
      if (ownAddresses(bridge).length > 0 || isUsedByOthers(ports)) continue;
      await this.#links.ip("link", "delete", "dev", bridge.ifname);
    }
    const left = await this.#links.all();
    for (const { ifname } of ours.filter((one) => kindOf(one) === "vlan")) {
      const vlan = findLink(left, ifname);
      if (vlan !== undefined && vlan.master === undefined && ownAddresses(vlan).length === 0)
        await this.#links.ip("link", "delete", "dev", ifname);
    }
  }
}

/** Whether there is more on a bridge than what it stands on: a card of a machine, or what somebody has plugged in. */
function isUsedByOthers(ports: readonly Link[]): boolean {
  const foreign = ports.filter(({ group }) => group !== ownGroup);
  const standsOnOurs = ports.some((port) => port.group === ownGroup && kindOf(port) === "vlan");
  return foreign.length > (standsOnOurs ? 0 : 1) || foreign.some((port) => kindOf(port) === "tun");
}

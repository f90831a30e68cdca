import { join } from "node:path";
import { NodeError } from "../../model/error.ts";
import type { Machine } from "../../node/machine.ts";
import { Turns } from "../../node/turns.ts";
import type { MachineReport } from "../driver.ts";
import { type FirewallCommand, FirewallOrder } from "../firewall.ts";
import type { NicSpec, Segment } from "../nic-spec.ts";
import { Bridges } from "./network/bridges.ts";
import { CardGuard } from "./network/card-guard.ts";
import { DhcpServers } from "./network/dhcp.ts";
import { type DhcpServer, isClient } from "./network/dhcp-files.ts";
import { networkFailed } from "./network/errors.ts";
import { FirewallNote } from "./network/firewall-note.ts";
import { Links } from "./network/links.ts";
import { type MachineNote, MachineNotes } from "./network/machine-notes.ts";
import { Mtus } from "./network/mtus.ts";

export type HostNetworksOptions = {
  machine: Pick<Machine, "run" | "now" | "monotonicMs">;
  /** For notes of machines and files of dnsmasq; in memory, so that it is empty after a start of the host. */
  folder: string;
};

/** Where the networks of an installed node have their files. */
export const networksFolder = "/run/binnacle-networks";

/** Between two looks after everything: events of machines come by dozens. */
const thoroughMs = 50_000;

/** The bridges of a machine's cards by their device ids, by the names that they have on all hosts. */
export type CardBridges = ReadonlyMap<number, string>;

/**
 * The networks of the machines that are on this host: bridges, VLANs, what guests may send, DHCP. What has to be there
 * follows from the notes of machines that are on; whatever is missing is made, whatever nobody needs goes, and what a
 * killed agent has left half made is either.
 */
export class HostNetworks {
  readonly #machine: HostNetworksOptions["machine"];
  readonly #notes: MachineNotes;
  readonly #bridges: Bridges;
  readonly #mtus: Mtus;
  readonly #dhcp: DhcpServers;
  readonly #guard: CardGuard;
  readonly #firewall: FirewallNote;
  readonly #order = new FirewallOrder();
  readonly #turns = new Turns();
  /** Machines that are being started: that libvirt does not say they run means nothing. */
  readonly #starting = new Set<string>();
  /** When all of it was looked after. */
  #thoroughAt: number | undefined;
  /** The cards that everything was made to fit last, and their bridges; undefined when something of it may be missing. */
  #fitted: { cards: string; bridges: ReadonlyMap<string, string> } | undefined;

  constructor({ machine, folder }: HostNetworksOptions) {
    const links = new Links(machine);
    this.#machine = machine;
    this.#notes = new MachineNotes(join(folder, "machines"));
    this.#mtus = new Mtus(links, join(folder, "mtus.json"));
    this.#bridges = new Bridges(links, this.#mtus);
    this.#dhcp = new DhcpServers(links, join(folder, "dhcp"));
    this.#guard = new CardGuard(links);
    this.#firewall = new FirewallNote(folder);
  }

  /**
   * Makes the networks of a machine and calls `start` with its cards' bridges; they stay while it is on. When `start`
   * fails, {@link settle} has to say what became of the machine.
   * @throws HYPERVISOR.NETWORK_*, of which nothing is left then; what `start` throws
   */
  async starting<T>(uuid: string, nics: readonly NicSpec[], start: (bridges: CardBridges) => Promise<T>): Promise<T> {
    this.#starting.add(uuid);
    try {
      const started = await start(await this.#make(uuid, nics));
      // What it is not told now it is told with the next look after everything.
      await this.#bridges.shield(nics.map(({ mac }) => mac)).catch(() => undefined);
      return started;
    } finally {
      this.#starting.delete(uuid);
    }
  }

  /** Makes the networks of a machine that comes from another host; they stay until {@link arrived}. @throws HYPERVISOR.NETWORK_* */
  async expecting(uuid: string, nics: readonly NicSpec[]): Promise<void> {
    this.#starting.add(uuid);
    try {
      await this.#make(uuid, nics);
    } catch (error) {
      this.#starting.delete(uuid);
      throw error;
    }
  }

  /** It is here, or does not come: {@link settle} finds out. */
  arrived(uuid: string): void {
    this.#starting.delete(uuid);
  }

  /** The same for a machine that is started again as it was. */
  async startingAgain<T>(uuid: string, start: () => Promise<T>): Promise<T> {
    const note = await this.#notes.get(uuid);
    return note === undefined ? start() : this.starting(uuid, note.nics, start);
  }

  /**
   * Makes the networks of a machine that runs and is to have these cards from now on, and calls `plug` with their bridges.
   * When that fails, all is as it was. @throws HYPERVISOR.NETWORK_*, what `plug` throws
   */
  async plugging(uuid: string, nics: readonly NicSpec[], plug: (bridges: CardBridges) => Promise<void>): Promise<void> {
    const before = await this.#notes.get(uuid);
    this.#starting.add(uuid);
    try {
      const bridges = await this.#make(uuid, nics, { isOn: true });
      await plug(bridges).catch(async (error: unknown) => {
        await this.#turns.take(() => this.#takeBack(uuid, before, { isOn: true })).catch(() => undefined);
        throw error;
      });
    } finally {
      this.#starting.delete(uuid);
    }
  }

  /** A machine that runs has these cards, and no others any more: what only those needed goes. */
  unplugged(uuid: string, nics: readonly NicSpec[]): Promise<void> {
    return this.#turns.take(async () => {
      const note = await this.#notes.get(uuid);
      if (note === undefined) return;
      await this.#notes.put({ ...note, nics: [...nics] });
      await this.#fit([]);
    });
  }

  /**
   * What libvirt has is compared with what is there, which is made to fit. Whether servers do what they were told is
   * looked at the first time, and after some time again. @throws HYPERVISOR.NETWORK_*
   */
  settle(machines: () => Promise<readonly MachineReport[]>): Promise<void> {
    return this.#turns.take(async () => {
      // One that is started meanwhile would be taken for one that is off.
      const starting = new Set(this.#starting);
      const states = new Map((await machines()).map(({ uuid, state }) => [uuid, state]));
      for (const note of await this.#notes.all()) {
        const state = states.get(note.uuid);
        if (starting.has(note.uuid) || this.#starting.has(note.uuid)) continue;
        const isOn = state === "running" || state === "paused";
        if (state === undefined) await this.#notes.remove(note.uuid);
        else if (isOn !== note.isOn) await this.#notes.put({ ...note, isOn });
      }
      const now = this.#machine.monotonicMs();
      const isThorough = this.#thoroughAt === undefined || now - this.#thoroughAt > thoroughMs;
      if (!isThorough && (await this.#fitsStill())) return;
      await this.#fit(isThorough ? undefined : []);
      if (isThorough) this.#thoroughAt = now;
    });
  }

  /** What the cards in security groups let in and out from now on. @throws HYPERVISOR.FIREWALL_OLD, HYPERVISOR.NETWORK_* */
  setFirewall({ revision, firewall }: FirewallCommand): Promise<void> {
    return this.#turns.take(async () => {
      this.#order.check(revision, this.#machine.monotonicMs());
      await this.#firewall.put(firewall);
      const cards = (await this.#notes.all()).filter(({ isOn }) => isOn).flatMap((note) => note.nics);
      if (cards.length > 0) await this.#guard.guard(cards, firewall, { isThorough: false });
    });
  }

  /** Of a host that can't keep the rules of security groups, cards that are in none are no worse off. */
  async #guardCards(cards: readonly NicSpec[], nics: readonly NicSpec[] | undefined): Promise<void> {
    const firewall = await this.#firewall.get();
    const isThorough = nics === undefined;
    const inGroup = new Set(firewall.cards.map(({ mac }) => mac));
    await this.#guard.guard(cards, firewall, { isThorough }).catch((error: unknown) => {
      const isShut = error instanceof NodeError && error.code === "HYPERVISOR.NETWORK_FIREWALL";
      if (!isShut || isThorough || nics.some(({ mac }) => inGroup.has(mac))) throw error;
    });
  }

  /** @param was whether the machine runs, also when this fails @throws HYPERVISOR.NETWORK_* */
  #make(uuid: string, nics: readonly NicSpec[], was = { isOn: false }): Promise<CardBridges> {
    return this.#turns.take(async () => {
      const before = await this.#notes.get(uuid);
      if (nics.length === 0 && before === undefined) return new Map();
      try {
        await this.#notes.put({ uuid, at: this.#machine.now(), isOn: true, nics: [...nics] });
        const bridges = await this.#fit(nics);
        const names = new Map<number, string>();
        for (const { deviceId, segment } of nics)
          names.set(deviceId, await this.#bridges.commonName(segment, bridges.get(keyOf(segment)) ?? ""));
        return names;
      } catch (error) {
        await this.#takeBack(uuid, before, was).catch(() => undefined);
        if (error instanceof NodeError) throw error;
        throw networkFailed("its files could not be written or read.", error);
      }
    });
  }

  async #takeBack(uuid: string, before: MachineNote | undefined, was: { isOn: boolean }): Promise<void> {
    if (before === undefined) await this.#notes.remove(uuid);
    else await this.#notes.put({ ...before, ...was });
    await this.#fit([]);
  }

  /** Whether the cards are still those that everything fits: then only what others do to their ends is put right. */
  async #fitsStill(): Promise<boolean> {
    const cards = await this.#cards();
    const fitted = this.#fitted;
    if (fitted === undefined || fitted.cards !== JSON.stringify(cards)) return false;
    if (cards.length > 0) await this.#bridges.replug(bridgesOfCards(cards, fitted.bridges)).catch(() => undefined);
    return true;
  }

  async #cards(): Promise<NicSpec[]> {
    return (await this.#notes.all()).filter(({ isOn }) => isOn).flatMap((note) => note.nics);
  }

  /**
   * Makes what is there fit the notes. With `nics` their networks are seen to, without all; what has changed, or is not
   * needed any more, in any case. A network that can't be made does not keep the others from it.
   * @returns bridges by {@link keyOf}
   * @throws the first reason why a network that is seen to can't be made
   */
  async #fit(nics?: readonly NicSpec[]): Promise<Map<string, string>> {
    this.#fitted = undefined;
    const cards = await this.#cards();
    const segments = new Set(nics?.map(({ segment }) => keyOf(segment)));
    const networks = new Set(nics?.map(({ l3NetworkUuid }) => l3NetworkUuid));
    const errors: unknown[] = [];
    let isWhole = true;
    const trying = async (matters: boolean, action: () => Promise<void>) => {
      await action().catch((error: unknown) => {
        isWhole = false;
        if (matters) errors.push(error);
      });
    };
    const bridges = new Map<string, string>();
    for (const segment of segmentsOf(cards)) {
      const key = keyOf(segment);
      await trying(nics === undefined || segments.has(key), async () => {
        bridges.set(key, await this.#bridges.ensure(segment));
      });
    }
    await trying(nics === undefined, () => this.#bridges.replug(bridgesOfCards(cards, bridges)));
    await trying(nics === undefined, () => this.#bridges.shield(cards.map(({ mac }) => mac)));
    await trying(nics === undefined || nics.length > 0, () => this.#guardCards(cards, nics));
    const servers = serversOf(cards, bridges);
    const isAsked = (server: DhcpServer) => nics === undefined || networks.has(server.l3NetworkUuid);
    let guarded: readonly DhcpServer[] = [];
    await trying(servers.some(isAsked), async () => {
      await this.#dhcp.guard(servers);
      guarded = servers;
    });
    // Without the rules none may be plugged in.
    for (const server of guarded)
      await trying(isAsked(server), () => this.#dhcp.ensure(server, { isThorough: isAsked(server) }));
    await trying(nics === undefined, async () => {
      // A server whose bridge can't be made now stays as it is.
      await this.#dhcp.removeOthers(new Set(cards.filter(isClient).map(({ l3NetworkUuid }) => l3NetworkUuid)));
      await this.#bridges.removeOthers(new Set(bridges.values()));
      await this.#mtus.lower(segmentsOf(cards));
    });
    if (errors.length > 0) throw errors[0];
    if (isWhole) this.#fitted = { cards: JSON.stringify(cards), bridges };
    return bridges;
  }
}

/** Each network once; the widest of those that say different things. */
function segmentsOf(cards: readonly NicSpec[]): Segment[] {
  const segments = new Map<string, Segment>();
  for (const { segment } of cards) {
    const known = segments.get(keyOf(segment));
    if (known === undefined || known.mtu < segment.mtu) segments.set(keyOf(segment), segment);
  }
  return [...segments.values()];
}

function keyOf({ physicalInterface, vlan }: Segment): string {
  return `${physicalInterface}.${vlan ?? "-"}`;
}

function bridgesOfCards(cards: readonly NicSpec[], bridges: ReadonlyMap<string, string>): Map<string, string> {
  return new Map(
    cards.flatMap(({ mac, segment }) => {
      const bridge = bridges.get(keyOf(segment));
      return bridge === undefined ? [] : [[mac, bridge] as const];
    }),
  );
}

/** Of two cards that say different things of their network, the one that was started last is right. */
function serversOf(cards: readonly NicSpec[], bridges: ReadonlyMap<string, string>): DhcpServer[] {
  const servers = new Map<string, DhcpServer>();
  for (const card of cards) {
    const bridge = bridges.get(keyOf(card.segment));
    if (bridge === undefined || !isClient(card)) continue;
    const { l3NetworkUuid, dhcpServer, segment } = card;
    const clients = [...(servers.get(l3NetworkUuid)?.clients ?? []), card];
    servers.set(l3NetworkUuid, { l3NetworkUuid, bridge, mtu: segment.mtu, ...dhcpServer, clients });
  }
  return [...servers.values()];
}

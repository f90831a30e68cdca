import { type HostFirewall, noFirewall } from "../../firewall.ts";
import type { NicSpec } from "../../nic-spec.ts";
import { type CardEnds, cardRules, endsOf } from "./card-rules.ts";
import { firewallChains, type GuardedCard, shutChains } from "./firewall-rules.ts";
import { cardEnds, kindOf, type Link, type Links, ownAddresses, ownGroup } from "./links.ts";

/** Keeps the rules of the cards of this host's machines in the kernel, where they stay while no agent runs. */
export class CardGuard {
  readonly #links: Links;
  /** What this agent has loaded last; undefined when it is not known what is there. */
  #loaded: string | undefined;

  constructor(links: Links) {
    this.#links = links;
  }

  /**
   * Loads the rules of these cards, all of them at once, before any of them is there. What was loaded already is loaded
   * again only when it `isThorough`: somebody may have taken it away.
   * @throws HYPERVISOR.NETWORK_FIREWALL when cards that are in a security group had to be shut off; NETWORK_FAILED
   */
  async guard(
    cards: readonly NicSpec[],
    firewall: HostFirewall,
    { isThorough }: { isThorough: boolean },
  ): Promise<void> {
    const macs = cards.map(({ mac }) => mac);
    const all = macs.length === 0 ? [] : await this.#links.all();
    const ends = cardEnds(all, macs);
    const guarded = guardedCards(cards, firewall, ends);
    const rules = cardRules(cards, ends, firewallChains(firewall, guarded, ownBridges(all)));
    if (rules === this.#loaded && (!isThorough || macs.length === 0)) return;
    this.#loaded = undefined;
    const load = () => this.#links.must("nft", ["-f", "-"], { input: rules });
    // A host that never had a card needs no nft.
    if (macs.length === 0) await load().catch(() => undefined);
    else
      await load().catch(async (error: unknown) => {
        if (guarded.length === 0) throw error;
        // The kernel may have had no memory for it at that moment, which is no reason to cut machines off.
        if (
          await load().then(
            () => true,
            () => false,
          )
        )
          return;
        const shut = cardRules(cards, ends, shutChains(guarded));
        await this.#links.must("nft", ["-f", "-"], { input: shut });
        throw noFirewall(error);
      });
    this.#loaded = rules;
  }
}

function guardedCards(cards: readonly NicSpec[], firewall: HostFirewall, ends: CardEnds): GuardedCard[] {
  const groups = new Map(firewall.cards.map(({ mac, groupUuids }) => [mac, groupUuids]));
  const macs = [...new Set(cards.map(({ mac }) => mac))].sort();
  return macs.flatMap((mac) => {
    const groupUuids = groups.get(mac);
    return groupUuids === undefined ? [] : [{ mac, groupUuids, ends: endsOf(mac, ends) }];
  });
}

/** Those on which the host itself says nothing, so that its own connections are not among their cards'. */
function ownBridges(all: readonly Link[]): string[] {
  return all
    .filter((one) => kindOf(one) === "bridge" && one.group === ownGroup && ownAddresses(one).length === 0)
    .map(({ ifname }) => ifname)
    .sort();
}

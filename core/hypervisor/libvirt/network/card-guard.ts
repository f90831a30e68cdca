import { type HostFirewall, noFirewall, rulesStay } from "../../firewall.ts";
import type { NicSpec } from "../../nic-spec.ts";
import { type CardEnds, cardRules, cardTable, endsOf } from "./card-rules.ts";
import { connectionRules, noConnectionRules } from "./connection-limit.ts";
import { cardChain, firewallChains, type GuardedCard, shutChains } from "./firewall-rules.ts";
import { hostRouterRules, noRouterRules, routerRules } from "./link-local-rules.ts";
import { cardEnds, kindOf, type Link, type Links, ownAddresses, ownGroup } from "./links.ts";

/** Of cards that are shut off while the table of the cards can't be replaced. */
const shutTable = "bridge binnacle_shut";
const noShutTable = `table ${shutTable}\ndelete table ${shutTable}\n`;

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
   * again only when it `isThorough`: somebody may have taken it away. When the kernel does not take them, the former ones
   * still hold for the cards that are in them; what is to be in a group, and is not, is shut off.
   * @throws HYPERVISOR.NETWORK_FIREWALL when this host can't keep rules of security groups: cards in one are shut off, all
   * others have their rules; NETWORK_FAILED when these rules are not loaded for another reason
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
    const rules = noShutTable + cardRules(cards, ends, firewallChains(firewall, guarded, ownBridges(all)));
    if (rules === this.#loaded && (!isThorough || macs.length === 0)) return;
    this.#loaded = undefined;
    // A host that never had a card needs no nft.
    if (macs.length === 0) await this.#load(noRouterRules + noConnectionRules + rules).catch(() => undefined);
    else
      await this.#load(rules)
        // The kernel may have had no memory for it at that moment, which is no reason to cut machines off.
        .catch(() => this.#load(rules))
        .catch(async (error: unknown) => {
          if (guarded.length === 0) throw error;
          await this.#withoutThem(cards, ends, guarded, error);
        });
    // They need more of the kernel than the others, and guests are held to much without them.
    if (macs.length > 0)
      await this.#load(routerRules)
        .catch(() => this.#load(hostRouterRules))
        .catch(() => undefined);
    if (macs.length > 0)
      await this.#load(guarded.length > 0 ? connectionRules() : noConnectionRules).catch(() => undefined);
    this.#loaded = rules;
  }

  /** @throws in any case: the rules are not those that are wanted */
  async #withoutThem(
    cards: readonly NicSpec[],
    ends: CardEnds,
    guarded: readonly GuardedCard[],
    error: unknown,
  ): Promise<never> {
    const chains = await this.#links.must("nft", ["list", "chains", "bridge"]);
    const former = new RegExp(`^table ${cardTable} \\{\\n([\\s\\S]*?)^\\}`, "m").exec(chains)?.[1] ?? "";
    const isKept = ({ mac }: GuardedCard) => former.includes(`chain ${cardChain("in", mac)} {`);
    if (!guarded.some(isKept)) {
      await this.#load(noShutTable + cardRules(cards, ends, shutChains(guarded)));
      throw noFirewall(error);
    }
    const others = guarded.filter((card) => !isKept(card));
    if (others.length > 0)
      await this.#load(`${noShutTable}table ${shutTable} {\n${shutChains(others).join("\n")}\n}\n`);
    throw rulesStay(error);
  }

  #load(rules: string): Promise<string> {
    return this.#links.must("nft", ["-f", "-"], { input: rules });
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

import type { NicSpec } from "../../nic-spec.ts";
import { cardRules } from "./card-rules.ts";
import { cardEnds, type Links } from "./links.ts";

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
   * again only when it `isThorough`: somebody may have taken it away. @throws HYPERVISOR.NETWORK_FAILED
   */
  async guard(cards: readonly NicSpec[], { isThorough }: { isThorough: boolean }): Promise<void> {
    const macs = cards.map(({ mac }) => mac);
    const ends = macs.length === 0 ? new Map<string, string>() : cardEnds(await this.#links.all(), macs);
    const rules = cardRules(cards, ends);
    if (rules === this.#loaded && (!isThorough || macs.length === 0)) return;
    this.#loaded = undefined;
    const load = this.#links.must("nft", ["-f", "-"], { input: rules });
    // A host that never had a card needs no nft.
    await (macs.length === 0 ? load.catch(() => undefined) : load);
    this.#loaded = rules;
  }
}

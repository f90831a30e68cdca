import { type FirewallCommand, FirewallOrder, type HostFirewall } from "../firewall.ts";
import type { SimulatedState } from "./state.ts";

/** What the cards of a simulated host let in and out: kept, and obeyed by nobody, for they send nothing. */
export class SimulatedFirewall {
  readonly #state: SimulatedState;
  readonly #order = new FirewallOrder();

  constructor(state: SimulatedState) {
    this.#state = state;
  }

  /** As it was told last. */
  get rules(): HostFirewall {
    return this.#state.firewall;
  }

  async set({ revision, firewall }: FirewallCommand, wait: () => Promise<void>): Promise<void> {
    await wait();
    this.#order.check(revision, performance.now());
    await this.#state.putFirewall(firewall);
  }
}

import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { textOrNothing, writeDurably } from "../../../node/durable.ts";
import { type HostFirewall, hostFirewall, openFirewall } from "../../firewall.ts";
import { networkFailed } from "./errors.ts";

/** What the manager has said last of the firewall of this host's cards; in memory, as the machines are. */
export class FirewallNote {
  readonly #folder: string;
  #known: HostFirewall | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @throws HYPERVISOR.NETWORK_FAILED when it can't be read: nobody knows which cards are to be open then */
  async get(): Promise<HostFirewall> {
    this.#known ??= await this.#read();
    return this.#known;
  }

  async put(firewall: HostFirewall): Promise<void> {
    this.#known = undefined;
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o755 });
      if (firewall.cards.length === 0) await rm(this.#file, { force: true });
      else await writeDurably(this.#file, JSON.stringify(firewall));
    } catch (error) {
      throw networkFailed("The rules of security groups could not be noted.", error);
    }
    this.#known = firewall;
  }

  async #read(): Promise<HostFirewall> {
    const text = await textOrNothing(this.#file);
    if (text === undefined) return openFirewall;
    try {
      return hostFirewall.parse(JSON.parse(text));
    } catch (error) {
      throw networkFailed("The note of the rules of security groups can't be read.", error);
    }
  }

  get #file(): string {
    return join(this.#folder, "firewall.json");
  }
}

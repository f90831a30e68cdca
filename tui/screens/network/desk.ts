import type { NetworkState } from "../../../core/api/contract.ts";
import type { Link } from "../../../core/model/facts.ts";
import {
  type LinkSettings,
  linkOf,
  masterOf,
  type NetworkConfiguration,
} from "../../../core/model/network/configuration.ts";
import { hasEnded } from "../../../core/model/network/transaction.ts";
import { valueOf } from "../../../core/model/reading.ts";
import { orderLinks } from "../home/links.ts";
import type { Control } from "../screen.ts";

/** An interface: as it is, as it is configured, or both. */
export type DeskLink = {
  name: string;
  /** How far it is indented below the bond that it is a leg of. */
  depth: number;
  /** As it is now; undefined when it is configured and not there. */
  link: Link | undefined;
  settings: LinkSettings | undefined;
  /** Configured by other means, and left alone: what it is. */
  other: string | undefined;
};

/** What the screens of the network work with: the configuration that is in force, beside the facts. */
export class NetworkDesk {
  readonly #control: Control;
  #known: NetworkState | undefined;
  #loading: Promise<void> | undefined;
  /** What a key has asked for before the configuration was there. */
  #asked: (() => void) | undefined;
  /** The change after whose end it was read. */
  #readAfter: string | undefined;

  constructor(control: Control) {
    this.#control = control;
  }

  get configuration(): NetworkConfiguration | undefined {
    return this.#known?.configuration;
  }

  /** Reads the configuration; what was known before stays until the answer comes. */
  load(): Promise<void> {
    this.#loading ??= this.#read();
    return this.#loading;
  }

  async #read(): Promise<void> {
    this.#readAfter = this.#ended;
    const answer = await this.#control.attempt(() => this.#control.client.call("network", {}));
    this.#loading = undefined;
    if (answer !== undefined) {
      this.#known = answer;
      this.#control.redraw();
    }
    // A change may have ended meanwhile.
    this.changed();
  }

  /** Does what a key asks for, now or when the configuration has come: the list is there before it. The last key counts. */
  whenKnown(act: () => void): void {
    if (this.configuration !== undefined) {
      act();
      return;
    }
    const isWaiting = this.#asked !== undefined;
    this.#asked = act;
    if (isWaiting) return;
    void this.load().then(() => {
      const asked = this.#asked;
      this.#asked = undefined;
      if (this.configuration !== undefined) asked?.();
    });
  }

  /** To be called when the state has changed: what another console has done is seen here too. */
  changed(): void {
    if (this.#ended !== this.#readAfter) void this.load();
  }

  get #ended(): string | undefined {
    const change = this.#control.view().state.networkChange;
    return change !== undefined && hasEnded(change.transaction) ? change.transaction.id : undefined;
  }

  /** Interfaces that somebody configures: not loopback, not what virtual machines bring with them. */
  links(): DeskLink[] {
    const present = valueOf(this.#control.view().state.facts.network)?.links ?? [];
    const configuration = this.configuration;
    const shown = orderLinks(present).filter(
      ({ link }) => !["loopback", "virtual", "tunnel"].includes(link.kind) || this.settingsOf(link.name) !== undefined,
    );
    const rows = shown.map(({ link, depth }) => this.#row(link.name, depth, link));
    const absent = (configuration?.links ?? []).filter(({ name }) => !present.some((link) => link.name === name));
    return [...rows, ...absent.map(({ name }) => this.#row(name, 0, undefined))];
  }

  find(name: string): DeskLink | undefined {
    return this.links().find((link) => link.name === name);
  }

  settingsOf(name: string): LinkSettings | undefined {
    return this.configuration === undefined ? undefined : linkOf(this.configuration, name);
  }

  /** The bond or bridge that an interface is configured to belong to. */
  masterOf(name: string): LinkSettings | undefined {
    return this.configuration === undefined ? undefined : masterOf(this.configuration, name);
  }

  /** Whether an interface carries the management network. */
  isManagement({ name, link }: DeskLink): boolean {
    return this.configuration?.managementLink === name || link?.management === true;
  }

  #row(name: string, depth: number, link: Link | undefined): DeskLink {
    const other = this.#known?.others.find((each) => each.link === name)?.what;
    return { name, depth, link, settings: this.settingsOf(name), other };
  }
}

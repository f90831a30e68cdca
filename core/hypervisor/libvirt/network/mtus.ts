import { mkdir, rm } from "node:fs/promises";
import { dirname } from "node:path";
import * as z from "zod/mini";
import { temporaryOf, textOrNothing, writeDurably } from "../../../node/durable.ts";
import type { Segment } from "../../nic-spec.ts";
import { mtuTooSmall } from "./errors.ts";
import { findLink, kindOf, type Link, type Links, ownGroup } from "./links.ts";

/** What interfaces that are not ours had before, and what they were given; by their names. */
const note = z.record(z.string(), z.strictObject({ former: z.int(), given: z.int() }));
type Note = z.infer<typeof note>;

/**
 * How long packets may be on the interfaces that networks of machines stand on: as long as the widest network there needs
 * them, and as they were before when it is gone. What somebody else has given an interface since is left as it is.
 */
export class Mtus {
  readonly #links: Links;
  readonly #file: string;

  /** @param file for the note, in memory as the interfaces' own figures are */
  constructor(links: Links, file: string) {
    this.#links = links;
    this.#file = file;
  }

  /** Wide enough; never narrower than it is, for other networks may be on it. @throws HYPERVISOR.NETWORK_MTU */
  async raise({ ifname, mtu, group }: Link, wanted: number): Promise<void> {
    if (mtu >= wanted) return;
    if (group !== ownGroup) {
      const all = await this.#read();
      const known = all[ifname];
      const former = known?.given === mtu ? known.former : mtu;
      // Before it is so: one that an agent was killed at is given back all the same.
      await this.#write({ ...all, [ifname]: { former, given: wanted } });
    }
    await this.#set(ifname, wanted).catch((error: unknown) => {
      throw mtuTooSmall(ifname, mtu, wanted, error);
    });
  }

  /** Gives back what none of these networks needs any more, after what stood on it is gone. @throws HYPERVISOR.NETWORK_FAILED */
  async lower(segments: readonly Segment[]): Promise<void> {
    const noted = await this.#read();
    const all = await this.#links.all();
    const needed = neededMtus(all, segments);
    for (const { ifname, group, mtu } of all) {
      const own = group === ownGroup ? needed.get(ifname) : undefined;
      // Of an administrator's bridge it is theirs to say.
      if (own !== undefined && own < mtu) await this.#set(ifname, own);
    }
    const left: Note = {};
    for (const [name, { former, given }] of Object.entries(noted)) {
      const link = findLink(all, name);
      if (link === undefined || link.mtu !== given) continue;
      const target = Math.max(former, needed.get(link.ifname) ?? 0, ...othersOn(all, link, needed));
      if (target < given) await this.#set(name, target);
      if (target > former) left[name] = { former, given: Math.min(target, given) };
    }
    if (Object.keys(left).length === 0 || JSON.stringify(left) !== JSON.stringify(noted)) await this.#write(left);
  }

  async #set(ifname: string, mtu: number): Promise<void> {
    await this.#links.ip("link", "set", "dev", ifname, "mtu", String(mtu));
  }

  /** One that can't be read is none: what was raised stays so. */
  async #read(): Promise<Note> {
    try {
      const text = await textOrNothing(this.#file);
      return text === undefined ? {} : note.parse(JSON.parse(text));
    } catch {
      return {};
    }
  }

  async #write(all: Note): Promise<void> {
    if (Object.keys(all).length === 0) {
      // Nor is anything left of an agent that was killed while it noted something.
      for (const file of [this.#file, temporaryOf(this.#file)]) await rm(file, { force: true });
      return;
    }
    await mkdir(dirname(this.#file), { recursive: true, mode: 0o755 });
    await writeDurably(this.#file, JSON.stringify(all));
  }
}

/** What networks need of the interfaces that they stand on, by the interfaces' names. */
function neededMtus(all: readonly Link[], segments: readonly Segment[]): Map<string, number> {
  const needed = new Map<string, number>();
  const need = (one: Link | undefined, mtu: number) => {
    if (one !== undefined) needed.set(one.ifname, Math.max(mtu, needed.get(one.ifname) ?? 0));
  };
  for (const { physicalInterface, vlan, mtu } of segments) {
    const physical = findLink(all, physicalInterface);
    need(physical, mtu);
    const lower =
      vlan === null
        ? physical
        : all.find(
            (one) => kindOf(one) === "vlan" && one.link === physical?.ifname && one.linkinfo?.info_data?.id === vlan,
          );
    need(lower, mtu);
    need(lower?.master === undefined ? undefined : findLink(all, lower.master), mtu);
  }
  return needed;
}

/** What else stands on an interface: VLANs of others, and a bridge, also one of ours that others use by now. */
function othersOn(all: readonly Link[], { ifname, master }: Link, needed: ReadonlyMap<string, number>): number[] {
  return all
    .filter((one) => !needed.has(one.ifname) && (one.link === ifname || one.ifname === master))
    .map(({ mtu }) => mtu);
}

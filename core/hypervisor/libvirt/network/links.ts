import * as z from "zod/mini";
import type { Machine, RunOptions, RunResult } from "../../../node/machine.ts";
import { networkFailed } from "./errors.ts";

/* The kernel's interfaces, by `ip`. Source: ip-link(8), ip-address(8). */

/**
 * Interfaces of ours are in this group from the moment on in which they are made: an agent that is started anew knows
 * them by it, and what an administrator has made is left alone.
 */
export const ownGroup = "7070";

/** How the host's end of a machine's card is named: by its MAC address, so that its rules are there before it is. */
export const cardPrefix = "bnc";
/** As libvirt names it where nothing is said: machines that a former version has started. */
export const unnamedCardPrefix = "vnet";

/** The longest name that the kernel takes. libvirt leaves one alone that does not begin as its own do. */
export function cardName(mac: string): string {
  return `${cardPrefix}${mac.replaceAll(":", "")}`;
}

/** The cards whose host's ends are among these interfaces, by the ends' names. @param macs of the cards */
export function cardEnds(all: readonly Link[], macs: Iterable<string>): Map<string, string> {
  // libvirt gives them the card's MAC address with another first byte.
  const ends = new Map(Array.from(macs, (mac) => [`fe${mac.slice(2)}`, mac]));
  const isEnd = (name: string) => name.startsWith(cardPrefix) || name.startsWith(unnamedCardPrefix);
  return new Map(
    all.flatMap(({ ifname, address = "" }) => {
      const mac = isEnd(ifname) ? ends.get(address) : undefined;
      return mac === undefined ? [] : [[ifname, mac] as const];
    }),
  );
}

const changeMs = 10_000;

const link = z.object({
  ifname: z.string(),
  altnames: z._default(z.array(z.string()), []),
  /** What it stands on, for a VLAN. */
  link: z.optional(z.string()),
  master: z.optional(z.string()),
  group: z._default(z.string(), "default"),
  mtu: z.int(),
  address: z.optional(z.string()),
  flags: z.array(z.string()),
  linkinfo: z.optional(
    z.object({
      info_kind: z.optional(z.string()),
      info_data: z.optional(z.object({ id: z.optional(z.unknown()), stp_state: z.optional(z.unknown()) })),
    }),
  ),
  addr_info: z._default(
    z.array(
      z.object({
        family: z.string(),
        local: z.optional(z.string()),
        scope: z.string(),
        prefixlen: z.optional(z.int()),
      }),
    ),
    [],
  ),
});
export type Link = z.infer<typeof link>;
type AddressOfLink = Link["addr_info"][number];

// Of a name that is being taken away `ip` gives empty objects.
const links = z.array(z.union([link, z.strictObject({})]));

export class Links {
  readonly #machine: Pick<Machine, "run">;

  constructor(machine: Pick<Machine, "run">) {
    this.#machine = machine;
  }

  /** All of them, with their addresses. @throws HYPERVISOR.NETWORK_FAILED */
  async all(namespace?: string): Promise<Link[]> {
    const where = namespace === undefined ? [] : ["-n", namespace];
    const text = await this.ip(...where, "-json", "-details", "address", "show");
    const parsed = links.safeParse(JSON.parse(text || "[]"));
    if (!parsed.success) throw networkFailed("The answer of ip can't be read.", parsed.error);
    return parsed.data.filter((one): one is Link => "ifname" in one);
  }

  /** What `ip` says. @throws HYPERVISOR.NETWORK_FAILED with its own words */
  ip(...args: string[]): Promise<string> {
    return this.must("ip", args);
  }

  async must(program: string, args: readonly string[], more: Partial<RunOptions> = {}): Promise<string> {
    const { code, stdout, stderr } = await this.try(program, args, more);
    if (code === 0) return stdout;
    throw networkFailed(`${program} ${args.slice(0, 8).join(" ")}: ${stderr.trim().slice(0, 500) || `status ${code}`}`);
  }

  /** The same, whatever the status. @throws HYPERVISOR.NETWORK_FAILED when it can't be run */
  async try(program: string, args: readonly string[], more: Partial<RunOptions> = {}): Promise<RunResult> {
    try {
      return await this.#machine.run(program, args, { timeoutMs: changeMs, ...more });
    } catch (error) {
      throw networkFailed(`${program} could not be run.`, error);
    }
  }

  /** No address by itself and no word of IPv6 on an interface that only carries frames. */
  async silence(name: string, namespace?: string): Promise<void> {
    const setting = `net/ipv6/conf/${name}/disable_ipv6=1`;
    const command = ["sysctl", "-q", "-w", setting];
    // A kernel without IPv6 has no such setting, and needs none.
    if (namespace === undefined) await this.try("sysctl", command.slice(1));
    else await this.try("ip", ["netns", "exec", namespace, ...command]);
  }
}

export function kindOf(one: Link): string | undefined {
  return one.linkinfo?.info_kind;
}

/** Addresses that somebody has given it; what the kernel makes of itself for each link is none. */
export function ownAddresses(one: Link): AddressOfLink[] {
  return one.addr_info.filter(({ scope }) => scope !== "link" && scope !== "host");
}

export function findLink(all: readonly Link[], name: string): Link | undefined {
  return all.find(({ ifname, altnames }) => ifname === name || altnames.includes(name));
}

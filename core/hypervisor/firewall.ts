import * as z from "zod/mini";
import { parseAddress } from "../model/address.ts";
import { count, mac, uuid, uuids } from "../model/cloud/fields.ts";
import { NodeError } from "../model/error.ts";

/* What the cards of one host let in and out, as its agent is told: typed values, of which it makes rules. */

const port = z.int().check(z.minimum(1), z.maximum(65_535));
/** Of one family, the first not after the last. */
const range = z
  .tuple([z.string().check(z.maxLength(45)), z.string().check(z.maxLength(45))])
  .check(z.refine(([first, last]) => isRange(first, last)));
export type AddressRange = z.infer<typeof range>;

function isRange(first: string, last: string): boolean {
  const [from, to] = [parseAddress(first), parseAddress(last)];
  return from !== undefined && to !== undefined && from.family === to.family && from.value <= to.value;
}

/** Something that is let through. `peer` null: whoever is at the other end. */
const firewallRule = z.strictObject({
  way: z.enum(["in", "out"]),
  protocol: z.enum(["all", "tcp", "udp", "icmp"]),
  /** First and last at the destination; null: all. */
  ports: z.nullable(z.tuple([port, port])),
  peer: z.nullable(z.union([z.strictObject({ range }), z.strictObject({ groupUuid: uuid })])),
});
export type FirewallRule = z.infer<typeof firewallRule>;

export const hostFirewall = z.strictObject({
  /** The cards of its machines that are in a group. What none of their rules names is dropped; all others are open. */
  cards: z.array(z.strictObject({ mac, groupUuids: uuids.check(z.minLength(1)) })).check(z.maxLength(65_536)),
  groups: z
    .array(z.strictObject({ uuid, rules: z.array(firewallRule).check(z.maxLength(1024)) }))
    .check(z.maxLength(65_536)),
  /** Addresses of the cards in groups that rules name, on whatever host, as few ranges as there can be. */
  members: z.array(z.strictObject({ groupUuid: uuid, ranges: z.array(range) })).check(z.maxLength(65_536)),
});
export type HostFirewall = z.infer<typeof hostFirewall>;

export const openFirewall: HostFirewall = { cards: [], groups: [], members: [] };

export const firewallCommands = [
  /**
   * Replaces all that the host was told of its cards' firewall, at one stroke. `revision`: of the records that it was made
   * of; one that is older than what the host was told a short time ago is refused. The same one again is a success.
   */
  z.strictObject({ do: z.literal("setFirewall"), revision: count, firewall: hostFirewall }),
] as const;
export type FirewallCommand = z.infer<(typeof firewallCommands)[number]>;

/** Several managers may tell at the same moment; a backup that is restored begins with older revisions. */
const orderMs = 60_000;

/** Keeps what is older from replacing what is newer. */
export class FirewallOrder {
  #last: { revision: number; at: number } | undefined;

  /** @param now milliseconds that never step @throws HYPERVISOR.FIREWALL_OLD */
  check(revision: number, now: number): void {
    const last = this.#last;
    if (last !== undefined && revision < last.revision && now - last.at < orderMs)
      throw new NodeError("HYPERVISOR.FIREWALL_OLD", "This host has newer rules of the security groups already.", {
        remedy: "Nothing: it is told again what holds.",
        values: { revision, newer: last.revision },
      });
    this.#last = { revision, at: now };
  }
}

/** Whatever a machine needs of new rules it does not get: it is not started. */
export function rulesStay(cause: unknown): NodeError {
  return new NodeError(
    "HYPERVISOR.NETWORK_FAILED",
    "The kernel has not taken the new rules of the machines' cards: the former ones hold, and cards without are shut off.",
    {
      remedy: "See how much memory the host has left, and its kernel's log; they are tried again by themselves.",
      cause,
    },
  );
}

export function noFirewall(cause: unknown): NodeError {
  return new NodeError(
    "HYPERVISOR.NETWORK_FIREWALL",
    "This host can't keep the rules of security groups: cards that are in one are shut off.",
    {
      remedy:
        "See that its kernel has nf_conntrack_bridge, nft_ct and nft_meta_bridge (Linux 5.3 and later), or take the cards " +
        "out of their groups.",
      cause,
    },
  );
}

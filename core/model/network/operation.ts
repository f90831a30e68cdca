import * as z from "zod/mini";
import { bondModes, ipv4Settings, ipv6Settings, ownAddress, route } from "./configuration.ts";

/*
 * What a person asks for. A draft is the present configuration with operations carried out on it, in order: so a
 * console that was opened an hour ago can't undo by accident what somebody else has changed since.
 */

const name = z.string().check(z.maxLength(256));

export const networkOperation = z.discriminatedUnion("do", [
  /**
   * Sets the addresses of a link; makes an entry for a physical one that has none. A family left out stays as it is.
   * `others`: from a form that shows neither further addresses nor routes. Those that are in force when the operation is
   * carried out stay, whatever stands here; they go with a family that is switched off.
   */
  z.object({
    do: z.literal("address"),
    link: name,
    ipv4: z.optional(ipv4Settings),
    ipv6: z.optional(ipv6Settings),
    others: z.optional(z.literal("stay")),
  }),
  /**
   * Adds one address to those of a link (`before` null), takes one away (`after` null), or puts another one in its
   * place: all others stay, whatever somebody else has made of them meanwhile.
   */
  z.object({
    do: z.literal("oneAddress"),
    link: name,
    before: z.nullable(ownAddress),
    after: z.nullable(ownAddress),
  }),
  /** The same with one route. */
  z.object({ do: z.literal("oneRoute"), link: name, before: z.nullable(route), after: z.nullable(route) }),
  z.object({ do: z.literal("mtu"), link: name, mtu: z.nullable(z.number()) }),
  /** Makes a bond without legs, or changes mode and options of one that is there. */
  z.object({
    do: z.literal("bond"),
    link: name,
    mode: z.enum(bondModes),
    options: z.record(z.string(), z.string()),
    /** False: a bond of that name must not exist yet. */
    change: z.boolean(),
  }),
  /** Makes `leg` a leg of a bond. Its own addresses go. */
  z.object({ do: z.literal("attach"), bond: name, leg: name }),
  z.object({ do: z.literal("detach"), bond: name, leg: name }),
  /** Makes the VLAN interface PARENT.ID. */
  z.object({ do: z.literal("vlan"), parent: name, id: z.number() }),
  /** Makes a bridge with the link as its port; addresses of the link move to the bridge. */
  z.object({ do: z.literal("bridge"), link: name, port: name }),
  /** Takes away a bond, a VLAN or a bridge, and frees what it was made of; or all settings of a physical link. */
  z.object({ do: z.literal("delete"), link: name, kind: z.enum(["bond", "vlan", "bridge", "ethernet"]) }),
  z.object({ do: z.literal("rename"), link: name, to: name }),
  /** Makes the link the one of the management network. */
  z.object({ do: z.literal("management"), link: z.nullable(name) }),
  z.object({ do: z.literal("hostname"), hostname: z.string().check(z.maxLength(1024)) }),
  z.object({
    do: z.literal("timeServers"),
    servers: z.array(z.string().check(z.maxLength(253))).check(z.maxLength(16)),
  }),
  /** Goes back to one of the last good configurations. */
  z.object({ do: z.literal("restore"), id: z.string().check(z.maxLength(64)) }),
]);
export type NetworkOperation = z.infer<typeof networkOperation>;
export const networkOperations = z.array(networkOperation).check(z.minLength(1), z.maxLength(256));

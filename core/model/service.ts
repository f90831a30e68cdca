import * as z from "zod/mini";
import { impact } from "./records.ts";

/* The ZStack service of a management node: manager, console proxy and UI. Source: console.md, items 9 to 11. */

export const serviceActions = ["start", "stop", "restart", "reset", "resetDrop"] as const;
export type ServiceAction = (typeof serviceActions)[number];

/** What has to be typed, letter by letter. Source: console.md, items 9 to 11. */
export const servicePhrase: Record<ServiceAction, string> = {
  start: "start zstack",
  stop: "stop zstack",
  restart: "restart zstack",
  reset: "reset zstack",
  resetDrop: "reset zstack drop database",
};

/** Why something can't be done now; the same parts as an error's body. */
export const refusal = z.object({
  code: z.string(),
  description: z.string(),
  remedy: z.nullable(z.string()),
  values: z.record(z.string(), z.union([z.string(), z.number()])),
});
export type Refusal = z.infer<typeof refusal>;

/** A unit of the service that exists on this node. */
export const serviceUnit = z.object({
  unit: z.string(),
  active: z.enum(["active", "reloading", "inactive", "failed", "activating", "deactivating"]),
});
export type ServiceUnit = z.infer<typeof serviceUnit>;

/** The service now, and for each action why it is refused; null where it is not. */
export const serviceState = z.object({
  units: z.array(serviceUnit),
  refusals: z.record(z.enum(serviceActions), z.nullable(refusal)),
});
export type ServiceState = z.infer<typeof serviceState>;

/** Where the store goes before it is emptied. `move` and `copy`: to this folder. `noRoom`: nothing would be left. */
const keeping = z.union([
  z.object({ how: z.enum(["move", "copy"]), to: z.string() }),
  z.object({ how: z.literal("noRoom"), neededBytes: z.number(), freeBytes: z.number() }),
]);
export type Keeping = z.infer<typeof keeping>;

/**
 * The store, as far as it can be read. `none`: this node has none, or an empty one, so nothing can be lost. `open`: a
 * manager has it open, and knows what is in it.
 */
export const storeLook = z.union([
  z.object({ state: z.literal("none") }),
  z.object({
    state: z.literal("readable"),
    records: z.number(),
    hosts: z.number(),
    machines: z.number(),
    sizeBytes: z.number(),
    keeping,
  }),
  z.object({ state: z.literal("open"), sizeBytes: z.number(), keeping }),
  z.object({ state: z.literal("unreadable"), why: z.string(), sizeBytes: z.number(), keeping }),
]);
export type StoreLook = z.infer<typeof storeLook>;

/** Tasks that are named one by one. */
export const mostTaskNames = 20;

/** What the manager says that it has. `stopped`: it does not run. `silent`: it runs, and does not say. */
export const cloudAtStake = z.union([
  z.object({ state: z.literal("stopped") }),
  z.object({ state: z.literal("silent"), why: z.string() }),
  z.object({
    state: z.literal("known"),
    hosts: z.object({ total: z.number(), connected: z.number() }),
    machines: z.object({ total: z.number(), running: z.number() }),
    /** Those that have not ended. */
    tasks: z.object({ total: z.number(), names: z.array(z.string()) }),
  }),
]);
export type CloudAtStake = z.infer<typeof cloudAtStake>;

/** What an action would hit. */
export const serviceImpact = z.object({
  ...impact.shape,
  action: z.enum(serviceActions),
  refusal: z.nullable(refusal),
  units: z.array(serviceUnit),
  /** Names of the running virtual machines of this node; null where nobody knows. */
  machineNames: z.nullable(z.array(z.string())),
  /** After so long it is given up. */
  limitSeconds: z.number(),
  /** What of the cloud is hit; null for an action that is refused, and in a preview. */
  cloud: z.nullable(cloudAtStake),
  /** What would be lost; null for actions that keep the store. */
  store: z.nullable(storeLook),
});
export type ServiceImpact = z.infer<typeof serviceImpact>;

const nothingTold = { hosts: 0, machines: 0, tasks: 0 };

/** What the person was told and agreed to, beside the phrase. */
export const serviceAccepts = z.object({
  /** Nobody can say what is in the store. */
  unreadStore: z._default(z.boolean(), false),
  /** There is no room for a copy of the store. */
  noCopy: z._default(z.boolean(), false),
  /** The manager runs and does not answer: nobody can say which tasks are interrupted. */
  silentManager: z._default(z.boolean(), false),
  /** How much was said to be hit; when it is more by then, nothing is done. */
  told: z._default(z.object({ hosts: z.number(), machines: z.number(), tasks: z.number() }), nothingTold),
});
export type ServiceAccepts = z.infer<typeof serviceAccepts>;

/** How much is at stake, as far as somebody knows. */
export function stakesOf(cloud: CloudAtStake | null, store: StoreLook | null): ServiceAccepts["told"] {
  if (cloud?.state === "known")
    return { hosts: cloud.hosts.total, machines: cloud.machines.total, tasks: cloud.tasks.total };
  if (store?.state === "readable") return { hosts: store.hosts, machines: store.machines, tasks: 0 };
  return { hosts: 0, machines: 0, tasks: 0 };
}

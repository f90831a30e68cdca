import * as z from "zod/mini";
import { refusal } from "./service.ts";

/* Passwords of a management node beside that of the system's root. Source: console.md, item 1 of System Configuration. */

export const managerAccounts = ["storeAdmin", "storeService", "agentChannel", "cloudAdmin"] as const;
export type ManagerAccount = (typeof managerAccounts)[number];
export const storeAccounts = ["storeAdmin", "storeService"] as const;
export type StoreAccount = (typeof storeAccounts)[number];

/** etcd's own administrator; its name is fixed. */
export const storeAdministrator = "root";

export const managerPasswords = z.object({
  /** Why one can't be changed now; null when it can. */
  refusals: z.record(z.enum(managerAccounts), z.nullable(refusal)),
  /** Who the manager is to the store; null where it is nobody there. */
  storeUser: z.nullable(z.string()),
  /** Other management nodes that use the same store now: the new password has to be given to them, too. */
  otherManagers: z.array(z.string()),
  /** Hosts whose certificates the agent channel has; null when nobody says. */
  hosts: z.nullable(z.number()),
});
export type ManagerPasswords = z.infer<typeof managerPasswords>;

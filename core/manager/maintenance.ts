import type { Backups } from "../backup/backups.ts";
import type { CallInput, CallOutput } from "../model/cloud/calls/index.ts";
import { CloudError, refusalOf } from "../model/cloud/refusal.ts";
import { NodeError } from "../model/error.ts";
import { Secret } from "../model/secret.ts";
import { type CallContext, type Caller, isRoot } from "../orchestrator/calls/handler.ts";
import { admin, type FirstPassword, type Identity } from "../orchestrator/identity/index.ts";
import { rootOnly } from "../orchestrator/identity/refusals.ts";

/* Calls that concern this manager itself: its backups, and the way back to admin's first password. */

export type MaintenanceOptions = {
  identity: Identity;
  /** undefined: a manager without a place for backups, as in tests. */
  backups: Pick<Backups, "make"> | undefined;
  firstPassword: FirstPassword | undefined;
};

export function maintenance({ identity, backups, firstPassword }: MaintenanceOptions) {
  return {
    BackupDatabase: async (
      { keepAmount }: CallInput<"BackupDatabase">,
      { caller }: CallContext,
    ): Promise<CallOutput<"BackupDatabase">> => {
      if (!isRoot(caller) && caller.userUuid !== admin.uuid) throw notAllowed(caller);
      if (backups === undefined) throw noBackup("This manager has no place for backups.");
      try {
        const { backup, removed } = await backups.make(keepAmount === null ? {} : { keepAmount });
        return { backup, removed };
      } catch (error) {
        if (error instanceof NodeError && !(error instanceof CloudError)) throw noBackup(error.message, error);
        throw error;
      }
    },
    ResetAccountPassword: async (
      { newPassword, mustChange }: CallInput<"ResetAccountPassword">,
      { caller }: CallContext,
    ): Promise<CallOutput<"ResetAccountPassword">> => {
      if (!isRoot(caller)) throw rootOnly();
      const next = newPassword === undefined ? {} : { next: new Secret(newPassword) };
      await identity.resetPassword({ ...next, mustChange, first: firstPassword });
      return { isInitial: newPassword === undefined && firstPassword === undefined };
    },
  };
}

function notAllowed({ accountName }: Caller): CloudError {
  const details = `It was asked by ${accountName}.`;
  return new CloudError(refusalOf("SYS.1052", { where: "caller", details, remedy: "Log in as admin." }));
}

function noBackup(details: string, cause?: NodeError): CloudError {
  const code = cause?.code === "BACKUP.RUNNING" ? "SYS.1050" : "SYS.1051";
  const remedy = cause?.remedy ?? "Set backup.folder in the manager's configuration.";
  const values = cause === undefined ? {} : { reason: cause.code };
  return new CloudError(refusalOf(code, { where: "backup", details, remedy, values }), cause);
}

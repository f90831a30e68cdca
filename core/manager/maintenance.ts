import type { Backups } from "../backup/backups.ts";
import type { CallInput, CallOutput } from "../model/cloud/calls/index.ts";
import { CloudError, refusalOf } from "../model/cloud/refusal.ts";
import { NodeError } from "../model/error.ts";
import type { CallContext, Caller } from "../orchestrator/calls/handler.ts";
import { admin, type FirstPassword, type Identity } from "../orchestrator/identity/index.ts";

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
      if (!isRoot(caller) && caller.userUuid !== admin.uuid) throw notAllowed("SYS.1052", caller);
      if (backups === undefined) throw noBackup("This manager has no place for backups.");
      try {
        const { backup, removed } = await backups.make(keepAmount === null ? {} : { keepAmount });
        return { backup, removed };
      } catch (error) {
        if (error instanceof NodeError && !(error instanceof CloudError)) throw noBackup(error.message, error);
        throw error;
      }
    },
    ResetAdminPassword: async (_input: object, { caller }: CallContext): Promise<CallOutput<"ResetAdminPassword">> => {
      if (!isRoot(caller)) throw notAllowed("SYS.1053", caller);
      await identity.resetPassword(firstPassword);
      return { isInitial: firstPassword === undefined };
    },
  };
}

/** Root of the management node comes through a door of its own, without an account. */
function isRoot({ userUuid, accountName }: Caller): boolean {
  return userUuid === null && accountName === "root";
}

function notAllowed(code: "SYS.1052" | "SYS.1053", { accountName }: Caller): CloudError {
  const remedy = code === "SYS.1052" ? "Log in as admin." : "Run zstack-ctl as root on a management node.";
  return new CloudError(refusalOf(code, { where: "caller", details: `It was asked by ${accountName}.`, remedy }));
}

function noBackup(details: string, cause?: NodeError): CloudError {
  const code = cause?.code === "BACKUP.RUNNING" ? "SYS.1050" : "SYS.1051";
  const remedy = cause?.remedy ?? "Set backup.folder in the manager's configuration.";
  const values = cause === undefined ? {} : { reason: cause.code };
  return new CloudError(refusalOf(code, { where: "backup", details, remedy, values }), cause);
}

import type { CallInput, CallOutput } from "../model/cloud/calls/index.ts";
import { Secret } from "../model/secret.ts";
import { type CallContext, isRoot } from "../orchestrator/calls/handler.ts";
import { addHost } from "../orchestrator/calls/hosts.ts";
import type { Identity } from "../orchestrator/identity/index.ts";
import { rootOnly } from "../orchestrator/identity/refusals.ts";
import type { Records } from "../orchestrator/records.ts";

/* Calls that are more than one transaction: they check or keep a secret that no record may hold. */

export function acts(identity: Identity, records: Records, passwords: Map<string, Secret>) {
  return {
    AddKVMHost: async ({ password, ...input }: CallInput<"AddKVMHost">, context: CallContext) => {
      const [uuid, hostUuid] = [context.newUuid(), context.newUuid()];
      passwords.set(uuid, new Secret(password));
      try {
        const startTask: CallContext["startTask"] = (tx, task, all) => context.startTask(tx, { ...task, uuid }, all);
        return await records.change((tx) => addHost(tx, input, hostUuid, { ...context, startTask }));
      } catch (error) {
        passwords.delete(uuid);
        throw error;
      }
    },
    LogInByAccount: async (
      { accountName, password }: CallInput<"LogInByAccount">,
      { caller }: CallContext,
    ): Promise<CallOutput<"LogInByAccount">> => {
      const opened = await identity.logIn(accountName, new Secret(password), caller.address);
      const { sessionUuid, token, user, expiresAt, mustChangePassword } = opened;
      const session = { uuid: sessionUuid, token: token.reveal(), userUuid: user.uuid, expiresAt, mustChangePassword };
      return { session };
    },
    LogOut: async (_input: object, { token }: CallContext): Promise<CallOutput<"LogOut">> => {
      await identity.logOut(token);
      return {};
    },
    UpdateAccountPassword: async (
      { oldPassword, newPassword }: CallInput<"UpdateAccountPassword">,
      { caller, token }: CallContext,
    ): Promise<CallOutput<"UpdateAccountPassword">> => {
      const [old, next] = [new Secret(oldPassword), new Secret(newPassword)];
      await identity.changePassword({ token, old, next, clientAddress: caller.address });
      return {};
    },
    ResetAccountPassword: async (
      { newPassword, mustChange }: CallInput<"ResetAccountPassword">,
      { caller }: CallContext,
    ): Promise<CallOutput<"ResetAccountPassword">> => {
      if (!isRoot(caller)) throw rootOnly();
      await identity.resetPassword(newPassword === undefined ? undefined : new Secret(newPassword), mustChange);
      return {};
    },
  };
}

import type { CallInput, CallOutput } from "../model/cloud/calls/index.ts";
import { Secret } from "../model/secret.ts";
import type { CallContext } from "../orchestrator/calls/handler.ts";
import { addHost } from "../orchestrator/calls/hosts.ts";
import type { HostPasswords } from "../orchestrator/hosts/host-passwords.ts";
import type { Identity } from "../orchestrator/identity/index.ts";
import type { Mirror } from "../orchestrator/mirror.ts";
import type { ChangeOfCall } from "./dispatch.ts";

/* Calls that are more than one transaction: they check or keep a secret that no record may hold. */

export function acts(identity: Identity, mirror: Mirror, passwords: HostPasswords) {
  return {
    AddKVMHost: async (
      { password, ...input }: CallInput<"AddKVMHost">,
      context: CallContext,
      change: ChangeOfCall,
    ): Promise<object> => {
      const [uuid, hostUuid] = [context.newUuid(), context.newUuid()];
      const startTask: CallContext["startTask"] = (tx, task, all) => context.startTask(tx, { ...task, uuid }, all);
      passwords.keep(uuid, new Secret(password));
      try {
        return await change((tx) => addHost(tx, input, hostUuid, { ...context, startTask }));
      } finally {
        // It was refused, or a call with the same idempotency key has made the task before: nobody will ask for it.
        if (mirror.get("Task", uuid) === undefined) passwords.take(uuid);
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
  };
}

import type { Caller, Handlers } from "../../api/server.ts";
import type { Sessions } from "../../api/sessions.ts";
import type { ManagerAccount, StoreAccount } from "../../model/manager-passwords.ts";
import { storeAdministrator } from "../../model/manager-passwords.ts";
import type { Job } from "../../model/records.ts";
import { Secret } from "../../model/secret.ts";
import type { Audit } from "../audit.ts";
import type { JobContext, Jobs } from "../jobs.ts";
import { requireGoodPassword } from "../passwords.ts";
import { requireNoOther, serviceJobKind, telling } from "../service/jobs.ts";
import { restart } from "../service/run.ts";
import { refused } from "../service/units.ts";
import { type AccountsWorld, readManagerPasswords, refusalFor } from "./accounts.ts";
import { renewChannel } from "./agent-channel.ts";
import { changeCloudAdmin } from "./cloud-admin.ts";
import { readManagerConfiguration } from "./configuration.ts";

type Parts = { accounts: AccountsWorld; audit: Audit; jobs: Jobs; sessions: Sessions };
type PasswordCalls = "managerPasswords" | "changeCloudPassword" | "startStorePasswordJob" | "startChannelJob";

/** The calls that concern passwords of a management node beside that of its root. */
export function managerPasswordHandlers(parts: Parts): Pick<Handlers, PasswordCalls> {
  const { accounts, audit, sessions } = parts;
  const { service } = accounts;
  const requireAccount = async (account: ManagerAccount) => {
    const refusal = await refusalFor(accounts, account);
    if (refusal !== null) throw refused(refusal);
  };
  return {
    managerPasswords: () => readManagerPasswords(accounts),
    changeCloudPassword: ({ body, caller }) =>
      audit.audited({ console: caller.console, action: "password.cloudAdmin" }, async () => {
        const next = new Secret(body.new);
        requireGoodPassword(next);
        await sessions.confirm(caller.console, new Secret(body.root));
        await requireAccount("cloudAdmin");
        await changeCloudAdmin(service.manager, next, body.mustChange);
        return {};
      }),
    startStorePasswordJob: ({ body, caller }) =>
      audit.audited({ console: caller.console, action: "password.begin", detail: body.account }, async () => {
        const [authority, next] = [new Secret(body.authority), new Secret(body.new)];
        requireGoodPassword(next);
        await requireAccount(body.account);
        return startStoreJob(parts, caller, { account: body.account, authority, next });
      }),
    startChannelJob: ({ body, caller }) =>
      audit.audited({ console: caller.console, action: "password.begin", detail: "agentChannel" }, async () => {
        await sessions.confirm(caller.console, new Secret(body.root));
        await requireAccount("agentChannel");
        const work = async (context: JobContext) => `${await renewChannel(service.manager, context)} hosts`;
        return startJob(parts, caller, "agentChannel", "hosts", work);
      }),
  };
}

async function startStoreJob(
  parts: Parts,
  caller: Caller,
  { account, authority, next }: { account: StoreAccount; authority: Secret; next: Secret },
): Promise<Job> {
  const { service, paths } = parts.accounts;
  const { machine } = service;
  // Only where there is an etcd: most management nodes have none.
  const { changeStorePassword, checkStoreAuthority } = await import("./store-password.ts");
  const configuration = await readManagerConfiguration(machine, paths);
  await checkStoreAuthority(machine, configuration, authority);
  const own = configuration["store.etcd.user"];
  const user = account === "storeAdmin" ? storeAdministrator : own;
  return startJob(parts, caller, account, user, async (context) => {
    await changeStorePassword(machine, { configuration, user, authority, next, log: context.log });
    if (user === own) {
      context.log("The manager is restarted with it");
      await restart({ world: service, context });
    }
    return user;
  });
}

/** A job of the service: nothing else is done with the service meanwhile. */
function startJob(
  { audit, jobs }: Parts,
  { console }: Caller,
  account: ManagerAccount,
  subject: string,
  work: (context: JobContext) => Promise<string>,
): Job {
  requireNoOther(jobs);
  const job = { kind: serviceJobKind(account), subject, console, cancellable: false };
  return jobs.start(job, (context) =>
    telling(context, async () => {
      const entry = { console, action: `password.${account}` };
      await audit.audited(
        entry,
        () => work(context),
        (detail) => ({ detail }),
      );
    }),
  );
}

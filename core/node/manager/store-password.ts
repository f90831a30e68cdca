import { rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { NodeError } from "../../model/error.ts";
import type { ManagerConfiguration } from "../../model/manager-configuration.ts";
import { storeAdministrator } from "../../model/manager-passwords.ts";
import type { Secret } from "../../model/secret.ts";
import { EtcdClient, hasCode } from "../../store/etcd/client.ts";
import { etcdMembers, nextPasswordFile, passwordIn } from "../../store/etcd/credentials.ts";
import { errnoOf, syncFolder, whyNotWritten, writeDurably } from "../durable.ts";
import { type Machine, readIfThere } from "../machine.ts";

/*
 * The password of an account in etcd. Where it is the manager's own, its file changes too, in the order that
 * core/store/etcd/credentials.ts names:
 *
 *   1. FILE.next holds the next password;       a crash here: FILE is right, FILE.next is refused and removed
 *   2. etcd is told;                            a crash here: FILE is refused, FILE.next is right and takes its place
 *   3. FILE.next takes the place of FILE.       a crash here: done
 *
 * What a crash has left is put in order when the agent starts.
 */

const askMs = 5_000;

export type StorePasswordChange = {
  configuration: ManagerConfiguration;
  /** The account in etcd. */
  user: string;
  /** The password of the store's root. */
  authority: Secret;
  next: Secret;
  log: (text: string) => void;
  /** For tests: called between the steps, which a crash may end. */
  between?: (step: "kept" | "told") => Promise<void>;
};

/** @throws PASSWORD.WRONG_STORE when it is not the password of the store's root; STORE.… */
export async function checkStoreAuthority(
  machine: Machine,
  configuration: ManagerConfiguration,
  authority: Secret,
): Promise<void> {
  if (await opens(machine, configuration, storeAdministrator, authority)) return;
  throw new NodeError("PASSWORD.WRONG_STORE", "That is not the password of the store's root; nothing was changed.");
}

/** @throws PASSWORD.NOT_CHANGED: nothing was; PASSWORD.STORE_UNCERTAIN: the manager gets in with either; STORE.… */
export async function changeStorePassword(machine: Machine, change: StorePasswordChange): Promise<void> {
  const { configuration, user, authority, next, log, between } = change;
  const isOurs = user === configuration["store.etcd.user"];
  const file = configuration["store.etcd.passwordFile"];
  if (isOurs) {
    await keep(nextPasswordFile(file), next);
    log(`${nextPasswordFile(file)} holds the next password`);
    await between?.("kept");
  }
  const error = await tell(machine, change, authority).then(
    () => undefined,
    (why: unknown) => why,
  );
  // What counts is what etcd takes now, whatever it answered.
  const isTold = await opens(machine, configuration, user, next).catch(() => undefined);
  if (isTold === false) {
    if (isOurs) await rm(nextPasswordFile(file), { force: true });
    throw notChanged(error);
  }
  if (isTold === undefined) throw uncertain(user, isOurs, error);
  log(`etcd has a new password for ${user}`);
  if (!isOurs) return;
  await between?.("told");
  await promote(file);
  log(`${file} holds the new password`);
}

/**
 * Puts in order what a crash in the middle of a change has left: of the two passwords the one that etcd takes stays.
 * Nothing is touched when etcd can't be asked.
 *
 * @returns what was done, for the log; undefined when there was nothing to do
 */
export async function recoverStorePassword(
  machine: Machine,
  configuration: ManagerConfiguration,
): Promise<string | undefined> {
  const [user, file] = [configuration["store.etcd.user"], configuration["store.etcd.passwordFile"]];
  if (configuration["store.type"] !== "etcd" || user === "" || file === "") return undefined;
  const next = await readIfThere(machine, nextPasswordFile(file));
  if (next === undefined) return undefined;
  if (await opens(machine, configuration, user, passwordIn(next))) {
    await promote(file);
    return `${file} holds the password that etcd was told before the agent ended`;
  }
  await rm(nextPasswordFile(file), { force: true });
  return `${nextPasswordFile(file)} is removed: etcd was never told of it`;
}

async function tell(machine: Machine, { configuration, user, next }: StorePasswordChange, authority: Secret) {
  const body = { name: user, password: next.reveal() };
  await asking(machine, configuration, { name: storeAdministrator, password: authority }, (client) =>
    client.call({ path: "/v3/auth/user/changepw", body, repeatable: true }),
  );
}

/** Whether etcd lets a user in. @throws STORE.… when it does not say */
async function opens(machine: Machine, configuration: ManagerConfiguration, name: string, password: Secret) {
  try {
    // Anybody may ask for his own roles.
    await asking(machine, configuration, { name, password }, (client) =>
      client.call({ path: "/v3/auth/user/get", body: { name }, repeatable: true }),
    );
    return true;
  } catch (error) {
    if (hasCode(error, "STORE.DENIED")) return false;
    throw error;
  }
}

async function asking<T>(
  machine: Machine,
  configuration: ManagerConfiguration,
  user: { name: string; password: Secret },
  act: (client: EtcdClient) => Promise<T>,
): Promise<T> {
  const members = await etcdMembers(configuration, (file) => readIfThere(machine, file));
  const client = new EtcdClient({ ...members, user, timeoutMs: askMs });
  try {
    return await act(client);
  } finally {
    await client.close();
  }
}

async function keep(file: string, password: Secret): Promise<void> {
  try {
    await writeDurably(file, `${password.reveal()}\n`);
  } catch (error) {
    throw new NodeError("PASSWORD.NOT_CHANGED", `The password was not changed because ${whyNotWritten(error)}.`, {
      remedy: `Make room for ${file}, and try again.`,
      cause: error,
    });
  }
}

async function promote(file: string): Promise<void> {
  try {
    await rename(nextPasswordFile(file), file);
  } catch (error) {
    // An agent that was started meanwhile has done it.
    if (errnoOf(error) !== "ENOENT") throw error;
  }
  await syncFolder(dirname(file));
}

function notChanged(cause: unknown): NodeError {
  const why = cause instanceof Error ? cause.message : "etcd does not take it.";
  return new NodeError("PASSWORD.NOT_CHANGED", `The password was not changed: ${why}`, {
    remedy: "The old password still holds. Look at etcd, and try again.",
    cause,
  });
}

function uncertain(user: string, isOurs: boolean, cause: unknown): NodeError {
  const manager = isOurs ? " The manager gets in with either." : "";
  return new NodeError(
    "PASSWORD.STORE_UNCERTAIN",
    `Whether etcd has the new password of ${user} is not known.${manager}`,
    {
      remedy: "See that most members of etcd run; then try again with the old password, or with the new one.",
      cause,
    },
  );
}

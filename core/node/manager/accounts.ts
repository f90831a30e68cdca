import type { ManagerConfiguration } from "../../model/manager-configuration.ts";
import type { ManagerAccount, ManagerPasswords } from "../../model/manager-passwords.ts";
import type { Refusal } from "../../model/service.ts";
import { type Known, readService } from "../service/units.ts";
import type { ServiceWorld } from "../service/world.ts";
import { type ManagerPaths, readManagerConfiguration } from "./configuration.ts";

export type AccountsWorld = { service: ServiceWorld; paths: ManagerPaths };

/** Below the ten seconds that a client waits. */
const [lookMs, askMs] = [6_000, 3_000];

/** Which passwords there are beside root's, and why one can't be changed. */
export async function readManagerPasswords(world: AccountsWorld): Promise<ManagerPasswords> {
  const { service, paths } = world;
  const [known, configuration, hosts] = await Promise.all([
    readService(service, AbortSignal.timeout(lookMs)),
    readManagerConfiguration(service.machine, paths).catch(wordsOf),
    hostCount(service),
  ]);
  const common = refusalOf(known);
  const store = common ?? storeRefusal(configuration);
  const asked = common ?? (hosts === null ? managerStopped : null);
  const isShared = store === null && typeof configuration !== "string";
  return {
    refusals: { storeAdmin: store, storeService: store, agentChannel: asked, cloudAdmin: asked },
    storeUser: isShared ? configuration["store.etcd.user"] : null,
    // Only where there is an etcd: most management nodes have none.
    otherManagers: isShared ? await (await import("./etcd-places.ts")).etcdPlaces(service.machine, configuration) : [],
    hosts,
  };
}

/** Why this one can't be changed now; null when it can. */
export async function refusalFor(world: AccountsWorld, account: ManagerAccount): Promise<Refusal | null> {
  return (await readManagerPasswords(world)).refusals[account];
}

async function hostCount({ manager }: ServiceWorld): Promise<number | null> {
  return manager.ask("GetManagementSummary", {}, { timeoutMs: askMs }).then(
    ({ hosts }) => hosts.total,
    () => null,
  );
}

function refusalOf({ role, hasManager, trouble }: Known): Refusal | null {
  if (role !== "management")
    return refuse("PASSWORDS.NOT_MANAGEMENT", "This is no management node: it has the password of root alone.", {
      remedy: "Go to the console of the management node.",
      values: { role },
    });
  if (hasManager) return null;
  if (trouble !== undefined)
    return refuse("PASSWORDS.NOT_KNOWN", `The state of the management service is not known (${trouble}).`, {
      remedy: "Try again in a moment.",
      values: { why: trouble },
    });
  return refuse("PASSWORDS.NO_MANAGER", "There is no manager on this node: this image contains none.");
}

/** @param configuration its words when it can't be understood */
function storeRefusal(configuration: ManagerConfiguration | string): Refusal | null {
  if (typeof configuration === "string")
    return refuse("PASSWORDS.CONFIGURATION", `The manager's configuration can't be used: ${configuration}`, {
      remedy: "Mend /etc/binnacle/manager.conf.",
      values: { why: configuration },
    });
  if (configuration["store.type"] !== "etcd")
    return refuse("PASSWORDS.EMBEDDED", "The embedded store has no accounts and no password.");
  if (configuration["store.etcd.user"] !== "" && configuration["store.etcd.passwordFile"] !== "") return null;
  return refuse("PASSWORDS.NO_STORE_USER", "The manager uses its store without a password.", {
    remedy: "Enable users in etcd, and set store.etcd.user and store.etcd.passwordFile.",
  });
}

const managerStopped = refuse("PASSWORDS.MANAGER_STOPPED", "The manager does not answer, and only it can do that.", {
  remedy: "Start the ZStack service first.",
});

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : "it can't be read.";
}

function refuse(
  code: string,
  description: string,
  { remedy = null, values = {} }: { remedy?: string | null; values?: Refusal["values"] } = {},
): Refusal {
  return { code, description, remedy, values };
}

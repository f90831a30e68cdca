import * as z from "zod";
import type { ManagerCalls, ManagerDoor } from "../../api/manager-door.ts";
import { NodeError } from "../../model/error.ts";
import type { JobContext } from "../jobs.ts";

const callMs = 30_000;
/** Hosts whose certificates are made at once: each takes a process of openssl for a moment. */
const atOnce = 8;
/** Of one page of a query. */
const pageSize = 500;
/** Failures that are told in the error; all are in the log. */
const mostNames = 5;

const hostRow = z.object({ uuid: z.string(), name: z.string(), managementIp: z.string() });
type Host = z.infer<typeof hostRow>;

/**
 * Gives every host a new key and certificate, and tells of each how it went. One that can't be reached keeps what it
 * has, which goes on to be good.
 *
 * @throws CHANNEL.NOT_RENEWED with the hosts; CLOUD.…
 */
export async function renewChannel(
  manager: Pick<ManagerDoor, "calls">,
  { log, progress, signal }: JobContext,
): Promise<number> {
  return manager.calls(callMs, async (calls) => {
    const hosts = await allHosts(calls);
    log(hosts.length === 0 ? "There are no hosts." : `New certificates for ${hosts.length} hosts`);
    const failed: string[] = [];
    let done = 0;
    const left = hosts.values();
    const worker = async () => {
      for (const host of left) {
        signal.throwIfAborted();
        const why = await renewed(calls, host, signal);
        log(`  ${host.name} (${host.managementIp}): ${why === undefined ? "renewed" : `NOT RENEWED: ${why}`}`);
        if (why !== undefined) failed.push(host.name);
        progress(++done / hosts.length);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
    if (failed.length === 0) return hosts.length;
    const names = failed.slice(0, mostNames).join(", ");
    const more = failed.length > mostNames ? ` and ${failed.length - mostNames} more` : "";
    throw new NodeError(
      "CHANNEL.NOT_RENEWED",
      `${failed.length} of ${hosts.length} hosts have no new certificate: ${names}${more}. Their present one stays good.`,
      {
        remedy: "See why in the log, mend it, and renew again.",
        values: { failed: failed.length, total: hosts.length, names: `${names}${more}` },
      },
    );
  });
}

async function allHosts(calls: ManagerCalls): Promise<Host[]> {
  const hosts: Host[] = [];
  for (;;) {
    const page = await calls.call("QueryHost", { limit: pageSize, start: hosts.length, sortBy: "+uuid" });
    const rows = z.array(hostRow).parse(page.inventories);
    hosts.push(...rows);
    if (rows.length < pageSize) return hosts.sort((a, b) => a.name.localeCompare(b.name, "en"));
  }
}

/** Why it was not; undefined when it was. */
async function renewed(calls: ManagerCalls, { uuid }: Host, signal: AbortSignal): Promise<string | undefined> {
  try {
    const { task } = await calls.call("RenewHostCertificate", { uuid });
    const { state } = await calls.follow(task.uuid, { signal });
    if (state === "Succeeded") return undefined;
    const { inventory } = await calls.call("GetTask", { uuid: task.uuid });
    return inventory.error === null ? `its task is ${state}` : inventory.error.details;
  } catch (error) {
    signal.throwIfAborted();
    return error instanceof Error ? error.message : "the manager could not be asked";
  }
}

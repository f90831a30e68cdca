import { randomUUID } from "node:crypto";
import type { LockProbe, LockState } from "../../hypervisor/shared-storage.ts";
import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import { shown } from "../../model/quote.ts";
import type { Storage } from "../vm/placement.ts";
import { hostStorageKey, silencesOf } from "../vm/reached.ts";
import { cloudUuidHash } from "./share.ts";
import type { Host, HostWorld } from "./world.ts";

/** Hosts that are asked to hold a lock for another one to see; the first that can is enough. */
const mostWitnesses = 3;

/**
 * Has another host of a shared storage hold a lock, as QEMU holds one on a machine's disk, and asks this host whether it
 * sees it. QEMU's locks are the last guard against a machine that runs twice. A host that does not see them is refused
 * the storage: with a warning alone it would be noticed when a disk that two machines have written is lost.
 *
 * @returns whether it was tried: the first host of a storage has nobody to see, nor has one whose agent, or whose
 *   neighbours' agents, are of a version that knows no such try, or do not answer
 * @throws STORAGE.1056 when it does not see the lock, STORAGE.1054 when it has another folder there
 */
export async function tryLocks(
  world: HostWorld,
  host: Host,
  storage: Storage,
  path: string,
  signal: AbortSignal,
): Promise<boolean> {
  for (const witness of witnesses(world, host, storage)) {
    // Another one for each try: two at the same time would take away each other's.
    const probe = { path, probe: randomUUID().replaceAll("-", "") };
    const ask = (of: Host, step: LockProbe["step"]): Promise<LockState | undefined> =>
      world.link.storageLock(of, { ...probe, step }, signal).catch((error: unknown) => {
        if (signal.aborted) throw error;
        return undefined;
      });
    if ((await ask(witness, "hold")) !== "held") continue;
    const seen = await ask(host, "look");
    await ask(witness, "release");
    if (seen === undefined) continue;
    if (seen === "absent") throw otherFolder(host, witness, storage);
    if (seen === "free" && world.settings.flag("primaryStorage.locks.required")) throw noLocks(host, witness, storage);
    return true;
  }
  return false;
}

function witnesses({ records: { mirror } }: HostWorld, host: Host, storage: Storage): Host[] {
  const others = storage.attachedClusterUuids.flatMap((each) => mirror.find("Host", "clusterUuid", each));
  const has = (uuid: string) => {
    const known = mirror.get("HostStorage", hostStorageKey(uuid, storage.uuid))?.value;
    return known !== undefined && silencesOf(known) === 0;
  };
  return (
    others
      .map(({ value }) => value)
      .filter(({ uuid, status }) => uuid !== host.uuid && status !== "Disconnected" && has(uuid))
      // Each host has others, so that not all ask the same one after a power cut.
      .toSorted((a, b) => cloudUuidHash(a.uuid, host.uuid) - cloudUuidHash(b.uuid, host.uuid))
      .slice(0, mostWitnesses)
  );
}

function noLocks(host: Host, witness: Host, storage: Storage): CloudError {
  const where = `PrimaryStorage ${shown(storage.name)}`;
  const details =
    `${shown(host.name)} does not see a lock that ${shown(witness.name)} holds there: a machine could run on both, and ` +
    `destroy its disks. The host is refused the storage.`;
  const remedy =
    "Use NFS 4, OCFS2, or another cluster file system whose POSIX locks all hosts see, and mount it without local locks. " +
    "Whoever makes sure of it otherwise can set primaryStorage.locks.required to false.";
  return new CloudError(refusalOf("STORAGE.1056", { where, details, remedy, values: { host: host.uuid } }));
}

function otherFolder(host: Host, witness: Host, storage: Storage): CloudError {
  const where = `PrimaryStorage ${shown(storage.name)}`;
  const details = `What ${shown(host.name)} has mounted there is not what ${shown(witness.name)} has.`;
  const remedy = "Mount the same file system on both, then reconnect the storage.";
  return new CloudError(refusalOf("STORAGE.1054", { where, details, remedy, values: { host: host.uuid } }));
}

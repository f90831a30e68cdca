import { changeHostStatus } from "../../model/cloud/host.ts";
import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import { shown } from "../../model/quote.ts";
import { orThrow } from "../calls/shared.ts";
import { type HostReport, hasEndedCertificate, hostProtocol, oldestHostProtocol } from "../host-link.ts";
import type { Tx } from "../records.ts";
import type { Storage } from "../vm/placement.ts";
import { described, disconnected, hostLife, livesOn, modelPrefix, modelTag, observed } from "./status.ts";
import { letStoragesGo, readStorage, storagesFollow } from "./storages.ts";
import type { Host, HostWorld } from "./world.ts";

/** Those whose flows go on ending while their host is asked are as their flows say. */
const mostRounds = 5;

/**
 * Connects to a host: asks what it is and what runs on it, and puts both into the records. One whose certificate has
 * ended is given another one before. When it fails the host is Disconnected.
 *
 * @throws HOST.1010 to HOST.1012 as the link, HOST.1030 to HOST.1032
 */
export async function connect(
  world: HostWorld,
  uuid: string,
  signal: AbortSignal,
  stray: (uuid: string, why: string) => void,
): Promise<void> {
  const host = world.records.mirror.get("Host", uuid)?.value;
  if (host === undefined) return;
  try {
    const report = await reported(world, host, signal);
    if (report.protocol < oldestHostProtocol || report.protocol > hostProtocol)
      throw otherProtocol(host, report.protocol);
    // Before it counts as Connected, its machines are what it says.
    await observe(world, host, signal, stray);
    await letStoragesGo(world, host, signal);
    // A machine that is given to it finds its storage.
    const alone: Storage[] = [];
    for (const { value } of world.records.mirror.find("PrimaryStorage", "attachedClusterUuids", host.clusterUuid)) {
      const { isAlone } = await readStorage(world, host, value, signal, report.bootId);
      if (isAlone === true) alone.push(value);
    }
    await world.records.change((tx) => {
      const now = tx.get("Host", uuid);
      if (now === undefined || now.status !== "Connecting") return;
      checkModel(tx, now, report.cpuModel);
      const life = orThrow(changeHostStatus(now.name, hostLife(now), "connected"));
      tx.update("Host", uuid, { ...life, ...described(now, report) });
    });
    // Of two that connect at the same time, the later one finds the other now.
    for (const storage of alone) await readStorage(world, host, storage, signal, report.bootId);
    await storagesFollow(world, host.clusterUuid);
  } catch (error) {
    await disconnected(world, uuid);
    await storagesFollow(world, host.clusterUuid);
    throw error;
  }
}

async function reported(world: HostWorld, host: Host, signal: AbortSignal): Promise<HostReport> {
  try {
    return await world.link.report(host, signal);
  } catch (error) {
    if (!hasEndedCertificate(error)) throw error;
    await world.certificates.renew(host, signal);
    return world.link.report(host, signal);
  }
}

/** A flow may end while the host is asked: what it said of that flow's machine is old then, and it is asked again. */
async function observe(
  world: HostWorld,
  host: Host,
  signal: AbortSignal,
  stray: (uuid: string, why: string) => void,
): Promise<void> {
  for (let round = 0; round < mostRounds; round++) {
    const before = livesOn(world.records.mirror, host.uuid);
    const machines = await world.link.machines(host, signal);
    if (await observed(world, host.uuid, machines, before, stray)) return;
  }
}

function otherProtocol({ name }: Host, protocol: number): CloudError {
  const ours = `${oldestHostProtocol} to ${hostProtocol}`;
  const details = `Its agent speaks version ${protocol} of the protocol, this manager the versions ${ours}.`;
  const remedy = "Upgrade the older one of the two (zstack-upgrade).";
  return new CloudError(
    refusalOf("HOST.1031", { where: `Host ${shown(name)}`, details, remedy, values: { protocol } }),
  );
}

/** In a cluster that checks it, all hosts have one model of processor: else machines could not be moved. */
function checkModel(tx: Tx, host: Host, model: string): void {
  if (tx.get("Cluster", host.clusterUuid)?.checkCpuModel !== true) return;
  const tag = modelTag(model);
  const other = tx
    .find("Host", "clusterUuid", host.clusterUuid)
    .find(({ uuid, tags }) => uuid !== host.uuid && tags.some((each) => each.startsWith(modelPrefix) && each !== tag));
  if (other === undefined) return;
  const details = `Its processor is another model than that of ${shown(other.name)}, and the cluster asks for one model.`;
  const remedy = "Add it to another cluster, or set checkCpuModel of this one to false.";
  throw new CloudError(refusalOf("HOST.1032", { where: `Host ${shown(host.name)}`, details, remedy }));
}

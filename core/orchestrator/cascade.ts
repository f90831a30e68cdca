import { deletionOrder, ownedBy } from "../model/cloud/cascade.ts";
import { deleteHost } from "../model/cloud/host.ts";
import { CloudError, refusalOf } from "../model/cloud/refusal.ts";
import type { ResourceKind } from "../model/cloud/resources.ts";
import { observeVm } from "../model/cloud/vm-life.ts";
import { vmStates } from "../model/cloud/vm-states.ts";
import { NodeError } from "../model/error.ts";
import { listed, shown } from "../model/quote.ts";
import { detachSecurityGroups } from "./calls/security-groups.ts";
import { orThrow } from "./calls/shared.ts";
import type { Flow } from "./flow/flow.ts";
import { hostLife } from "./hosts/status.ts";
import { letStoragesGo, releaseStorages, storagesFollow } from "./hosts/storages.ts";
import { noLongerUnseen } from "./hosts/unseen.ts";
import type { HostWorld } from "./hosts/world.ts";
import type { RecordOf } from "./kinds.ts";
import type { Mirror } from "./mirror.ts";
import type { Tx } from "./records.ts";
import { unreadableError } from "./unreadable.ts";
import { withoutDhcpServer } from "./vm/dhcp-address.ts";
import { settleParts } from "./vm/follow.ts";
import { lifeOf, removeMachine, removeNic, settled } from "./vm/life.ts";
import { type LostVolume, requireNoVolumes, volumesLostWith } from "./vm/local-volumes.ts";
import { readMigration } from "./vm/migration-record.ts";
import { checkShelves, settleShelvesWithout } from "./vm/shelf.ts";
import { settleWithout } from "./vm/unsettled.ts";
import { removeVolume, requireIdle } from "./volume/hold.ts";

/*
 * Deletion of a resource with everything below it. Nothing goes while something below it can't: then the whole
 * deletion is refused, before anything was touched. Source: ../shared/spec/cloud.md, "Resources".
 */

export type CascadeData = {
  kind: string;
  uuid: string;
  mode: "Permissive" | "Enforcing";
  /** Clusters that lose hosts: their storages are counted anew. */
  clusterUuids?: string[];
  /** Clusters whose hosts let a network storage go. */
  releasingUuids?: string[];
  /** Of a host that is deleted for itself: what goes with it, and what counts as stopped from then on. */
  lostVolumes?: LostVolume[];
  countedAsStopped?: { uuid: string; name: string }[];
};

/** What is deleted, the lowest first; by kind. */
type Doomed = { kind: ResourceKind; uuid: string }[];

/** Records that one transaction removes: each takes its guard and its addresses along. */
const atOnce = 150;

export function cascadeFlow(world: HostWorld): Flow<CascadeData> {
  const { mirror } = world.records;
  return {
    name: "deleteCascade",
    steps: [
      {
        name: "check",
        title: "Looking at what has to go",
        cancellable: true,
        async run({ kind, uuid, mode }) {
          const doomed = doomedBy(mirror, kind as ResourceKind, uuid);
          for (const each of doomed) check(mirror, each, mode);
          checkCards(mirror, kind, doomed);
          checkVolumes(mirror, kind, uuid, mode);
          checkShelves(mirror, kind, doomed);
          const clusters = doomed.flatMap((each) => {
            const host = each.kind === "Host" ? mirror.get("Host", each.uuid)?.value : undefined;
            return host === undefined ? [] : [host.clusterUuid];
          });
          const releasingUuids = clustersWith(mirror, doomed);
          return { data: { clusterUuids: [...new Set(clusters)], releasingUuids, ...lossesOf(mirror, kind, uuid) } };
        },
      },
      {
        name: "hosts",
        title: "Letting hosts go",
        async run({ kind, uuid, mode }, env) {
          for (const each of doomedBy(mirror, kind as ResourceKind, uuid)) {
            if (each.kind !== "Host") continue;
            const host = mirror.get("Host", each.uuid)?.value;
            // A host that does not answer is told by its certificate, which counts no more, when it is back.
            if (host?.status !== "Connected") continue;
            await letStoragesGo(world, host, env.signal, []);
            await world.door.leave(host, env.signal).catch((error: unknown) => {
              // It has left already, when a manager ended before it noted that; nothing of this cloud is there to leave.
              const isOther = error instanceof CloudError && error.code === "HOST.1011";
              if (mode !== "Enforcing" && !isOther) throw error;
            });
          }
          return undefined;
        },
      },
      {
        name: "records",
        title: "Removing the records",
        async run({ kind, uuid, mode }) {
          for (let most = atOnce; ; ) {
            const doomed = doomedBy(mirror, kind as ResourceKind, uuid);
            if (doomed.length === 0) return undefined;
            const part = doomed.slice(0, most);
            try {
              await world.records.change((tx) => {
                checkCards(mirror, kind, part);
                checkVolumes(mirror, kind, uuid, mode);
                checkShelves(mirror, kind, part);
                for (const each of part) {
                  check(mirror, each, mode, tx);
                  remove(tx, each);
                }
                checkAlone(tx, part);
              });
            } catch (error) {
              // With much below each of them they don't fit into one transaction.
              if (!(error instanceof NodeError && error.code === "STORE.TOO_LARGE") || part.length < 2) throw error;
              most = Math.ceil(part.length / 2);
            }
          }
        },
      },
      {
        name: "storages",
        title: "Counting the storages anew",
        async run({ clusterUuids = [], releasingUuids = [] }, env) {
          for (const clusterUuid of clusterUuids) await storagesFollow(world, clusterUuid);
          for (const clusterUuid of releasingUuids) await releaseStorages(world, clusterUuid, env.signal);
          return undefined;
        },
      },
    ],
    result: ({ lostVolumes, countedAsStopped }) =>
      lostVolumes === undefined || countedAsStopped === undefined ? null : { lostVolumes, countedAsStopped },
  };
}

/** Everything below a resource and itself, children before their owners; nothing when it is gone. */
function doomedBy(mirror: Mirror, kind: ResourceKind, uuid: string): Doomed {
  if (mirror.get(kind, uuid) === undefined) return [];
  const found = new Map<ResourceKind, Set<string>>([[kind, new Set([uuid])]]);
  const visit = (owner: ResourceKind, owned: string) => {
    for (const { kind: child, field } of ownedBy(owner))
      for (const { value } of mirror.find(child, field, owned)) {
        const all = found.get(child) ?? new Set();
        if (all.has(value.uuid)) continue;
        all.add(value.uuid);
        found.set(child, all);
        visit(child, value.uuid);
      }
  };
  visit(kind, uuid);
  return deletionOrder(kind).flatMap((each) => [...(found.get(each) ?? [])].map((one) => ({ kind: each, uuid: one })));
}

function clustersWith(mirror: Mirror, doomed: Doomed): string[] {
  const storages = doomed.flatMap(({ kind, uuid }) =>
    kind === "PrimaryStorage" ? (mirror.get("PrimaryStorage", uuid)?.value ?? []) : [],
  );
  const network = storages.filter(({ type }) => type === "NFS");
  return [...new Set(network.flatMap(({ attachedClusterUuids }) => attachedClusterUuids))];
}

/** What tasks, users and the like say of it keeps nothing from going. */
const dependents: readonly ResourceKind[] = [
  "Zone",
  "Cluster",
  "Host",
  "PrimaryStorage",
  "VmInstance",
  "Volume",
  "VolumeSnapshot",
  "L2Network",
  "L3Network",
  "IpRange",
  "VmNic",
];

/** Why one of them can't go. `tx`: that removes it, which is decided anew when a machine is started meanwhile. */
function check(mirror: Mirror, { kind, uuid }: Doomed[number], mode: CascadeData["mode"], tx?: Tx): void {
  checkReadable(mirror, kind, uuid);
  const checkOne = (machine: string) => {
    const found = tx === undefined ? mirror.get("VmInstance", machine)?.value : tx.get("VmInstance", machine);
    if (found !== undefined) checkMachine(mirror, found, mode);
  };
  if (kind === "Host") {
    const host = mirror.get("Host", uuid)?.value;
    if (host !== undefined) orThrow(deleteHost(host.name, hostLife(host)));
    // They stay, and are said to be stopped: one that still runs there could be started once more elsewhere.
    for (const { value } of mirror.find("VmInstance", "hostUuid", uuid)) checkOne(value.uuid);
    for (const machine of comingTo(mirror, uuid, tx)) checkComing(mirror, machine, uuid, mode);
    if (mode !== "Enforcing") for (const machine of suspendedOn(mirror, uuid)) throw keptThere(machine);
  }
  // A machine without its volumes is none: neither the one that runs, nor the one that is being worked on.
  if (kind === "PrimaryStorage")
    for (const { value } of mirror.find("Volume", "primaryStorageUuid", uuid))
      if (value.vmInstanceUuid !== null) checkOne(value.vmInstanceUuid);
  const user = kind === "Volume" ? mirror.get("Volume", uuid)?.value.vmInstanceUuid : null;
  if (typeof user === "string") checkOne(user);
  const volume = kind === "Volume" && tx !== undefined ? tx.get("Volume", uuid) : undefined;
  if (volume !== undefined && tx !== undefined) requireIdle(tx, volume);
  if (kind === "VmInstance") checkOne(uuid);
}

/** What can't be read may be on it, or of it. @throws SYS.1060 */
function checkReadable(mirror: Mirror, kind: ResourceKind, uuid: string): void {
  const { unreadable } = mirror;
  if (unreadable.size === 0) return;
  const host = kind === "Host" ? mirror.get("Host", uuid)?.value : undefined;
  const machine = kind === "VmInstance" ? mirror.get("VmInstance", uuid)?.value : undefined;
  const users = kind === "PrimaryStorage" ? mirror.find("Volume", "primaryStorageUuid", uuid) : [];
  const broken =
    unreadable.naming(uuid, ...dependents) ??
    (host === undefined ? undefined : unreadable.machineOn(host)) ??
    (machine === undefined ? undefined : unreadable.partOf(machine)) ??
    users
      .map(({ value }) => unreadable.get("VmInstance", value.vmInstanceUuid ?? ""))
      .find((user) => user !== undefined);
  if (broken !== undefined) throw unreadableError(broken);
}

/** Networks that are deleted for themselves, and not with all that uses them, have no cards left. @throws NETWORK.1007 */
function checkCards(mirror: Mirror, root: string, doomed: Doomed): void {
  if (root !== "L2Network" && root !== "L3Network") return;
  for (const { kind, uuid } of doomed) {
    if (kind !== "L3Network") continue;
    const machines = mirror
      .find("VmNic", "l3NetworkUuid", uuid)
      .map(({ value }) => mirror.get("VmInstance", value.vmInstanceUuid)?.value.name ?? value.vmInstanceUuid);
    if (machines.length === 0) continue;
    const where = `L3Network ${shown(mirror.get("L3Network", uuid)?.value.name ?? uuid)}`;
    const details = `Cards in it have ${listed([...new Set(machines)].map((each) => shown(each)))}.`;
    const remedy = "Expunge these machines first, or leave the network.";
    throw new CloudError(refusalOf("NETWORK.1007", { where, details, remedy }));
  }
}

/** A host that is deleted for itself leaves its machines in the cloud. @throws HOST.1003 when their volumes go with it */
function checkVolumes(mirror: Mirror, root: string, uuid: string, mode: CascadeData["mode"]): void {
  const host = root === "Host" ? mirror.get("Host", uuid)?.value : undefined;
  if (host !== undefined && mode !== "Enforcing") requireNoVolumes(mirror, host);
}

/** What somebody who deletes a host has to know of it afterwards. */
function lossesOf(mirror: Mirror, root: string, uuid: string): Partial<CascadeData> {
  if (root !== "Host") return {};
  const here = mirror.find("VmInstance", "hostUuid", uuid).map(({ value }) => value);
  const machines = [...here, ...comingTo(mirror, uuid), ...suspendedOn(mirror, uuid)];
  return {
    lostVolumes: volumesLostWith(mirror, uuid),
    countedAsStopped: machines.map(({ uuid: each, name }) => ({ uuid: each, name })),
  };
}

/** Machines that a move, of which nobody knows the end, may have brought to a host. */
function comingTo(mirror: Mirror, hostUuid: string, tx?: Tx): RecordOf<"VmInstance">[] {
  return [...mirror.entries("Migration")].flatMap(([vmUuid, { value }]) => {
    const record = tx === undefined ? value : tx.get("Migration", vmUuid);
    if (readMigration(record)?.destinationUuid !== hostUuid) return [];
    const machine = tx === undefined ? mirror.get("VmInstance", vmUuid)?.value : tx.get("VmInstance", vmUuid);
    return machine === undefined ? [] : [machine];
  });
}

/** That the host which may have it is given up is the administrator's word, as for one that was on it. @throws VM.1010 */
function checkComing(
  mirror: Mirror,
  machine: RecordOf<"VmInstance">,
  hostUuid: string,
  mode: CascadeData["mode"],
): void {
  const isLost = mirror.get("Host", hostUuid)?.value.status === "Disconnected";
  if (mode === "Enforcing" && isLost && machine.operation === null) return;
  throw mayRunThere(machine, `It is ${machine.state}, and a migration may have brought it to this host.`);
}

/** Suspended machines whose memory is kept on a host. */
function suspendedOn(mirror: Mirror, hostUuid: string): RecordOf<"VmInstance">[] {
  return mirror
    .find("VmInstance", "lastHostUuid", hostUuid)
    .map(({ value }) => value)
    .filter(({ state }) => state === "Suspended");
}

function keptThere(machine: RecordOf<"VmInstance">): CloudError {
  return new CloudError(
    refusalOf("VM.1010", {
      where: `VmInstance ${shown(machine.name)}`,
      details: "It is Suspended, and its memory is kept on this host.",
      remedy: "Resume it first, or accept that its memory is lost with deleteMode=Enforcing: it is Stopped then.",
      values: { state: machine.state },
    }),
  );
}

/** @throws VM.1010 for a machine that may run */
function checkMachine(mirror: Mirror, machine: RecordOf<"VmInstance">, mode: CascadeData["mode"]): void {
  const host = machine.hostUuid === null ? undefined : mirror.get("Host", machine.hostUuid)?.value;
  const mayRun = vmStates[machine.state].onHost || machine.operation !== null;
  // What its host, which is given up, may still have running is the administrator's word.
  const isLost = host === undefined || host.status === "Disconnected";
  const isGivenUp = mode === "Enforcing" && isLost && machine.operation === null;
  if (!mayRun || isGivenUp) return;
  const details = `It is ${machine.state}${machine.operation === null ? "" : `, and ${machine.operation} is running`}.`;
  throw mayRunThere(machine, details);
}

function mayRunThere(machine: RecordOf<"VmInstance">, details: string): CloudError {
  return new CloudError(
    refusalOf("VM.1010", {
      where: `VmInstance ${shown(machine.name)}`,
      details,
      remedy:
        "Stop or delete the machine first. Of a lost host that is switched off and stays so: deleteMode=Enforcing; its " +
        "machines count as stopped then.",
      values: { state: machine.state },
    }),
  );
}

function remove(tx: Tx, { kind, uuid }: Doomed[number]): void {
  // One that went with another: a card with its machine, a root volume too.
  if (tx.get(kind, uuid) === undefined) return;
  if (kind === "VmInstance") {
    removeMachine(tx, uuid);
    return;
  }
  if (kind === "Volume") {
    removeVolume(tx, uuid);
    return;
  }
  const nic = kind === "VmNic" ? tx.get("VmNic", uuid) : undefined;
  if (nic !== undefined) {
    removeNic(tx, nic);
    return;
  }
  if (kind === "Host") {
    settleWithout(tx, uuid);
    letMachinesGo(tx, uuid);
    noLongerUnseen(tx, uuid);
    if (tx.get("HostFirewall", uuid) !== undefined) tx.delete("HostFirewall", uuid);
    const { managementIp } = tx.need("Host", uuid);
    if (tx.get("HostAddress", managementIp)?.["hostUuid"] === uuid) tx.delete("HostAddress", managementIp);
  }
  if (kind === "PrimaryStorage" && tx.get("StorageMark", uuid) !== undefined) tx.delete("StorageMark", uuid);
  if (kind === "Cluster") detachAll(tx, uuid);
  if (kind === "L3Network") {
    withoutDhcpServer(tx, tx.need("L3Network", uuid));
    detachSecurityGroups(tx, uuid);
  }
  tx.remove(kind, uuid);
  if (kind === "Host") settleShelvesWithout(tx, uuid);
}

/** What was given to a cluster that goes. */
function detachAll(tx: Tx, clusterUuid: string): void {
  for (const kind of ["PrimaryStorage", "L2Network"] as const)
    for (const { uuid } of tx.find(kind, "attachedClusterUuids", clusterUuid)) {
      const holder = tx.get(kind, uuid);
      const left = holder?.attachedClusterUuids.filter((each) => each !== clusterUuid);
      if (left !== undefined) tx.update(kind, uuid, { attachedClusterUuids: left });
    }
}

/** Machines that a deleted host had: nobody can say more of them than that they do not run. */
function letMachinesGo(tx: Tx, hostUuid: string): void {
  for (const { uuid } of tx.find("VmInstance", "hostUuid", hostUuid)) {
    const machine = tx.get("VmInstance", uuid);
    // One that may be on another host has that one's now.
    if (machine === undefined || machine.operation !== null || machine.hostUuid !== hostUuid) continue;
    const stopped = observeVm(machine.name, lifeOf(machine), "stopped");
    if (stopped.done) settleParts(tx, tx.update("VmInstance", uuid, settled(machine, stopped.next)));
    // One of which nothing can be said, after a failure, is on no host any more, either.
    if (tx.get("VmInstance", uuid)?.hostUuid === hostUuid)
      tx.update("VmInstance", uuid, { hostUuid: null, lastHostUuid: hostUuid });
  }
  for (const { uuid, state } of tx.find("VmInstance", "lastHostUuid", hostUuid))
    if (state === "Suspended" && tx.get("VmInstance", uuid)?.operation === null)
      tx.update("VmInstance", uuid, { state: "Stopped" });
  if (tx.get("HostCertificate", hostUuid) !== undefined) tx.delete("HostCertificate", hostUuid);
  for (const { hostUuid: of, storageUuid } of tx.find("HostStorage", "hostUuid", hostUuid))
    tx.delete("HostStorage", `${String(of)}:${String(storageUuid)}`);
}

/** Nothing may be left that has an owner which goes now. */
function checkAlone(tx: Tx, part: Doomed): void {
  const going = new Set(part.map(({ uuid }) => uuid));
  for (const { kind, uuid } of part)
    for (const { kind: child, field } of ownedBy(kind))
      for (const left of tx.find(child, field, uuid))
        if (!going.has(left.uuid) && tx.peek(child, left.uuid) !== undefined)
          throw new CloudError(
            refusalOf("SYS.1006", {
              where: `${kind} ${uuid}`,
              details: `${listed([left.name])} was made meanwhile.`,
              remedy: "Try again.",
            }),
          );
}

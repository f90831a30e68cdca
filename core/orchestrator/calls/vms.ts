import type { CallInput } from "../../model/cloud/calls/index.ts";
import { hostTagRefusal, hostTagWishes } from "../../model/cloud/host-tags.ts";
import { guardVm } from "../../model/cloud/vm-life.ts";
import type { VmOperation } from "../../model/cloud/vm-operations.ts";
import { shown } from "../../model/quote.ts";
import type { JsonObject } from "../../store/record.ts";
import { requireWhole } from "../expunging.ts";
import { requireAllSeen } from "../hosts/unseen.ts";
import type { Tx } from "../records.ts";
import type { CreateData } from "../vm/create.ts";
import { rootOf } from "../vm/image.ts";
import { begin, end, lifeOf } from "../vm/life.ts";
import { requireVolumes } from "../vm/local-volumes.ts";
import { newMac } from "../vm/nic.ts";
import type { DestroyData, StopData, VmData } from "../vm/run.ts";
import type { CallContext, DecidersOf, NewTask } from "./handler.ts";
import { patchOf, refuseFor } from "./shared.ts";
import { incomplete, sizeOf } from "./vm-size.ts";

/* Virtual machines. What takes its time is a task; the machine's record refuses other operations until it ends. */

function checkNetworks(tx: Tx, { l3NetworkUuids, defaultL3NetworkUuid }: CallInput<"CreateVmInstance">): void {
  for (const uuid of l3NetworkUuids) {
    const network = tx.need("L3Network", uuid, "l3NetworkUuids");
    if (network.state !== "Enabled")
      throw incomplete(
        "l3NetworkUuids",
        `The network ${shown(network.name)} is Disabled.`,
        "Enable it, or leave it out.",
      );
  }
  if (defaultL3NetworkUuid !== undefined && !l3NetworkUuids.includes(defaultL3NetworkUuid))
    throw incomplete("defaultL3NetworkUuid", "The machine has no card in it.", "Give one of l3NetworkUuids.");
}

/** The cards that somebody wants. @throws VM.1009 for a wish that concerns none of them */
function cardsOf(
  { l3NetworkUuids, staticIps, staticMacs }: CallInput<"CreateVmInstance">,
  newUuid: () => string,
): CreateData["nics"] {
  const wished = (field: "staticIps" | "staticMacs", wishes: readonly string[]) => {
    const all = new Map(wishes.map((text) => [text.slice(0, 32), text.slice(34)]));
    if ([...all.keys()].every((uuid) => l3NetworkUuids.includes(uuid))) return all;
    throw incomplete(field, "The machine has no card in that network.", "Name networks of l3NetworkUuids.");
  };
  const [ips, macs] = [wished("staticIps", staticIps), wished("staticMacs", staticMacs)];
  return l3NetworkUuids.map((l3NetworkUuid) => {
    const mac = macs.get(l3NetworkUuid) ?? newMac(newUuid);
    return { uuid: newUuid(), mac, l3NetworkUuid, ip: ips.get(l3NetworkUuid) ?? null };
  });
}

/** Its own, and the wishes of its offering, which it keeps whatever becomes of that. @throws SYS.1001 */
function tagsOf(tx: Tx, { tags, instanceOfferingUuid: uuid }: CallInput<"CreateVmInstance">): string[] {
  refuseFor(hostTagRefusal(tags));
  const offering = uuid === undefined ? undefined : tx.get("InstanceOffering", uuid);
  return [...new Set([...tags, ...hostTagWishes(offering?.tags)])];
}

function created(tx: Tx, input: CallInput<"CreateVmInstance">, context: CallContext) {
  const size = sizeOf(tx, input);
  checkNetworks(tx, input);
  const storageUuid = input.primaryStorageUuidForRootVolume ?? null;
  if (input.clusterUuid !== undefined) tx.need("Cluster", input.clusterUuid, "clusterUuid");
  if (input.hostUuid !== undefined) tx.need("Host", input.hostUuid, "hostUuid");
  if (storageUuid !== null) tx.need("PrimaryStorage", storageUuid, "primaryStorageUuidForRootVolume");
  if (input.affinityGroupUuid !== undefined) tx.need("AffinityGroup", input.affinityGroupUuid, "affinityGroupUuid");
  const { newUuid } = context;
  const isOnlyMade = input.strategy === "CreateStopped";
  const vmUuid = newUuid();
  const { image, rootDiskSize } = rootOf(tx, input);
  const data: CreateData = {
    vmUuid,
    holder: newUuid(),
    volumeUuid: newUuid(),
    nics: cardsOf(input, newUuid),
    name: input.name,
    description: input.description,
    cpuNum: size.cpuNum,
    memorySize: size.memorySize,
    rootDiskSize,
    image,
    instanceOfferingUuid: input.instanceOfferingUuid ?? null,
    defaultL3NetworkUuid: input.defaultL3NetworkUuid ?? input.l3NetworkUuids[0] ?? null,
    clusterUuid: input.clusterUuid ?? null,
    hostUuid: input.hostUuid ?? null,
    storageUuid,
    platform: input.platform,
    haLevel: input.haLevel,
    tags: tagsOf(tx, input),
    ...guestOf(input),
    ...(input.affinityGroupUuid === undefined ? {} : { affinityGroupUuid: input.affinityGroupUuid }),
    ...(isOnlyMade ? { isOnlyMade } : {}),
  };
  const flow = isOnlyMade ? "defineVm" : "createVm";
  return task(tx, context, {
    flow: image === null ? flow : `${flow}OfImage`,
    data,
    call: "CreateVmInstance",
    name: `Create machine ${shown(input.name)}`,
    resourceUuid: vmUuid,
  });
}

function guestOf({ userData, sshPublicKeys = [], hostName }: CallInput<"CreateVmInstance">): Pick<CreateData, "guest"> {
  const isNothing = userData === undefined && sshPublicKeys.length === 0 && hostName === undefined;
  return isNothing ? {} : { guest: { userData: userData ?? null, sshPublicKeys, hostName: hostName ?? null } };
}

function task(tx: Tx, context: CallContext, what: NewTask) {
  return { task: context.startTask(tx, what, context) };
}

type Work = { call: NewTask["call"]; verb: string; flow: string };

/** Begins an operation on a machine, with the task that carries it out. */
export function work<D extends JsonObject>(
  tx: Tx,
  context: CallContext,
  { call, verb, flow }: Work,
  name: string,
  data: D & VmData,
) {
  const what = { flow, data, call, name: `${verb} machine ${shown(name)}`, resourceUuid: data.vmUuid };
  return task(tx, context, what);
}

type OnItsHost = "RebootVmInstance" | "PauseVmInstance" | "SuspendVmInstance";

/** An operation that is one command to the machine's host. */
function onItsHost(call: OnItsHost, { operation, ...how }: Omit<Work, "call"> & { operation: VmOperation }) {
  return (tx: Tx, { uuid }: { uuid: string }, context: CallContext) => {
    const holder = context.newUuid();
    const { name, hostUuid } = begin(tx, uuid, operation, holder);
    return work<VmData>(tx, context, { call, ...how }, name, { vmUuid: uuid, holder, hostUuid });
  };
}

export const vmDeciders = {
  CreateVmInstance: created,
  UpdateVmInstance: (tx, { uuid, ...patch }) => {
    refuseFor(hostTagRefusal(patch.tags));
    return { inventory: tx.update("VmInstance", uuid, patchOf(patch)) };
  },
  StartVmInstance: (tx, { uuid, hostUuid = null }, context) => {
    if (hostUuid !== null) tx.need("Host", hostUuid, "hostUuid");
    const holder = context.newUuid();
    const isNew = tx.need("VmInstance", uuid).state === "Created";
    const machine = begin(tx, uuid, isNew ? "launch" : "start", holder);
    requireAllSeen(tx, machine.name);
    requireVolumes(tx, machine);
    const { name } = machine;
    return work(tx, context, { call: "StartVmInstance", verb: "Start", flow: "startVm" }, name, {
      vmUuid: uuid,
      holder,
      hostUuid,
    });
  },
  StopVmInstance: (tx, { uuid, type, noRestart }, context) => {
    const holder = context.newUuid();
    const { name, hostUuid } = begin(tx, uuid, type === "cold" ? "powerOff" : "stop", holder);
    const graceMs = type === "cold" ? 0 : context.settings.number("vm.stop.timeout") * 1000;
    const data: StopData = { vmUuid: uuid, holder, hostUuid, graceMs, noRestart };
    return work(tx, context, { call: "StopVmInstance", verb: "Stop", flow: "stopVm" }, name, data);
  },
  RebootVmInstance: onItsHost("RebootVmInstance", { operation: "reboot", verb: "Restart", flow: "rebootVm" }),
  PauseVmInstance: onItsHost("PauseVmInstance", { operation: "pause", verb: "Pause", flow: "pauseVm" }),
  SuspendVmInstance: onItsHost("SuspendVmInstance", { operation: "suspend", verb: "Suspend", flow: "suspendVm" }),
  ResumeVmInstance: (tx, { uuid }, context) => {
    const holder = context.newUuid();
    const { name, hostUuid, lastHostUuid, earlierState } = begin(tx, uuid, "resume", holder);
    const isOnDisk = earlierState === "Suspended";
    const data: VmData = { vmUuid: uuid, holder, hostUuid: isOnDisk ? lastHostUuid : hostUuid };
    const flow = isOnDisk ? "restoreVm" : "resumeVm";
    return work(tx, context, { call: "ResumeVmInstance", verb: "Resume", flow }, name, data);
  },
  DestroyVmInstance: (tx, { uuid }, context) => {
    const holder = context.newUuid();
    const { name, hostUuid } = begin(tx, uuid, "delete", holder);
    const expunges = context.settings.choice("vm.deletionPolicy") === "Direct";
    const data: DestroyData = { vmUuid: uuid, holder, hostUuid, expunges };
    return work(tx, context, { call: "DestroyVmInstance", verb: "Delete", flow: "destroyVm" }, name, data);
  },
  RecoverVmInstance: (tx, { uuid }, { newUuid }) => {
    const holder = newUuid();
    begin(tx, uuid, "recover", holder);
    for (const volume of tx.find("Volume", "vmInstanceUuid", uuid))
      requireWhole(tx, "Volume", volume, "ExpungeVmInstance");
    const machine = end(tx, { vmUuid: uuid, holder }, "done");
    if (machine === undefined) throw new Error("A recovered machine is gone.");
    return { inventory: machine };
  },
  ExpungeVmInstance: (tx, { uuid }, context) => {
    const holder = context.newUuid();
    const { name, hostUuid } = begin(tx, uuid, "expunge", holder);
    const data: VmData = { vmUuid: uuid, holder, hostUuid };
    return work(tx, context, { call: "ExpungeVmInstance", verb: "Expunge", flow: "expungeVm" }, name, data);
  },
  LockVmInstance: (tx, { uuid }) => ({
    inventory: tx.update("VmInstance", uuid, guardVm(lifeOf(tx.need("VmInstance", uuid)), "lock")),
  }),
  UnlockVmInstance: (tx, { uuid }) => ({
    inventory: tx.update("VmInstance", uuid, guardVm(lifeOf(tx.need("VmInstance", uuid)), "unlock")),
  }),
} satisfies DecidersOf<
  | "CreateVmInstance"
  | "UpdateVmInstance"
  | "StartVmInstance"
  | "StopVmInstance"
  | "RebootVmInstance"
  | "PauseVmInstance"
  | "SuspendVmInstance"
  | "ResumeVmInstance"
  | "DestroyVmInstance"
  | "RecoverVmInstance"
  | "ExpungeVmInstance"
  | "LockVmInstance"
  | "UnlockVmInstance"
>;

import type { CallInput } from "../../model/cloud/calls/index.ts";
import { hostTagWishes } from "../../model/cloud/host-tags.ts";
import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import { snapshotRefusal } from "../../model/cloud/volume-rules.ts";
import { shown } from "../../model/quote.ts";
import type { RecordOf } from "../kinds.ts";
import type { Tx } from "../records.ts";
import type { CloneData } from "../vm/clone-records.ts";
import { type RootImage, rootOf } from "../vm/image.ts";
import { begin, end, type Machine } from "../vm/life.ts";
import { newMac } from "../vm/nic.ts";
import type { RebuildData } from "../vm/rebuild.ts";
import { holdVolume } from "../volume/hold.ts";
import { snapshotsOf } from "../volume/snapshots.ts";
import type { CallContext, DecidersOf } from "./handler.ts";
import { refuseFor } from "./shared.ts";
import { sizeOf } from "./vm-size.ts";
import { refused, task } from "./volumes.ts";

/* What changes a machine itself. */

/** The image that a machine is to be rebuilt of. @throws VM.1050, VM.1051, those of {@link rootOf} */
function imageFor(tx: Tx, { name, imageUuid, clusterUuid }: Machine, wanted: string | undefined) {
  const where = `VmInstance ${shown(name)}`;
  const uuid = wanted ?? imageUuid;
  const isGone = wanted === undefined && uuid !== null && tx.get("Image", uuid) === undefined;
  if (uuid === null || isGone) {
    const details = isGone
      ? `The image ${uuid} that it was made of is not in the cloud any more.`
      : "It was made without an image.";
    const remedy = "Name one: ReimageVmInstance imageUuid=...";
    throw new CloudError(refusalOf("VM.1050", { where, details, remedy }));
  }
  const { image, rootDiskSize } = rootOf(tx, { imageUuid: uuid });
  if (image === null) throw new Error(`The image ${uuid} is none.`);
  requireZone(tx, where, clusterUuid, image);
  return { image, leastSize: rootDiskSize };
}

export function requireZone(tx: Tx, where: string, clusterUuid: string, { uuid, zoneUuid }: RootImage): void {
  if (tx.need("Cluster", clusterUuid).zoneUuid === zoneUuid) return;
  const details = `The store of the image ${shown(tx.peek("Image", uuid)?.name ?? uuid)} is in another zone.`;
  const remedy = "Take an image of a store in the machine's zone.";
  throw new CloudError(refusalOf("VM.1051", { where, details, remedy }));
}

function rebuilt(tx: Tx, { uuid, imageUuid }: CallInput<"ReimageVmInstance">, context: CallContext) {
  const holder = context.newUuid();
  const machine = begin(tx, uuid, "rebuild", holder);
  const { image, leastSize } = imageFor(tx, machine, imageUuid);
  if (machine.rootVolumeUuid === null) throw new Error(`${uuid} has no root volume.`);
  const former = holdVolume(tx, machine.rootVolumeUuid, "rebuild", holder);
  if (former.status !== "Ready" || former.format !== "qcow2")
    throw refused(former, `Its status is ${former.status}, its format ${former.format}.`, "Take another machine.");
  const data: RebuildData = {
    ...{ vmUuid: uuid, holder, volumeUuid: context.newUuid(), formerUuid: former.uuid },
    image,
    // What was promised to the machine stays.
    size: Math.max(leastSize, former.size),
    expunges: context.settings.choice("volume.deletionPolicy") === "Direct",
  };
  const what = { call: "ReimageVmInstance", flow: "rebuildVm", verb: "Rebuild machine" } as const;
  return task(tx, context, what, machine.name, data, uuid);
}

function cloned(
  tx: Tx,
  { uuid, names, full, strategy, affinityGroupUuid }: CallInput<"CloneVmInstance">,
  context: CallContext,
) {
  if (typeof affinityGroupUuid === "string") tx.need("AffinityGroup", affinityGroupUuid, "affinityGroupUuid");
  const holder = context.newUuid();
  const { newUuid } = context;
  const machine = begin(tx, uuid, "clone", holder);
  const volumes = tx
    .find("Volume", "vmInstanceUuid", uuid)
    .filter(({ type, installPath }) => type === "Root" || (full && installPath !== null))
    .map((volume) => holdVolume(tx, volume.uuid, "clone", holder));
  const isRunning = machine.state === "Running";
  for (const volume of volumes)
    refuseFor(snapshotRefusal(volume.name, volume, isRunning ? snapshotsOf(tx, volume.uuid).length : 0));
  const cards = tx.find("VmNic", "vmInstanceUuid", uuid).toSorted((a, b) => a.deviceId - b.deviceId);
  for (const { l3NetworkUuid } of cards) requireEnabled(machine.name, tx.need("L3Network", l3NetworkUuid));
  const data: CloneData = {
    ...{ vmUuid: uuid, holder, isStarted: strategy === "InstantStart" },
    ...(affinityGroupUuid === undefined ? {} : { affinityGroupUuid }),
    clones: names.map((name) => ({
      ...{ vmUuid: newUuid(), name },
      nics: cards.map(({ l3NetworkUuid }) => ({ uuid: newUuid(), mac: newMac(newUuid), l3NetworkUuid })),
      volumes: volumes.map((volume) => ({ uuid: newUuid(), fromUuid: volume.uuid })),
    })),
    snapshots: isRunning ? volumes.map((volume) => ({ uuid: newUuid(), volumeUuid: volume.uuid })) : [],
  };
  const what = {
    flow: "cloneVm",
    data,
    call: "CloneVmInstance",
    name: `Clone machine ${shown(machine.name)}`,
  } as const;
  return { task: context.startTask(tx, { ...what, resourceUuid: uuid, uuid: holder }, context) };
}

/** With another offering, what the former one wished of hosts goes, and what the new one does comes. */
function tagsWith(tx: Tx, { tags, instanceOfferingUuid: former }: Machine, next: string | null): string[] {
  if (next === null) return [...tags];
  const wishesOf = (uuid: string | null) =>
    hostTagWishes(uuid === null ? undefined : tx.get("InstanceOffering", uuid)?.tags);
  const going = wishesOf(former);
  return [...new Set([...tags.filter((tag) => !going.includes(tag)), ...wishesOf(next)])];
}

export const vmLifeDeciders = {
  // Done at once: a stopped machine is on no host, and is given its size with its next start.
  ChangeInstanceOffering: (tx, { uuid, ...given }, { newUuid }) => {
    const holder = newUuid();
    const machine = begin(tx, uuid, "resize", holder);
    const { cpuNum, memorySize } = sizeOf(tx, given, machine);
    const instanceOfferingUuid = given.instanceOfferingUuid ?? null;
    const tags = tagsWith(tx, machine, instanceOfferingUuid);
    const changed = end(tx, { vmUuid: uuid, holder }, "done", { cpuNum, memorySize, instanceOfferingUuid, tags });
    if (changed === undefined) throw new Error("A machine that was resized is gone.");
    return { inventory: changed };
  },
  ReimageVmInstance: rebuilt,
  CloneVmInstance: cloned,
} satisfies DecidersOf<"ChangeInstanceOffering" | "CloneVmInstance" | "ReimageVmInstance">;

/** @throws NETWORK.1023 */
function requireEnabled(machine: string, { name, state, uuid }: RecordOf<"L3Network">): void {
  if (state === "Enabled") return;
  const details = `The state of ${shown(name)}, in which it has a card, is Disabled.`;
  const remedy = "Enable it (ChangeL3NetworkState), or detach the card first.";
  throw new CloudError(
    refusalOf("NETWORK.1023", {
      where: `VmInstance ${shown(machine)}`,
      details,
      remedy,
      values: { l3NetworkUuid: uuid },
    }),
  );
}

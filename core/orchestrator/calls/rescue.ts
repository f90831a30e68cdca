import type { CallInput } from "../../model/cloud/calls/index.ts";
import { shown } from "../../model/quote.ts";
import { requireIso } from "../device/iso-image.ts";
import type { Tx } from "../records.ts";
import { rootOf } from "../vm/image.ts";
import { begin, type Machine } from "../vm/life.ts";
import type { RescueData, UnrescueData } from "../vm/rescue.ts";
import type { CallContext, DecidersOf } from "./handler.ts";
import { requireZone } from "./vm-life.ts";
import { work } from "./vms.ts";
import { refused } from "./volumes.ts";

/** What a rescue is started from. @throws SYS.1005, VM.1051, STORAGE.1031 */
function imageOf(tx: Tx, machine: Machine, imageUuid: string, volumeUuid: string) {
  if (tx.need("Image", imageUuid, "imageUuid").format === "iso")
    return { image: null, iso: requireIso(tx, imageUuid, machine), volumeUuid: null, sizeBytes: 0 };
  const { image, rootDiskSize } = rootOf(tx, { imageUuid });
  if (image === null) throw new Error(`The image ${imageUuid} is none.`);
  requireZone(tx, `VmInstance ${shown(machine.name)}`, machine.clusterUuid, image);
  return { image, iso: null, volumeUuid, sizeBytes: rootDiskSize };
}

function rescued(tx: Tx, { uuid, imageUuid }: CallInput<"RescueVmInstance">, context: CallContext) {
  const holder = context.newUuid();
  const machine = begin(tx, uuid, "rescue", holder);
  const root = tx.need("Volume", machine.rootVolumeUuid ?? "");
  if (root.status !== "Ready" || root.installPath === null)
    throw refused(root, `Its status is ${root.status}.`, "Take another machine.");
  const { name, hostUuid, earlierState } = machine;
  const data: RescueData = {
    ...{ vmUuid: uuid, holder, hostUuid, imageUuid, ran: earlierState === "Running" },
    ...imageOf(tx, machine, imageUuid, context.newUuid()),
    graceMs: context.settings.number("vm.stop.timeout") * 1000,
  };
  return work(tx, context, { call: "RescueVmInstance", flow: "rescueVm", verb: "Rescue" }, name, data);
}

function unrescued(tx: Tx, { uuid }: CallInput<"UnrescueVmInstance">, context: CallContext) {
  const holder = context.newUuid();
  const { name, hostUuid, stateBeforeRescue } = begin(tx, uuid, "unrescue", holder);
  const graceMs = context.settings.number("vm.stop.timeout") * 1000;
  const data: UnrescueData = { vmUuid: uuid, holder, hostUuid, graceMs, ran: stateBeforeRescue === "Running" };
  return work(tx, context, { call: "UnrescueVmInstance", flow: "unrescueVm", verb: "End the rescue of" }, name, data);
}

export const rescueDeciders = {
  RescueVmInstance: rescued,
  UnrescueVmInstance: unrescued,
} satisfies DecidersOf<"RescueVmInstance" | "UnrescueVmInstance">;

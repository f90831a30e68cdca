import type { CallInput } from "../../model/cloud/calls/index.ts";
import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import { isoRefusal } from "../../model/cloud/vm.ts";
import { shown } from "../../model/quote.ts";
import type { AttachIsoData, IsoData } from "../device/iso.ts";
import { requireIso } from "../device/iso-image.ts";
import type { Tx } from "../records.ts";
import { begin, end } from "../vm/life.ts";
import type { CallContext, DecidersOf } from "./handler.ts";
import { refuseFor } from "./shared.ts";

/* Drives and boot order of machines. What a host has to do is a task; the machine's record refuses others until it ends. */

function attachIso(tx: Tx, { uuid, isoUuid }: CallInput<"AttachIsoToVmInstance">, context: CallContext) {
  const holder = context.newUuid();
  const machine = begin(tx, uuid, "attachIso", holder);
  const { name, isoUuids, hostUuid } = machine;
  const image = requireIso(tx, isoUuid, machine);
  refuseFor(isoRefusal(name, isoUuids, isoUuid));
  const data: AttachIsoData = { vmUuid: uuid, holder, hostUuid, imageUuid: isoUuid, image };
  const title = `Insert an ISO image into machine ${shown(name)}`;
  const what = { call: "AttachIsoToVmInstance", flow: "attachIso", name: title, resourceUuid: uuid } as const;
  return { task: context.startTask(tx, { ...what, data }, context) };
}

function detachIso(tx: Tx, { uuid, isoUuid }: CallInput<"DetachIsoFromVmInstance">, context: CallContext) {
  const holder = context.newUuid();
  const { name, isoUuids, hostUuid } = begin(tx, uuid, "detachIso", holder);
  if (!isoUuids.includes(isoUuid)) throw noSuchIso(name, isoUuids);
  const data: IsoData = { vmUuid: uuid, holder, hostUuid, imageUuid: isoUuid };
  const title = `Eject an ISO image from machine ${shown(name)}`;
  const what = { call: "DetachIsoFromVmInstance", flow: "detachIso", name: title, resourceUuid: uuid } as const;
  return { task: context.startTask(tx, { ...what, data }, context) };
}

function noSuchIso(name: string, isoUuids: readonly string[]): CloudError {
  const details = isoUuids.length === 0 ? "Its drives are empty." : `It has ${isoUuids.join(", ")}.`;
  const remedy = "Give the uuid of an image that it has (QueryVmInstance shows isoUuids).";
  return new CloudError(refusalOf("VM.1041", { where: `VmInstance ${shown(name)}`, details, remedy }));
}

export const deviceDeciders = {
  AttachIsoToVmInstance: attachIso,
  DetachIsoFromVmInstance: detachIso,
  SetVmBootOrder: (tx, { uuid, bootOrder }, { newUuid }) => {
    const holder = newUuid();
    begin(tx, uuid, "setBootOrder", holder);
    const machine = end(tx, { vmUuid: uuid, holder }, "done", { bootOrder });
    if (machine === undefined) throw new Error("A machine is gone by its boot order.");
    return { inventory: machine };
  },
} satisfies DecidersOf<"AttachIsoToVmInstance" | "DetachIsoFromVmInstance" | "SetVmBootOrder">;

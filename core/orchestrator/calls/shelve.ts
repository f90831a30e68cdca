import type { CallInput } from "../../model/cloud/calls/index.ts";
import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import { fittingRefusal } from "../../model/cloud/storage.ts";
import { shown } from "../../model/quote.ts";
import { requireAllSeen } from "../hosts/unseen.ts";
import type { RecordOf } from "../kinds.ts";
import type { Tx } from "../records.ts";
import type { RootImage } from "../vm/image.ts";
import { begin, type Machine } from "../vm/life.ts";
import { requireVolumes } from "../vm/local-volumes.ts";
import { noteShelf, shelfOf } from "../vm/shelf.ts";
import type { ShelveData } from "../vm/shelve.ts";
import type { UnshelveData } from "../vm/unshelve.ts";
import { storageOf } from "../volume/place.ts";
import { snapshotsOf } from "../volume/snapshots.ts";
import type { CallContext, DecidersOf } from "./handler.ts";
import { usableStore } from "./images.ts";
import { refuseFor } from "./shared.ts";
import { work } from "./vms.ts";

/** @throws VM.1080 */
function requireShelvable(tx: Tx, { name }: Machine, root: RecordOf<"Volume">): void {
  const refused = (details: string, remedy: string) =>
    new CloudError(refusalOf("VM.1080", { where: `VmInstance ${shown(name)}`, details, remedy }));
  const snapshots = snapshotsOf(tx, root.uuid).length;
  if (snapshots > 0)
    throw refused(
      `Its root volume has ${snapshots} snapshots, which an image has not: they would be lost.`,
      "Delete them first (DeleteVolumeSnapshot), or keep what they hold in a copy (CloneVmInstance).",
    );
  if (root.status !== "Ready" || root.installPath === null || root.format !== "qcow2")
    throw refused(
      `The status of its root volume is ${root.status}, its format ${root.format}.`,
      "Take another machine.",
    );
}

/** @throws SYS.1005, STORAGE.1002, STORAGE.1003, STORAGE.1010, STORAGE.1060 */
function storeFor(tx: Tx, machine: Machine, root: RecordOf<"Volume">, wanted: string | undefined) {
  const { zoneUuid } = tx.need("Cluster", machine.clusterUuid);
  const refused = (details: string, remedy: string) =>
    new CloudError(refusalOf("STORAGE.1060", { where: `Volume ${shown(root.name)}`, details, remedy }));
  if (wanted !== undefined) {
    const store = usableStore(tx, wanted, "backupStorageUuid");
    refuseFor(fittingRefusal(store.type, storageOf(tx, root).type, false));
    if (store.zoneUuid === zoneUuid && store.type === "ImageStore") return store;
    throw refused(`${shown(store.name)} is none of the machine's zone.`, "Name one of its zone, or none.");
  }
  const [best] = tx
    .find("BackupStorage", "zoneUuid", zoneUuid)
    .filter(({ type, state, status }) => type === "ImageStore" && state === "Enabled" && status === "Connected")
    .toSorted((a, b) => b.availableCapacity - a.availableCapacity || (a.uuid < b.uuid ? -1 : 1));
  if (best !== undefined) return best;
  throw refused(
    "The machine's zone has no image store that is Enabled and Connected.",
    "Add one (AddImageStoreBackupStorage), or reconnect the one that there is (ReconnectBackupStorage).",
  );
}

function shelved(tx: Tx, { uuid, backupStorageUuid }: CallInput<"ShelveVmInstance">, context: CallContext) {
  const { newUuid } = context;
  const holder = newUuid();
  const machine = begin(tx, uuid, "shelve", holder);
  const root = tx.need("Volume", machine.rootVolumeUuid ?? "");
  requireShelvable(tx, machine, root);
  const store = storeFor(tx, machine, root, backupStorageUuid);
  const { name, hostUuid, earlierState } = machine;
  const data: ShelveData = {
    ...{ vmUuid: uuid, holder, hostUuid, rootUuid: root.uuid, ran: earlierState === "Running" },
    ...{ copyUuid: newUuid(), freshUuid: newUuid(), spareUuid: newUuid(), imageUuid: newUuid() },
    ...{ storeUuid: store.uuid, storeUrl: store.url },
    graceMs: context.settings.number("vm.stop.timeout") * 1000,
  };
  return work(tx, context, { call: "ShelveVmInstance", flow: "shelveVm", verb: "Shelve" }, name, data);
}

/** The image of a shelved machine. @throws VM.1051 */
function imageOf(tx: Tx, { uuid, name }: Machine, imageUuid: string): RootImage {
  const image = tx.get("Image", imageUuid);
  const [storeUuid = ""] = image?.backupStorageUuids ?? [];
  const store = tx.get("BackupStorage", storeUuid);
  if (image?.status === "Ready" && image.sha256 !== null && image.format !== "iso" && store !== undefined) {
    const { sha256, format, actualSize: sizeBytes } = image;
    return { uuid: imageUuid, zoneUuid: store.zoneUuid, storeUuid, sha256, format, sizeBytes };
  }
  const details = `The image ${imageUuid}, which is all that there is of it, or its store is not in the cloud any more.`;
  const remedy =
    "Restore a backup of the records, if the store's folder is still there; or delete and expunge the machine " +
    "(DestroyVmInstance, ExpungeVmInstance), and make a new one.";
  throw new CloudError(
    refusalOf("VM.1051", { where: `VmInstance ${shown(name)}`, details, remedy, values: { vmInstanceUuid: uuid } }),
  );
}

function unshelved(tx: Tx, { uuid, hostUuid: wanted }: CallInput<"UnshelveVmInstance">, context: CallContext) {
  const hostUuid = wanted ?? null;
  if (hostUuid !== null) tx.need("Host", hostUuid, "hostUuid");
  const holder = context.newUuid();
  const machine = begin(tx, uuid, "unshelve", holder);
  requireAllSeen(tx, machine.name);
  requireVolumes(tx, machine);
  const shelf = shelfOf(tx, uuid);
  const image = imageOf(tx, machine, shelf?.imageUuid ?? "");
  noteShelf(tx, { vmUuid: uuid, imageUuid: image.uuid, spareUuid: context.newUuid() });
  const data: UnshelveData = { vmUuid: uuid, holder, hostUuid, volumeUuid: machine.rootVolumeUuid ?? "", image };
  return work(tx, context, { call: "UnshelveVmInstance", flow: "unshelveVm", verb: "Unshelve" }, machine.name, data);
}

export const shelveDeciders = {
  ShelveVmInstance: shelved,
  UnshelveVmInstance: unshelved,
} satisfies DecidersOf<"ShelveVmInstance" | "UnshelveVmInstance">;

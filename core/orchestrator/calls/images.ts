import type { CallInput } from "../../model/cloud/calls/index.ts";
import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import { nextState } from "../../model/cloud/state-machine.ts";
import { backupStorageStateMachine } from "../../model/cloud/storage.ts";
import { imageUrlRefusal, placeRefusal, shownUrl } from "../../model/cloud/storage-place.ts";
import { imageStateMachine, imageStatusMachine } from "../../model/cloud/volume.ts";
import { shown } from "../../model/quote.ts";
import { requireInNoDrive } from "../device/iso-use.ts";
import { requireWhole } from "../expunging.ts";
import type { AddImageData } from "../images/add.ts";
import { type DeleteImageData, moveOn } from "../images/delete.ts";
import type { ImageStore } from "../images/image-store.ts";
import type { StoreData } from "../images/stores.ts";
import type { RecordOf } from "../kinds.ts";
import type { Mirror } from "../mirror.ts";
import type { Tx } from "../records.ts";
import { requireOnNoShelf } from "../vm/shelf.ts";
import type { CallContext, DecidersOf, NewTask } from "./handler.ts";
import { orThrow, patchOf, refuseFor, switched } from "./shared.ts";

/* Image stores and images. What takes its time is a task. */

function task(tx: Tx, context: CallContext, what: NewTask) {
  return { task: context.startTask(tx, what, context) };
}

/** A store that images can be put into now. @throws STORAGE.1002, STORAGE.1003 */
export function usableStore(tx: Tx, uuid: string, where: string): RecordOf<"BackupStorage"> {
  const store = tx.need("BackupStorage", uuid, where);
  const refused = (code: "STORAGE.1002" | "STORAGE.1003", details: string, remedy: string) =>
    new CloudError(refusalOf(code, { where: `BackupStorage ${shown(store.name)}`, details, remedy }));
  if (store.state !== "Enabled") throw refused("STORAGE.1003", "Its state is Disabled.", "Enable it first.");
  if (store.status === "Connected") return store;
  throw refused("STORAGE.1002", `Its status is ${store.status}.`, "Look at its folder, then reconnect it.");
}

function added(tx: Tx, input: CallInput<"AddImage">, context: CallContext) {
  const { url, backupStorageUuids, format, md5 = null, platform, name, description } = input;
  refuseFor(imageUrlRefusal(url));
  const mediaType = input.mediaType ?? (format === "iso" ? "ISO" : "RootVolumeTemplate");
  if ((format === "iso") !== (mediaType === "ISO")) {
    const details = `${mediaType} can't be kept as ${format}.`;
    const remedy = "Give mediaType=ISO with format=iso, and another one with other formats.";
    throw new CloudError(refusalOf("STORAGE.1031", { where: "mediaType", details, remedy }));
  }
  const [storeUuid = ""] = backupStorageUuids;
  const store = usableStore(tx, storeUuid, "backupStorageUuids");
  const imageUuid = context.newUuid();
  tx.insert("Image", {
    uuid: imageUuid,
    name,
    description,
    backupStorageUuids,
    url: shownUrl(url),
    format,
    mediaType,
    platform,
    size: 0,
    actualSize: 0,
    md5: null,
    sha256: null,
    progress: 0,
    state: imageStateMachine.initial,
    status: orThrow(nextState(imageStatusMachine, name, imageStatusMachine.initial, "download")),
  });
  const data: AddImageData = {
    imageUuid,
    storeUuid,
    storeUrl: store.url,
    url,
    format,
    md5: md5?.toLowerCase() ?? null,
  };
  return task(tx, context, {
    flow: "addImage",
    data,
    call: "AddImage",
    name: `Add image ${shown(name)}`,
    resourceUuid: imageUuid,
  });
}

/** What a person can do with an image that is so. */
const waysOn: Readonly<Record<RecordOf<"Image">["status"], string>> = {
  Creating: "Wait until it is Ready.",
  Downloading: "Cancel its task (CancelTask): a fetch that is cancelled leaves nothing.",
  Ready: "Possible now: DeleteImage.",
  Deleting: "Wait until its task has ended.",
  Deleted: "Possible now: RecoverImage, ExpungeImage.",
};

/** An image after what somebody asks for. @throws STORAGE.1008 */
function asked(tx: Tx, uuid: string, event: "delete" | "recover" | "expunge"): RecordOf<"Image"> {
  const { name, status } = tx.need("Image", uuid);
  const next = nextState(imageStatusMachine, name, status, event);
  if (next.done && event !== "recover") requireInNoDrive(tx, tx.need("Image", uuid));
  if (next.done && event !== "recover") requireOnNoShelf(tx, tx.need("Image", uuid));
  if (!next.done) throw new CloudError({ ...next.refusal, remedy: waysOn[status] });
  if (event === "recover") requireWhole(tx, "Image", { uuid, name }, "ExpungeImage");
  return moveOn(tx, uuid, event);
}

export const imageDeciders = {
  UpdateBackupStorage: (tx, { uuid, ...patch }) => ({ inventory: tx.update("BackupStorage", uuid, patchOf(patch)) }),
  ChangeBackupStorageState: (tx, { uuid, stateEvent }) => ({
    inventory: switched(tx, "BackupStorage", backupStorageStateMachine, uuid, stateEvent),
  }),
  ReconnectBackupStorage: (tx, { uuid }, context) => {
    const { name } = tx.need("BackupStorage", uuid);
    const data: StoreData = { storeUuid: uuid };
    const title = `Reconnect image store ${shown(name)}`;
    const what = { flow: "reconnectImageStore", data, call: "ReconnectBackupStorage", name: title } as const;
    return task(tx, context, { ...what, resourceUuid: uuid });
  },
  AddImage: added,
  UpdateImage: (tx, { uuid, ...patch }) => ({ inventory: tx.update("Image", uuid, patchOf(patch)) }),
  ChangeImageState: (tx, { uuid, stateEvent }) => ({
    inventory: switched(tx, "Image", imageStateMachine, uuid, stateEvent),
  }),
  DeleteImage: (tx, { uuid }, context) => {
    const { name } = asked(tx, uuid, "delete");
    const data: DeleteImageData = {
      imageUuid: uuid,
      expunges: context.settings.choice("image.deletionPolicy") === "Direct",
    };
    const what = { flow: "deleteImage", data, call: "DeleteImage", name: `Delete image ${shown(name)}` } as const;
    return task(tx, context, { ...what, resourceUuid: uuid });
  },
  RecoverImage: (tx, { uuid }) => ({ inventory: asked(tx, uuid, "recover") }),
  ExpungeImage: (tx, { uuid }, context) => {
    const { name } = asked(tx, uuid, "expunge");
    const data: DeleteImageData = { imageUuid: uuid, expunges: true };
    const what = { flow: "deleteImage", data, call: "ExpungeImage", name: `Expunge image ${shown(name)}` } as const;
    return task(tx, context, { ...what, resourceUuid: uuid });
  },
} satisfies DecidersOf<
  | "UpdateBackupStorage"
  | "ChangeBackupStorageState"
  | "ReconnectBackupStorage"
  | "AddImage"
  | "UpdateImage"
  | "ChangeImageState"
  | "DeleteImage"
  | "RecoverImage"
  | "ExpungeImage"
>;

/**
 * A folder of this computer becomes a store: it is looked at before there is a record, and marked when there is one. One
 * that was a store of a record that is gone is taken again, with what is in it.
 */
export async function addImageStore(
  images: ImageStore,
  mirror: Mirror,
  input: CallInput<"AddImageStoreBackupStorage">,
  { newUuid }: CallContext,
  change: (decide: (tx: Tx) => object) => Promise<object>,
): Promise<object> {
  refuseFor(placeRefusal("LocalStorage", input.url));
  const url = input.url.replace(/(?<=.)\/+$/, "");
  const { totalBytes, availableBytes } = await images.prepare(url);
  const known = await images.knownAs(url);
  const owner = known === null ? undefined : mirror.get("BackupStorage", known)?.value;
  if (owner !== undefined) throw taken(owner);
  const uuid = newUuid();
  const answer = await change((tx) => {
    for (const other of tx.find("BackupStorage", "zoneUuid", input.zoneUuid)) if (other.url === url) throw taken(other);
    return {
      inventory: tx.insert("BackupStorage", {
        uuid,
        ...input,
        url,
        type: "ImageStore",
        state: backupStorageStateMachine.initial,
        status: "Connected",
        totalCapacity: totalBytes,
        availableCapacity: availableBytes,
      }),
    };
  });
  // A call with the same idempotency key has made it before.
  if (mirror.get("BackupStorage", uuid) !== undefined) await images.claim({ uuid, url });
  return answer;
}

function taken({ name, uuid }: RecordOf<"BackupStorage">): CloudError {
  const details = `The image store ${shown(name)} is there already.`;
  const remedy = "Use that one, or give another folder.";
  return new CloudError(refusalOf("STORAGE.1006", { where: "url", details, remedy, values: { uuid } }));
}

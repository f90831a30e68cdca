import { CloudError } from "../../model/cloud/refusal.ts";
import type { Flow } from "../flow/flow.ts";
import type { ImageWorld, Store } from "./world.ts";

export type StoreData = { storeUuid: string };

/** Changes of less than this share of a store's size are not noted. */
const noted = 0.001;

/** Looks at a store's folder, and notes what came of it. */
export function reconnectStoreFlow(world: ImageWorld): Flow<StoreData> {
  return {
    name: "reconnectImageStore",
    steps: [
      {
        name: "look",
        title: "Looking at the store's folder",
        async run({ storeUuid }) {
          const refusal = await lookAtStore(world, storeUuid);
          if (refusal !== undefined) throw refusal;
          return undefined;
        },
      },
    ],
  };
}

/** Looks at all stores, and removes what was fetched of images that nobody fetches any more. */
export async function lookAtStores(world: ImageWorld): Promise<void> {
  const { mirror } = world.records;
  for (const { value } of [...mirror.all("BackupStorage")])
    if (value.type === "ImageStore") await lookAtStore(world, value.uuid);
}

/** The refusal of a store that can't be used now. */
async function lookAtStore({ records, images }: ImageWorld, uuid: string): Promise<CloudError | undefined> {
  const { mirror } = records;
  const store = mirror.get("BackupStorage", uuid)?.value;
  if (store === undefined) return;
  let refusal: CloudError | undefined;
  let now: Partial<Store> = { status: "Disconnected" };
  try {
    // A manager has ended between the record and the mark in the folder.
    const isNew = mirror.find("Image", "backupStorageUuids", uuid).length === 0;
    if (isNew && (await images.knownAs(store.url)) === null) {
      await images.prepare(store.url);
      await images.claim(store);
    }
    const { totalBytes, availableBytes } = await images.room(store);
    await images.clean(store, (image) => mirror.get("Image", image)?.value.status === "Downloading");
    const isAsNoted =
      store.totalCapacity === totalBytes && Math.abs(store.availableCapacity - availableBytes) < noted * totalBytes;
    now = {
      status: "Connected",
      ...(isAsNoted ? {} : { totalCapacity: totalBytes, availableCapacity: availableBytes }),
    };
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    refusal = error;
  }
  await records.change((tx) => {
    if (tx.get("BackupStorage", uuid) !== undefined) tx.update("BackupStorage", uuid, now);
  });
  return refusal;
}

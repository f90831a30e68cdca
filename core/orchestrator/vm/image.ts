import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import { formatSize } from "../../model/cloud/size.ts";
import { shown } from "../../model/quote.ts";
import type { CarriedImage } from "../images/carrier.ts";
import type { RecordOf } from "../kinds.ts";
import type { Tx } from "../records.ts";

/** The image that a root volume is made of. `zoneUuid`: of its store, whose hosts it is brought to. */
export type RootImage = CarriedImage & { uuid: string; zoneUuid: string };

type Given = { imageUuid?: string | undefined; rootDiskSize?: number | undefined };
type Root = { image: RootImage | null; rootDiskSize: number };

/** The root volume that somebody wants. @throws SYS.1005, VM.1009, STORAGE.1002, STORAGE.1031, STORAGE.1032 */
export function rootOf(tx: Tx, { imageUuid, rootDiskSize }: Given): Root {
  if (imageUuid === undefined) {
    if (rootDiskSize !== undefined) return { image: null, rootDiskSize };
    const [details, remedy] = ["Neither an image nor a size is given.", "Give imageUuid or rootDiskSize."];
    throw new CloudError(refusalOf("VM.1009", { where: "rootDiskSize", details, remedy }));
  }
  const image = tx.need("Image", imageUuid, "imageUuid");
  const { format, sha256, actualSize: sizeBytes, backupStorageUuids, size } = image;
  const why = problemOf(image);
  if (why !== undefined || sha256 === null || format === "iso") throw unfit(image, why ?? "It is not all there.");
  const wanted = rootDiskSize ?? size;
  if (wanted < size) throw tooSmall(image, wanted);
  const [storeUuid = ""] = backupStorageUuids;
  const { zoneUuid } = tx.need("BackupStorage", storeUuid);
  return {
    image: { uuid: imageUuid, zoneUuid, storeUuid, sha256, format, sizeBytes },
    // A volume has whole sectors, and a mebibyte at the least.
    rootDiskSize: Math.max(1024 ** 2, 512 * Math.ceil(wanted / 512)),
  };
}

function problemOf({ mediaType, state, status }: RecordOf<"Image">): string | undefined {
  if (mediaType !== "RootVolumeTemplate") return `It is of the kind ${mediaType}.`;
  if (status !== "Ready") return `Its status is ${status}.`;
  return state === "Enabled" ? undefined : "Its state is Disabled.";
}

function unfit({ name }: RecordOf<"Image">, details: string): CloudError {
  const remedy = "Choose an image with mediaType=RootVolumeTemplate that is Enabled and Ready.";
  return new CloudError(refusalOf("STORAGE.1031", { where: `Image ${shown(name)}`, details, remedy }));
}

function tooSmall({ name, size }: RecordOf<"Image">, wanted: number): CloudError {
  const details = `${formatSize(wanted)} are asked for, and the image ${shown(name)} has ${formatSize(size)}.`;
  const remedy = `Give rootDiskSize=${size} at least, or leave it out.`;
  return new CloudError(refusalOf("STORAGE.1032", { where: "rootDiskSize", details, remedy, values: { size } }));
}

import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import { shown } from "../../model/quote.ts";
import type { CarriedIso } from "../images/carrier.ts";
import type { RecordOf } from "../kinds.ts";
import type { Tx } from "../records.ts";
import type { Machine } from "../vm/life.ts";

/** An ISO image that somebody wants in a drive of a machine. @throws SYS.1005, STORAGE.1031 */
export function requireIso(tx: Tx, imageUuid: string, { clusterUuid }: Pick<Machine, "clusterUuid">): CarriedIso {
  const image = tx.need("Image", imageUuid, "isoUuid");
  const { sha256, actualSize: sizeBytes, backupStorageUuids } = image;
  const [storeUuid = ""] = backupStorageUuids;
  const why = problemOf(image) ?? (isOfZone(tx, storeUuid, clusterUuid) ? undefined : "Its store is of another zone.");
  if (why !== undefined || sha256 === null) throw unfit(image, why ?? "It is not all there.");
  return { storeUuid, sha256, format: "iso", sizeBytes };
}

function problemOf({ mediaType, format, state, status }: RecordOf<"Image">): string | undefined {
  if (mediaType !== "ISO" || format !== "iso") return `It is of the kind ${mediaType}.`;
  if (status !== "Ready") return `Its status is ${status}.`;
  return state === "Enabled" ? undefined : "Its state is Disabled.";
}

function isOfZone(tx: Tx, storeUuid: string, clusterUuid: string): boolean {
  return tx.get("BackupStorage", storeUuid)?.zoneUuid === tx.get("Cluster", clusterUuid)?.zoneUuid;
}

function unfit({ name }: RecordOf<"Image">, details: string): CloudError {
  const remedy = "Choose an image with mediaType=ISO of the machine's zone that is Enabled and Ready.";
  return new CloudError(refusalOf("STORAGE.1031", { where: `Image ${shown(name)}`, details, remedy }));
}

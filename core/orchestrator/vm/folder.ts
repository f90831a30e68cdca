import { networkStorageFolder } from "../../hypervisor/shared-storage.ts";
import type { Storage } from "./placement.ts";

/** Where a storage's files are on a host that uses it. */
export function folderOf({ type, uuid, url }: Storage): string {
  return type === "NFS" ? `${networkStorageFolder}/${uuid}` : url.replace(/\/+$/, "");
}

/** The file of a volume. */
export function volumePath(storage: Storage, volumeUuid: string): string {
  return `${folderOf(storage)}/volumes/${volumeUuid}/${volumeUuid}.qcow2`;
}

import * as z from "zod/mini";
import { line, say, uuids } from "../fields.ts";
import { backupStorage } from "../storage.ts";
import { hasCredentials } from "../storage-place.ts";
import { image } from "../volume.ts";
import {
  action,
  asTask,
  cascade,
  creation,
  deletion,
  get,
  named,
  onOff,
  preset,
  query,
  renamed,
  update,
} from "./call.ts";

/** One with a password is refused before anything keeps it: here, where nothing of a wrong value is ever told. */
const imageUrl = line(2048).check(z.refine((url) => !hasCredentials(url)));
const { format, mediaType, platform } = image.shape;

export const imageCalls = {
  AddImageStoreBackupStorage: {
    ...creation("BackupStorage", "Adds a folder of the management node as a store of images.", {
      ...named("BackupStorage"),
      zoneUuid: backupStorage.shape.zoneUuid,
      url: say(line(1024), "A folder of the management node: below /var/lib/binnacle/images, /mnt or /srv."),
    }),
    path: "/v1/backup-storage/image-store",
  },
  QueryBackupStorage: query("BackupStorage"),
  GetBackupStorage: get("BackupStorage"),
  UpdateBackupStorage: update("BackupStorage", "Changes a store's name or description.", renamed("BackupStorage")),
  ChangeBackupStorageState: onOff("BackupStorage", "Enables or disables a store of images."),
  ReconnectBackupStorage: asTask(action("BackupStorage", "reconnect", "Looks at its folder anew.", {})),
  DeleteBackupStorage: cascade("BackupStorage", "Removes the records of a store and of its images; the data stays."),
  AddImage: asTask(
    creation("Image", "Fetches an image into a store; its record goes again when that fails.", {
      ...named("Image"),
      url: say(
        imageUrl,
        "http://, https:// or file:/// of the management node, without a password; upload://NAME: it is sent then.",
      ),
      backupStorageUuids: say(uuids.check(z.minLength(1), z.maxLength(1)), "The store that it is kept in."),
      format,
      mediaType: z.optional(say(mediaType, "What it is used for; ISO for an iso, else RootVolumeTemplate.")),
      platform: preset(platform, "Linux"),
      md5: z.optional(say(z.string().check(z.regex(/^[\da-fA-F]{32}$/)), "The checksum that it must have.")),
    }),
  ),
  QueryImage: query("Image"),
  GetImage: get("Image"),
  UpdateImage: update("Image", "Changes an image's name, description or platform.", {
    ...renamed("Image"),
    platform: z.optional(platform),
  }),
  ChangeImageState: onOff("Image", "Enables or disables an image for new machines."),
  DeleteImage: asTask(
    deletion("Image", "Deletes an image; the policy says when its content goes. Machines of it stay."),
  ),
  RecoverImage: action("Image", "recover", "Takes the deletion of an image back.", {}),
  ExpungeImage: asTask(action("Image", "expunge", "Removes a deleted image for good.", {})),
} as const;

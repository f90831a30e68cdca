import * as z from "zod/mini";
import { say, uuid } from "../fields.ts";
import { action, asTask } from "./call.ts";

/* A machine is put away as an image, and made of it again. */

export const shelveCalls = {
  ShelveVmInstance: asTask(
    action(
      "VmInstance",
      "shelve",
      "Puts a machine away: its root volume becomes an image, and its host and that volume's room are free; its drives are emptied, data volumes stay where they are.",
      {
        backupStorageUuid: z.optional(
          say(uuid, "The image store; the one of its zone with the most room when it is left out."),
        ),
      },
    ),
  ),
  UnshelveVmInstance: asTask(
    action(
      "VmInstance",
      "unshelve",
      "Makes the root volume of a shelved machine anew and starts it, with the addresses that it had; its image goes then.",
      {
        hostUuid: z.optional(
          say(
            uuid,
            "The host; any that fits when it is left out. With a data volume on local storage only that one's.",
          ),
        ),
      },
    ),
  ),
} as const;

import { say, uuid } from "../fields.ts";
import { action, asTask } from "./call.ts";

/* A machine is started from another disk than its own, and is as before afterwards. */

export const rescueCalls = {
  RescueVmInstance: asTask(
    action(
      "VmInstance",
      "rescue",
      "Starts a machine from a disk of a given image, with its own root volume as a further disk; one that runs is shut down first.",
      {
        imageUuid: say(
          uuid,
          "A root volume's image, of which a disk is made for as long as the rescue lasts; or an ISO image.",
        ),
      },
    ),
  ),
  UnrescueVmInstance: asTask(
    action(
      "VmInstance",
      "unrescue",
      "Ends a rescue: its disk is removed; the machine starts from its own if it ran before, and else is stopped.",
      {},
    ),
  ),
} as const;

import * as z from "zod/mini";
import { say, uuid } from "../fields.ts";
import { vmInstance } from "../vm.ts";
import { action, asTask } from "./call.ts";

/* What changes a machine itself: its size, its root volume; and copies of it. */

const { cpuNum, memorySize } = vmInstance.shape;

export const vmLifeCalls = {
  ChangeInstanceOffering: action(
    "VmInstance",
    "offering",
    "Gives a stopped machine another size, as an offering has it or as it is given.",
    {
      instanceOfferingUuid: z.optional(say(uuid, "Its new size; or cpuNum, memorySize or both.")),
      cpuNum: z.optional(cpuNum),
      memorySize: z.optional(memorySize),
    },
  ),
  ReimageVmInstance: asTask(
    action(
      "VmInstance",
      "reimage",
      "Gives a stopped machine a new root volume of an image; the former one is a deleted data volume then.",
      { imageUuid: z.optional(say(uuid, "The image; the one that it was made of when it is left out.")) },
    ),
  ),
} as const;

import * as z from "zod/mini";
import { say, uuid } from "../fields.ts";
import { vmInstance } from "../vm.ts";
import { action } from "./call.ts";

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
} as const;

import * as z from "zod/mini";
import { say, uuid } from "../fields.ts";
import { vmInstance } from "../vm.ts";
import { action, asTask, preset } from "./call.ts";

/* What changes a machine itself: its size, its root volume; and copies of it. */

const { name, cpuNum, memorySize } = vmInstance.shape;
/** Of copies that one call makes: all are made, or none. */
const mostCopies = 10;

/** Whether a new machine is started. */
export const strategy = preset(
  say(z.enum(["InstantStart", "CreateStopped"]), "CreateStopped: it is made, and starts with StartVmInstance."),
  "InstantStart",
);

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
  CloneVmInstance: asTask(
    action(
      "VmInstance",
      "clone",
      "Makes copies of a machine, with its volumes and addresses of their own; of a running one, of what is on its disks.",
      {
        names: say(z.array(name).check(z.minLength(1), z.maxLength(mostCopies)), "A name for each copy; 10 at most."),
        affinityGroupUuid: z.optional(
          say(
            z.nullable(uuid),
            "The affinity group of the copies: that of the machine when it is left out; null: none.",
          ),
        ),
        full: preset(say(z.boolean(), "With its data volumes; without them only the root volume is copied."), true),
        strategy,
      },
    ),
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

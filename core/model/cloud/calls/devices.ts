import { say, uuid } from "../fields.ts";
import { vmInstance } from "../vm.ts";
import { action, asTask } from "./call.ts";

/* Drives, network cards and boot order of machines. */

export const deviceCalls = {
  AttachIsoToVmInstance: asTask(
    action("VmInstance", "attach-iso", "Puts an ISO image into a drive: at once where the machine runs.", {
      isoUuid: say(uuid, "The image, with mediaType ISO; three at most."),
    }),
  ),
  DetachIsoFromVmInstance: asTask(
    action("VmInstance", "detach-iso", "Takes an ISO image out, also while the guest has it mounted.", {
      isoUuid: say(uuid, "The image."),
    }),
  ),
  SetVmBootOrder: action("VmInstance", "boot-order", "Says what a machine boots from, at its next start.", {
    bootOrder: say(vmInstance.shape.bootOrder, "HardDisk, CdRom, Network: the first that works; others are not tried."),
  }),
} as const;

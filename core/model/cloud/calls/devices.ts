import * as z from "zod/mini";
import { ipAddress, say, uuid } from "../fields.ts";
import { vmInstance } from "../vm.ts";
import { action, asTask } from "./call.ts";
import { isCardMac } from "./vm.ts";

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
  AttachL3NetworkToVm: asTask(
    action("VmInstance", "attach-l3-network", "Gives a machine a card in a network: at once where it runs.", {
      l3NetworkUuid: say(uuid, "The network; a machine has one card in each."),
      staticIp: z.optional(say(ipAddress, "The address that it is to have; one that is free when it is left out.")),
    }),
  ),
  DetachL3NetworkFromVm: asTask(
    action(
      "VmNic",
      "detach",
      "Takes a network card from its machine; where that runs, its guest has to let it go.",
      {},
    ),
  ),
  SetVmStaticIp: action("VmInstance", "static-ip", "Gives a card of a stopped machine another address.", {
    l3NetworkUuid: say(uuid, "The network that the card is in."),
    ip: say(ipAddress, "The address that it is to have from the next start on."),
  }),
  UpdateVmNicMac: action("VmNic", "mac", "Gives a card of a stopped machine another MAC address.", {
    mac: say(z.string().check(z.refine(isCardMac)), "The address that it is to have from the next start on."),
  }),
} as const;

import * as z from "zod/mini";
import { line, mac, uuid } from "../model/cloud/fields.ts";
import { nicSpec } from "./nic-spec.ts";

/* What a host can be asked to do with the drives and network cards of a machine that runs. Part of the contract in driver.ts. */

/** CD-ROM drives that each machine has from its start, for none can be added while it runs. */
export const drivesOfMachine = 3;
/** Cards of one machine at the most. */
export const mostNics = 16;

const path = line(4096);

const bootDevice = z.enum(["HardDisk", "CdRom", "Network"]);
export type BootDevice = z.infer<typeof bootDevice>;

/** What a machine is started with besides disks and cards. Left out where it says what holds without it. */
export const machineDevices = {
  /** ISO images of the cache in its drives, from the first one on; none without it. */
  isos: z.exactOptional(z.array(path).check(z.minLength(1), z.maxLength(drivesOfMachine))),
  /** Devices that it boots from, the first that works; its first disk, then its drives without it. */
  bootOrder: z.exactOptional(z.array(bootDevice).check(z.minLength(1), z.maxLength(3))),
};

/** All cards that the machine has when the command is done, the one with this MAC address among them or not. */
const ofNic = { uuid, mac, nics: z.array(nicSpec).check(z.maxLength(mostNics)) };

/** As all commands, each may come twice. */
export const deviceCommands = [
  /** Puts an ISO image of the cache into the first empty drive of a machine that runs. One that is in a drive is a success. */
  z.strictObject({ do: z.literal("insertIso"), uuid, path }),
  /** Takes it out, also while the guest has it mounted. A machine without it, or one that is off, is a success. */
  z.strictObject({ do: z.literal("ejectIso"), uuid, path }),
  /** Gives a machine that runs a network card more; its network is made first. One that it has already is a success. */
  z.strictObject({ do: z.literal("attachNic"), ...ofNic }),
  /**
   * Takes a card from a machine that runs, as soon as its guest lets it go, and then what only it needed of the network.
   * A machine without it, or one that is off, is a success. What was asked of the guest can't be taken back.
   */
  z.strictObject({ do: z.literal("detachNic"), ...ofNic, waitMs: z.int().check(z.nonnegative()) }),
] as const;
export type DeviceCommand = z.infer<(typeof deviceCommands)[number]>;

export function isDeviceCommand<C extends { do: string }>(command: C | DeviceCommand): command is DeviceCommand {
  return verbs.has(command.do);
}
const verbs: ReadonlySet<string> = new Set(deviceCommands.flatMap(({ shape }) => [...shape.do.def.values]));

import * as z from "zod/mini";
import { bytes, uuid } from "../model/cloud/fields.ts";
import { machineDevices } from "./device-commands.ts";
import { nicSpec } from "./nic-spec.ts";
import { machineSeed } from "./seed/seed.ts";
import { machineDisk } from "./volume-commands.ts";

const cpuNum = z.int().check(z.minimum(1), z.maximum(1024));

/** Everything that a machine is started with. A hypervisor knows it by its uuid alone: names need not be unique. */
export const machineSpec = z.strictObject({
  uuid,
  name: z.string(),
  cpuNum,
  /** Bytes, a multiple of 1024. */
  memorySize: bytes,
  disks: z.array(machineDisk),
  nics: z.array(nicSpec),
  ...machineDevices,
  /** What cloud-init in its guest is told, on a disk of its own; without it there is none. */
  seed: z.exactOptional(machineSeed),
});
export type MachineSpec = z.infer<typeof machineSpec>;

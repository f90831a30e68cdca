import * as z from "zod/mini";
import { bytes, line, mac, uuid } from "../model/cloud/fields.ts";

const cpuNum = z.int().check(z.minimum(1), z.maximum(1024));

/** Everything that a machine is started with. A hypervisor knows it by its uuid alone: names need not be unique. */
export const machineSpec = z.strictObject({
  uuid,
  name: z.string(),
  cpuNum,
  /** Bytes, a multiple of 1024. */
  memorySize: bytes,
  disks: z.array(z.strictObject({ volumeUuid: uuid, path: line(4096), format: z.enum(["qcow2", "raw"]) })),
  nics: z.array(z.strictObject({ mac, bridge: line(15), ip: z.nullable(line(45)), deviceId: z.int() })),
});
export type MachineSpec = z.infer<typeof machineSpec>;

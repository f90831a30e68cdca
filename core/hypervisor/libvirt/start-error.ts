import { NodeError } from "../../model/error.ts";
import type { MachineSpec } from "../driver.ts";
import { noMemory, volumeInUse } from "../refusals.ts";
import { isLocked } from "./volume-files.ts";

/** Why libvirt could not start a machine, as every driver says it; what it says in its own words stays so. */
export function startError(error: unknown, { name, memorySize, disks }: MachineSpec): unknown {
  if (!(error instanceof NodeError) || error.code !== "HYPERVISOR.FAILED") return error;
  const said = String(error.values["said"] ?? error.message);
  const disk = disks.find(({ path }) => said.includes(path)) ?? disks[0];
  if (isLocked(said) && disk !== undefined) return volumeInUse(disk.path, error);
  if (/Cannot allocate memory|cannot set up guest memory/.test(said)) return noMemory(name, memorySize, 0);
  return error;
}

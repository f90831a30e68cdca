import * as z from "zod/mini";
import { bytes, line, mac, uuid } from "../model/cloud/fields.ts";

/*
 * What a host can be asked to do with virtual machines. The agent has one driver: libvirt on a node, the simulated one
 * for tests, training and figures of scale. Commands and answers are data, for they travel from the manager.
 */

export const driverNames = ["libvirt", "simulated"] as const;

const cpuNum = z.int().check(z.minimum(1), z.maximum(1024));

/** Everything that a machine is started with. */
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

export const machineStates = ["running", "paused", "stopped"] as const;
/** A machine as the hypervisor has it now. */
export const machineReport = z.object({ uuid, state: z.enum(machineStates) });
export type MachineReport = z.infer<typeof machineReport>;

/**
 * A command to a host. Each may come twice, after an answer that got lost, and finds then that it is done already: to
 * start what runs, to stop or delete what does not run or is gone, is a success.
 */
export const hostCommand = z.discriminatedUnion("do", [
  z.strictObject({
    do: z.literal("createVolume"),
    path: line(4096),
    sizeBytes: bytes,
    format: z.enum(["qcow2", "raw"]),
  }),
  z.strictObject({ do: z.literal("deleteVolume"), path: line(4096) }),
  z.strictObject({ do: z.literal("startMachine"), machine: machineSpec }),
  /** Asks the guest to shut down and switches it off after so long; at once when 0. */
  z.strictObject({ do: z.literal("stopMachine"), uuid, graceMs: z.int().check(z.nonnegative()) }),
  z.strictObject({ do: z.literal("rebootMachine"), uuid }),
  /** Stops it and forgets it; its volumes stay. */
  z.strictObject({ do: z.literal("removeMachine"), uuid }),
]);
export type HostCommand = z.infer<typeof hostCommand>;

export interface HypervisorDriver {
  readonly name: (typeof driverNames)[number];
  /** Its own figures as the tags of the host: `libvirt::version::11.3.0`. */
  tags(): Promise<string[]>;
  machines(): Promise<MachineReport[]>;
  /** @throws NodeError HYPERVISOR.… when it can't be done; what was begun is taken back then */
  carryOut(command: HostCommand, signal: AbortSignal): Promise<void>;
}

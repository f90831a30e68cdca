import * as z from "zod/mini";
import { bytes, line, uuid } from "../model/cloud/fields.ts";
import { NodeError } from "../model/error.ts";
import { migrationCommands, migrationMark } from "./migration/commands.ts";
import { machineSpec } from "./machine-spec.ts";
import type { MigrationVisit, Visitor } from "./migration/way.ts";

export { type MachineSpec, machineSpec } from "./machine-spec.ts";

/*
 * What a host can be asked to do with virtual machines. The agent has one driver: libvirt on a node, the simulated one
 * for tests, training and figures of scale. Commands and answers are data, for they travel from the manager.
 */

/** `none`: a node whose agent has no driver; it can join the cloud and runs no machines. */
export const driverNames = ["libvirt", "simulated", "none"] as const;

export const machineStates = ["running", "paused", "stopped"] as const;
/** A machine as the hypervisor has it now. */
export const machineReport = z.object({ uuid, state: z.enum(machineStates), migration: z.exactOptional(migrationMark) });
export type MachineReport = z.infer<typeof machineReport>;

/**
 * A command to a host. Each may come twice, after an answer that got lost, and finds then that it is done already: to
 * start what runs, to stop or delete what does not run or is gone, is a success. A second reboot is another reboot.
 */
export const hostCommand = z.discriminatedUnion("do", [
  /** One of the same size and format is there already: a success. It is there whole or not at all, even after a kill. */
  z.strictObject({
    do: z.literal("createVolume"),
    path: line(4096),
    sizeBytes: bytes,
    format: z.enum(["qcow2", "raw"]),
  }),
  z.strictObject({ do: z.literal("deleteVolume"), path: line(4096) }),
  /** One that runs or is paused is left as it is; one that is stopped starts with what is given here. */
  z.strictObject({ do: z.literal("startMachine"), machine: machineSpec }),
  /** Asks the guest to shut down and switches it off after so long; at once when 0. */
  z.strictObject({ do: z.literal("stopMachine"), uuid, graceMs: z.int().check(z.nonnegative()) }),
  z.strictObject({ do: z.literal("rebootMachine"), uuid }),
  /** Lets it stand still, kept in memory. */
  z.strictObject({ do: z.literal("pauseMachine"), uuid }),
  /** Lets a paused one go on. */
  z.strictObject({ do: z.literal("resumeMachine"), uuid }),
  /** Stops it and forgets it; its volumes stay. */
  z.strictObject({ do: z.literal("removeMachine"), uuid }),
  ...migrationCommands,
]);
export type HostCommand = z.infer<typeof hostCommand>;

/** What a hypervisor has to give. */
export type HostCapacity = {
  readonly cpuThreads: number;
  readonly memoryBytes: number;
  /** Of each storage; for simulated ones only. */
  readonly storageBytes?: number;
};

/** A primary storage as a host has it. `path`: the folder below which its volumes are. */
export const storagePlace = z.strictObject({ type: line(32), url: line(1024), path: line(1024) });
export type StoragePlace = z.infer<typeof storagePlace>;
export const storageRoom = z.object({ totalBytes: bytes, availableBytes: bytes });
export type StorageRoom = z.infer<typeof storageRoom>;

/**
 * Errors are NodeErrors:
 *
 * | code | meaning |
 * |---|---|
 * | HYPERVISOR.ABORTED | `signal` ended it; what was begun is taken back |
 * | HYPERVISOR.NO_MEMORY | the machine has more memory than the host has left |
 * | HYPERVISOR.NO_VOLUME | the file of a disk does not exist |
 * | HYPERVISOR.VOLUME_IN_USE | another machine has the volume open, on this host or on another one |
 * | HYPERVISOR.VOLUME_DIFFERS | something else has the path of the new volume, or the disk has another format |
 * | HYPERVISOR.STORAGE_FULL | the storage has no room for the volume |
 * | HYPERVISOR.BAD_PATH | the path is not absolute, or not in its shortest form |
 * | HYPERVISOR.NOT_RUNNING | a machine that does not run can't be rebooted, paused or resumed |
 * | HYPERVISOR.MIGRATION_… | see migration/refusals.ts |
 * | HYPERVISOR.FAILED | anything else, in the hypervisor's own words |
 * | HYPERVISOR.NONE | the agent has no driver |
 * | HYPERVISOR.NOT_SAVED, HYPERVISOR.BAD_SETTINGS | the simulated one's own documents |
 */
export interface HypervisorDriver {
  readonly name: (typeof driverNames)[number];
  /** What it is said to have; left out: all that the computer has. */
  readonly capacity?: HostCapacity | undefined;
  /** Its own figures as the tags of the host: `libvirt::version::11.3.0`. */
  tags(signal: AbortSignal): Promise<string[]>;
  /** Those with a uuid of ours (version 4). A machine that was lost with the host's last start is stopped, or not told. */
  machines(signal: AbortSignal): Promise<MachineReport[]>;
  /**
   * Calls `changed` after the state of a machine has changed in whatever way, rather too often than too rarely, and after
   * some time in which changes may have been missed; until `signal`. Never throws.
   */
  watch(changed: () => void, signal: AbortSignal): void;
  /** The room of a storage, which is made or mounted where that is needed. @throws HYPERVISOR.FAILED when it can't be reached */
  storage(place: StoragePlace, signal: AbortSignal): Promise<StorageRoom>;
  /**
   * The caller has no two commands of one machine, nor of one volume, carried out at the same time. When it has
   * settled, nothing more happens for this command. After `signal` it settles soon, unless the hypervisor hangs: with
   * success when it was too late to take anything back.
   * @throws when it can't be done; what was begun is taken back then
   */
  carryOut(command: HostCommand, signal: AbortSignal): Promise<void>;
  /**
   * Another host's connection for a machine that `expectMachine` has announced: gives what takes it over.
   * @throws HYPERVISOR.MIGRATION_UNEXPECTED, HYPERVISOR.MIGRATION_FAILED
   */
  admit?(visit: MigrationVisit, signal: AbortSignal): Promise<Visitor>;
}

/** Every driver's answer to a path that could mean another file than it says. @throws HYPERVISOR.BAD_PATH */
export function checkVolumePath(path: string): void {
  const parts = path.split("/").slice(1);
  if (path.startsWith("/") && parts.every((part) => part !== "" && part !== "." && part !== "..")) return;
  throw new NodeError("HYPERVISOR.BAD_PATH", `${JSON.stringify(path.slice(0, 200))} can't be the path of a volume.`, {
    remedy: "Give an absolute path without empty parts, dots alone and a slash at its end.",
  });
}

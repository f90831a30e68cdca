import type { Duplex } from "node:stream";
import * as z from "zod/mini";
import type { ConsoleKind } from "../model/cloud/console.ts";
import { bytes, line, mac, uuid } from "../model/cloud/fields.ts";
import { NodeError } from "../model/error.ts";

/*
 * What a host can be asked to do with virtual machines. The agent has one driver: libvirt on a node, the simulated one
 * for tests, training and figures of scale. Commands and answers are data, for they travel from the manager.
 */

/** `none`: a node whose agent has no driver; it can join the cloud and runs no machines. */
export const driverNames = ["libvirt", "simulated", "none"] as const;

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

export const machineStates = ["running", "paused", "stopped"] as const;
/** A machine as the hypervisor has it now. */
export const machineReport = z.object({ uuid, state: z.enum(machineStates) });
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
 * | HYPERVISOR.FAILED | anything else, in the hypervisor's own words |
 * | HYPERVISOR.CONSOLE_NONE | the machine has no console of this kind |
 * | HYPERVISOR.CONSOLE_FAILED | the console is there, and could not be opened |
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
   * A console of a machine that runs or is paused, as a stream of its bytes: RFB for `vnc`; for `serial` the line itself,
   * which begins with the last of what it has printed before. Any number may have one open. Who does not read holds up
   * neither the guest nor others; who destroys the stream leaves. It ends when the machine ends. `signal`: until it is open.
   * @throws HYPERVISOR.NOT_RUNNING, HYPERVISOR.CONSOLE_NONE, HYPERVISOR.CONSOLE_FAILED
   */
  openConsole(uuid: string, kind: ConsoleKind, signal: AbortSignal): Promise<Duplex>;
}

/** Every driver's answer to a path that could mean another file than it says. @throws HYPERVISOR.BAD_PATH */
export function checkVolumePath(path: string): void {
  const parts = path.split("/").slice(1);
  if (path.startsWith("/") && parts.every((part) => part !== "" && part !== "." && part !== "..")) return;
  throw new NodeError("HYPERVISOR.BAD_PATH", `${JSON.stringify(path.slice(0, 200))} can't be the path of a volume.`, {
    remedy: "Give an absolute path without empty parts, dots alone and a slash at its end.",
  });
}

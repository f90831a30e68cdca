import type { Duplex } from "node:stream";
import * as z from "zod/mini";
import type { ConsoleKind } from "../model/cloud/console.ts";
import { bytes, line, uuid } from "../model/cloud/fields.ts";
import { NodeError } from "../model/error.ts";
import { type Backing, backing, imageFormat } from "./backing.ts";
import { deviceCommands } from "./device-commands.ts";
import { notIso } from "./device-refusals.ts";
import type { ByteRange, VolumePiece } from "./export-commands.ts";
import { firewallCommands } from "./firewall.ts";
import type { LocalMachines } from "./local.ts";
import { machineSpec } from "./machine-spec.ts";
import { migrationCommands, migrationMark } from "./migration/commands.ts";
import type { MigrationVisit, Visitor } from "./migration/way.ts";
import { type SharedStorages, storageMark } from "./shared-storage.ts";
import { type VolumeFigures, type VolumePlace, volumeCommands } from "./volume-commands.ts";

export type { MachineSpec } from "./machine-spec.ts";
export type { NicSpec } from "./nic-spec.ts";

/*
 * What a host can be asked to do with virtual machines. The agent has one driver: libvirt on a node, the simulated one
 * for tests, training and figures of scale. Commands and answers are data, for they travel from the manager.
 */

/** `none`: a node whose agent has no driver; it can join the cloud and runs no machines. */
export const driverNames = ["libvirt", "simulated", "none"] as const;

export type { Backing } from "./backing.ts";

/** An image as a host has it in the cache of a storage: `<storage>/imagecache/<sha256>.<format>`. */
export const cachedImage = z.strictObject({
  path: line(4096),
  format: imageFormat,
  /** Of its content, which its name has too. */
  sha256: z.string().check(z.regex(/^[\da-f]{64}$/)),
  /** Bytes of its content. */
  sizeBytes: bytes,
  /** Who brings it: on a storage that several hosts share, each writes a file of its own until it is whole. */
  bringer: uuid,
});
export type CachedImage = z.infer<typeof cachedImage>;

/** `suspended`: it does not run, and its memory is kept on the host's disk. */
export const machineStates = ["running", "paused", "stopped", "suspended"] as const;
/** A machine as the hypervisor has it now. */
export const machineReport = z.object({
  uuid,
  state: z.enum(machineStates),
  migration: z.exactOptional(migrationMark),
});
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
  /** The same on an image that is in the cache of the same storage; one with the same size and image is a success. */
  z.strictObject({ do: z.literal("createVolumeFromImage"), path: line(4096), sizeBytes: bytes, backing }),
  z.strictObject({ do: z.literal("deleteVolume"), path: line(4096) }),
  /** All of its bytes were brought: they are checked, and then it is in the cache. */
  z.strictObject({ do: z.literal("keepImage"), ...cachedImage.shape }),
  /** Takes an image out of the cache, and what was brought of it; refused while a volume stands on it. */
  z.strictObject({ do: z.literal("deleteCachedImage"), path: line(4096) }),
  /** One that runs or is paused is left as it is; one that is stopped starts with what is given here. */
  z.strictObject({ do: z.literal("startMachine"), machine: machineSpec }),
  /** Asks the guest to shut down and switches it off after so long; at once when 0. */
  z.strictObject({ do: z.literal("stopMachine"), uuid, graceMs: z.int().check(z.nonnegative()) }),
  z.strictObject({ do: z.literal("rebootMachine"), uuid }),
  /** Lets it stand still, kept in memory. */
  z.strictObject({ do: z.literal("pauseMachine"), uuid }),
  /** Lets a paused one go on. */
  z.strictObject({ do: z.literal("resumeMachine"), uuid }),
  /** Keeps its memory on the host's disk and stops it. A later start drops what was kept. */
  z.strictObject({ do: z.literal("suspendMachine"), uuid }),
  /** Lets a suspended one go on from there. */
  z.strictObject({ do: z.literal("restoreMachine"), machine: machineSpec }),
  /** Stops it and forgets it; its volumes stay. */
  z.strictObject({ do: z.literal("removeMachine"), uuid }),
  ...volumeCommands,
  ...deviceCommands,
  ...migrationCommands,
  ...firewallCommands,
]);
export type HostCommand = z.infer<typeof hostCommand>;

/** Files that a command works on. */
export function filesOf(command: HostCommand): string[] {
  if ("machine" in command) return [...command.machine.disks.map(({ path }) => path), ...(command.machine.isos ?? [])];
  if ("disk" in command) return [command.disk.path];
  if ("from" in command) return [command.path, command.from];
  return "path" in command ? [command.path] : [];
}

/** What a hypervisor has to give. */
export type HostCapacity = {
  readonly cpuThreads: number;
  readonly memoryBytes: number;
  /** Of each storage; for simulated ones only. */
  readonly storageBytes?: number;
};

/** A primary storage as a host has it. `path`: the folder below which its volumes are. `mark`: of NFS only. */
export const storagePlace = z.strictObject({
  type: line(32),
  url: line(1024),
  path: line(1024),
  mark: z.exactOptional(storageMark),
});
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
 * | HYPERVISOR.VOLUME_NOT_RELEASED | the guest has not let go of a disk in its time |
 * | HYPERVISOR.VOLUME_NO_SLOT | the machine takes no further disk while it runs |
 * | HYPERVISOR.VOLUME_SHRINKS | the volume is larger than the size that it is to have |
 * | HYPERVISOR.VOLUME_NO_SNAPSHOT | the volume has no such snapshot |
 * | HYPERVISOR.VOLUME_DAMAGED | what an interrupted command has left in the volume can't be put right |
 * | HYPERVISOR.CD_NO_DRIVE | the machine was started without a drive, or all of its drives have an image |
 * | HYPERVISOR.NIC_NOT_RELEASED | the guest has not let go of a network card in its time |
 * | HYPERVISOR.NIC_NO_SLOT | the machine takes no further card while it runs |
 * | HYPERVISOR.STORAGE_FULL | the storage has no room for the volume |
 * | HYPERVISOR.BAD_PATH | the path is not absolute, or not in its shortest form |
 * | HYPERVISOR.IMAGE_ABSENT | the image is not in the cache |
 * | HYPERVISOR.IMAGE_DIFFERS | its content is not what it should be; it is to be brought anew |
 * | HYPERVISOR.IMAGE_IN_USE | a volume stands on the image, or a machine has it in a drive |
 * | HYPERVISOR.NOT_RUNNING | a machine that does not run can't be rebooted, paused, resumed or suspended |
 * | HYPERVISOR.NOT_SUSPENDED | nothing of the machine's memory is kept on this host |
 * | HYPERVISOR.MIGRATION_… | see migration/refusals.ts |
 * | STORAGE.1051 … 1055 | why the host does not have a storage: see shared-storage.ts |
 * | HYPERVISOR.NETWORK_NO_INTERFACE | the host has no interface of the network's name |
 * | HYPERVISOR.NETWORK_HOST_ADDRESS | a bridge on the interface would cut the host itself off |
 * | HYPERVISOR.NETWORK_TAKEN | the interface, or the name of the bridge, is used for something else |
 * | HYPERVISOR.NETWORK_MTU | interface or bridge carry no packets as long as the network's |
 * | HYPERVISOR.NETWORK_FIREWALL | the host can't keep the rules of security groups |
 * | HYPERVISOR.FIREWALL_OLD | the host was told newer rules of security groups a short time ago |
 * | HYPERVISOR.NETWORK_FAILED | the machine's network could not be made for another reason |
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
  /**
   * The room of a storage, which is made or mounted where that is needed.
   * @throws HYPERVISOR.FAILED, STORAGE.1051 to STORAGE.1055 when it can't be reached
   */
  storage(place: StoragePlace, signal: AbortSignal): Promise<StorageRoom>;
  /** @throws HYPERVISOR.BAD_PATH, HYPERVISOR.NO_VOLUME, HYPERVISOR.VOLUME_DIFFERS */
  volume(place: VolumePlace, signal: AbortSignal): Promise<VolumeFigures>;
  /**
   * Bytes of the file of a qcow2 volume that stands on nothing; fewer at its end. Left out by one that can't give any.
   * @throws as {@link volume}
   */
  readonly volumePiece?: (path: string, range: ByteRange, signal: AbortSignal) => Promise<VolumePiece>;
  /** Left out by one that keeps none. */
  readonly images?: ImageCache;
  /** Left out by one that has none. */
  readonly shared?: SharedStorages;
  /** What the host's own console shows; left out by one that runs none. */
  readonly local?: LocalMachines;
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
  /**
   * A console of a machine that runs or is paused, as a stream of its bytes: RFB for `vnc`; for `serial` the line itself,
   * which begins with the last of what it has printed before. Any number may have one open. Who does not read holds up
   * neither the guest nor others; who destroys the stream leaves. It ends when the machine ends. `signal`: until it is open.
   * @throws HYPERVISOR.NOT_RUNNING, HYPERVISOR.CONSOLE_NONE, HYPERVISOR.CONSOLE_FAILED
   */
  openConsole(uuid: string, kind: ConsoleKind, signal: AbortSignal): Promise<Duplex>;
}

/** What of an image is on the host. `offset`: the byte to go on from, as many as it has when nothing more is wanted. */
export const imageProgress = z.object({ isWhole: z.boolean(), offset: bytes });
export type ImageProgress = z.infer<typeof imageProgress>;

/** Images are brought in pieces, and checked as a whole by the command keepImage. */
export interface ImageCache {
  /** @throws HYPERVISOR.BAD_PATH, HYPERVISOR.FAILED */
  progress(image: CachedImage): Promise<ImageProgress>;
  /**
   * Takes a piece that begins at a byte. One that does not begin where the last one has ended is left aside, and the
   * answer says where to go on. @throws HYPERVISOR.BAD_PATH, HYPERVISOR.STORAGE_FULL, HYPERVISOR.FAILED
   */
  write(image: CachedImage, offset: number, content: Uint8Array): Promise<ImageProgress>;
}

const imageFolder = "imagecache";

/** Where an image is in the cache of a storage. `folder`: the storage's. */
export function cachedImagePath(folder: string, { sha256, format }: Pick<CachedImage, "sha256" | "format">): string {
  return `${folder}/${imageFolder}/${sha256}.${format}`;
}

/** The storage's folder, of the path of an image in its cache. @throws HYPERVISOR.BAD_PATH for any other path */
export function storageOfImage(path: string): string {
  checkVolumePath(path);
  const folder = /^(\/.+)\/imagecache\/[\da-f]{64}\.(qcow2|raw|iso)$/.exec(path)?.[1];
  if (folder !== undefined) return folder;
  throw new NodeError("HYPERVISOR.BAD_PATH", `${JSON.stringify(path.slice(0, 200))} is not in a cache of images.`, {
    remedy: "Give the path of an image in its storage's cache.",
  });
}

/** An ISO image in the cache of a storage is what a drive gets, and nothing else. @throws HYPERVISOR.BAD_PATH */
export function checkIso(path: string): void {
  storageOfImage(path);
  if (!path.endsWith(".iso")) throw notIso(path);
}

/** A volume stands on nothing but an image of its own storage. @throws HYPERVISOR.BAD_PATH */
export function checkBacking(path: string, backing: Backing): void {
  const folder = storageOfImage(backing.path);
  const isOwn = path.startsWith(`${folder}/`) && !path.startsWith(`${folder}/${imageFolder}/`);
  if (isOwn && backing.path.endsWith(`.${backing.format}`)) return;
  throw new NodeError("HYPERVISOR.BAD_PATH", `${JSON.stringify(backing.path)} is not of the volume's storage.`, {
    remedy: "Give an image in the cache of the volume's own storage, with the format that its name says.",
  });
}

/** Every driver's answer to a path that could mean another file than it says. @throws HYPERVISOR.BAD_PATH */
export function checkVolumePath(path: string): void {
  const parts = path.split("/").slice(1);
  if (path.startsWith("/") && parts.every((part) => part !== "" && part !== "." && part !== "..")) return;
  throw new NodeError("HYPERVISOR.BAD_PATH", `${JSON.stringify(path.slice(0, 200))} can't be the path of a volume.`, {
    remedy: "Give an absolute path without empty parts, dots alone and a slash at its end.",
  });
}

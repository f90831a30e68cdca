import type {
  CachedImage,
  HostCommand,
  ImageProgress,
  MachineReport,
  StoragePlace,
  StorageRoom,
} from "../hypervisor/driver.ts";
import type { ByteRange, VolumePiece } from "../hypervisor/export-commands.ts";
import type { LockProbe, LockState } from "../hypervisor/shared-storage.ts";
import type { VolumeFigures, VolumePlace } from "../hypervisor/volume-commands.ts";
import { CloudError } from "../model/cloud/refusal.ts";
import type { Secret } from "../model/secret.ts";

/**
 * Version of the protocol between manager and agents: what both of this release speak. An agent takes nothing that it
 * does not know, so the version grows by one with each release in which a manager may tell it more: a command of another
 * name, or a field. Managers are upgraded before their hosts, and speak every version from the oldest one on: each host says
 * its own when it is connected. What a version has brought stands in `hosts/protocol.ts`: it is left out for hosts that
 * don't know it where that changes nothing, and refused with the way out (HOST.1040) where it would; such machines are
 * placed on other hosts.
 *
 * - 1: the first one.
 * - 2: limits of what cards send and volumes move; what cloud-init in a guest is told; volumes that go along with a move.
 */
export const hostProtocol = 2;
export const oldestHostProtocol = 1;

/** A host as its agent describes it. */
export type HostReport = {
  hostname: string;
  /** Changes with each start of the machine: what was in its memory is gone then. */
  bootId: string;
  /** Of the agent. */
  version: string;
  protocol: number;
  driver: string;
  /** Threads of its processors. */
  cpuCores: number;
  cpuModel: string;
  memoryTotalBytes: number;
  /** As the tags of the host: `os::distribution::debian`. */
  tags: readonly string[];
};

/**
 * `after`: the serial that was heard last; `holdMs`: how long the host may keep its answer back; `onHead`: told once it has
 * begun to answer, and so is there.
 */
export type WatchOptions = { after: string | null; holdMs: number; onHead: () => void; signal?: AbortSignal };

export type Pong = { bootId: string; version: string; protocol: number };

/** In `values.reason` of HOST.1011: the certificate would be the right one, but has ended. {@link HostDoor.renew} mends it. */
export const certificateEnded = "expired";

/** Whether a host is the right one, and is not talked to only because its certificate has ended. */
export function hasEndedCertificate(error: unknown): boolean {
  return (
    error instanceof CloudError && error.code === "HOST.1011" && error.refusal.values["reason"] === certificateEnded
  );
}

/**
 * What the manager asks a host's agent for. Every call ends in bounded time: with HOST.1010 when the host can't be
 * reached or does not answer, HOST.1011 when it shows another certificate than the one that it was given, HOST.1012
 * when its agent refuses or fails (`cause`: its own error).
 */
export interface HostLink {
  ping(host: HostAddress, signal?: AbortSignal): Promise<Pong>;
  /** A ping whose answer is kept back until the state of a machine changes: its serial is another one then. */
  watch(host: HostAddress, how: WatchOptions): Promise<Pong & { serial: string }>;
  report(host: HostAddress, signal?: AbortSignal): Promise<HostReport>;
  machines(host: HostAddress, signal?: AbortSignal): Promise<MachineReport[]>;
  /** The room of a storage as this host has it; makes its folder, or mounts it, where that is needed. */
  storage(host: HostAddress, place: StoragePlace, signal?: AbortSignal): Promise<StorageRoom>;
  /** A step of a try whether hosts see each other's locks. An agent of a former version knows of none: HOST.1012. */
  storageLock(host: HostAddress, probe: LockProbe, signal?: AbortSignal): Promise<LockState>;
  /** Which network storages this host is to have: it lets others go. */
  keepStorages(host: HostAddress, uuids: readonly string[], signal?: AbortSignal): Promise<void>;
  /** How large a volume is there. */
  volume(host: HostAddress, place: VolumePlace, signal?: AbortSignal): Promise<VolumeFigures>;
  /** A piece of the file of a volume there. */
  volumePiece(host: HostAddress, path: string, range: ByteRange, signal?: AbortSignal): Promise<VolumePiece>;
  /** What of an image is in the cache of a storage there. */
  imageProgress(host: HostAddress, image: CachedImage, signal?: AbortSignal): Promise<ImageProgress>;
  /** Brings a piece of an image; the answer says from which byte on the next one is wanted. */
  imagePiece(host: HostAddress, piece: ImagePiece, signal?: AbortSignal): Promise<ImageProgress>;
  /**
   * Has a command carried out, once: the agent knows `id` and answers a repetition with what came of it. `epoch` is
   * that of the flow: an agent that has seen a later one of the same flow refuses it.
   */
  command(host: HostAddress, command: HostCommand, how: CommandOptions): Promise<void>;
}

/** `content`: {@link mostPieceBytes} at most. */
export type ImagePiece = { image: CachedImage; offset: number; content: Uint8Array };
/** A request has to come whole in its time, over a slow line too. */
export const mostPieceBytes = 4 * 1024 * 1024;

export type HostAddress = { uuid: string; managementIp: string };
export type CommandOptions = { id: string; flow: string; epoch: number; timeoutMs: number; signal?: AbortSignal };

export type JoinRequest = {
  hostUuid: string;
  managementIp: string;
  username: string;
  password: Secret;
  /** SHA-256 of the certificate that the host is to show; null: whichever it shows is taken, and told. */
  fingerprint: string | null;
};
export type Joined = {
  report: HostReport;
  /** The certificate that the host shows from now on, as PEM. */
  certificate: string;
  /** SHA-256 of it: `AB:CD:…`. */
  fingerprint: string;
};

/** Takes hosts into the cloud and lets them go. The errors are those of {@link HostLink}, and HOST.1013 to HOST.1019. */
export interface HostDoor {
  /** SHA-256 of the certificate that is shown at an address now: `AB:CD:…`. Nothing is told to whoever shows it. */
  fingerprint(managementIp: string): Promise<string>;
  join(request: JoinRequest, signal: AbortSignal): Promise<Joined>;
  /**
   * A new key and certificate, while the old ones go on working until the new ones were used. A certificate that has
   * ended is good enough for this, when it is the one on record.
   */
  renew(host: HostAddress, signal: AbortSignal): Promise<Pick<Joined, "certificate" | "fingerprint">>;
  /** The host forgets the cloud; also one that has joined though no certificate of it came to be put on record. */
  leave(host: HostAddress, signal: AbortSignal): Promise<void>;
}

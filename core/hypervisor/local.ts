import type { Duplex } from "node:stream";
import type { LocalAction, LocalReason, LocalState } from "../model/local-machines.ts";

/*
 * What a host's own console may see of its machines, and do with them. Counters only: rates are made of two readings by
 * whoever asks (`core/node/machines`).
 */

/** `null`: not told. Bytes unless the name says something else. */
export type MachineCounters = {
  /** 32 digits. */
  uuid: string;
  /** What people call it. */
  name: string;
  /**
   * Whether a cloud has made it. That says its name for the hypervisor, whatever this host belongs to now: a machine of a
   * cloud that the host has left may run on another host of it.
   */
  ofCloud: boolean;
  state: LocalState;
  why: LocalReason | null;
  cpus: number | null;
  /** Processor time of its virtual processors since it was started, in nanoseconds. */
  cpuNs: number | null;
  memoryBytes: number | null;
  balloonBytes: number | null;
  residentBytes: number | null;
  /** Of all its cards together, as the guest has received and sent. */
  nics: readonly { target: string; received: number; sent: number }[];
};

export type DiskCounters = {
  target: string;
  path: string;
  sizeBytes: number | null;
  allocatedBytes: number | null;
  read: number | null;
  written: number | null;
};

export type NicCounters = { mac: string; on: string; target: string; received: number | null; sent: number | null };

/** One machine in full. */
export type MachineParts = {
  counters: MachineCounters;
  disks: readonly DiskCounters[];
  nics: readonly NicCounters[];
  hasSerial: boolean;
  upSeconds: number | null;
};

export interface LocalMachines {
  /** False for one that can only look. */
  readonly canAct: boolean;
  /** All machines that the hypervisor knows, also those of nobody's cloud. @throws NodeError */
  all(signal: AbortSignal): Promise<MachineCounters[]>;
  /**
   * One of them; undefined when it is not there. Looks at the files of its disks: never asked for by itself, for a dead
   * storage would hold the hypervisor up. @throws NodeError
   */
  one(uuid: string, signal: AbortSignal): Promise<MachineParts | undefined>;
  /**
   * `shutDown` presses the button, and the guest does what it wants; `powerOff` takes the power. The caller sees to it that
   * nothing else is done with the machine. @throws NodeError
   */
  act(uuid: string, action: LocalAction): Promise<void>;
  /** Its serial line, as `HypervisorDriver.openConsole`. */
  openSerial(uuid: string, signal: AbortSignal): Promise<Duplex>;
}

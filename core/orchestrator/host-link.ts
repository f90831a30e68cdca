import type { HostCommand, MachineReport } from "../hypervisor/driver.ts";

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

export type Pong = { bootId: string; version: string; protocol: number };

/**
 * What the manager asks a host's agent for. Every call ends in bounded time: with HOST.1010 when the host can't be
 * reached or does not answer, HOST.1011 when it shows another certificate than the one that it was given, HOST.1012
 * when its agent refuses or fails (`cause`: its own error).
 */
export interface HostLink {
  ping(host: HostAddress, signal?: AbortSignal): Promise<Pong>;
  report(host: HostAddress, signal?: AbortSignal): Promise<HostReport>;
  machines(host: HostAddress, signal?: AbortSignal): Promise<MachineReport[]>;
  /**
   * Has a command carried out, once: the agent knows `id` and answers a repetition with what came of it. `epoch` is
   * that of the flow: an agent that has seen a later one of the same flow refuses it.
   */
  command(host: HostAddress, command: HostCommand, how: CommandOptions): Promise<void>;
}

export type HostAddress = { uuid: string; managementIp: string };
export type CommandOptions = { id: string; flow: string; epoch: number; timeoutMs: number; signal?: AbortSignal };

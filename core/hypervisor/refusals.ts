import { NodeError } from "../model/error.ts";
import { shown } from "../model/quote.ts";

/* Refusals that every driver has; see the table in driver.ts. */

export function noMemory(name: string, memorySize: number, freeBytes: number): NodeError {
  return new NodeError(
    "HYPERVISOR.NO_MEMORY",
    `The machine ${shown(name)} needs ${memorySize} bytes of memory, and the host has ${Math.max(0, freeBytes)} left.`,
    { remedy: "Start it on another host, or stop other machines.", values: { memorySize, freeBytes } },
  );
}

export function noVolume(path: string): NodeError {
  return new NodeError("HYPERVISOR.NO_VOLUME", `There is no volume ${path}.`, {
    remedy: "See that its storage is mounted on this host.",
    values: { path },
  });
}

export function otherVolume(path: string, sizeBytes: number, format: string): NodeError {
  return new NodeError(
    "HYPERVISOR.VOLUME_DIFFERS",
    `There is a volume ${path} already, of ${sizeBytes} bytes as ${format}.`,
    { remedy: "Delete it if nothing needs it, or take another path.", values: { path } },
  );
}

export function otherFormat(path: string, why: string): NodeError {
  return new NodeError("HYPERVISOR.VOLUME_DIFFERS", `The volume ${path} ${why}.`, {
    remedy: "Give its format as it is.",
    values: { path },
  });
}

export function volumeInUse(path: string, cause?: unknown): NodeError {
  return new NodeError("HYPERVISOR.VOLUME_IN_USE", `A machine has the volume ${path} open.`, {
    remedy: "Stop the machine that uses it, on this host or on another one.",
    values: { path },
    ...(cause === undefined ? {} : { cause }),
  });
}

export function notRunning(uuid: string): NodeError {
  return new NodeError("HYPERVISOR.NOT_RUNNING", `The machine ${uuid} does not run on this host.`, {
    remedy: "Start it.",
    values: { machine: uuid },
  });
}

export function calledOff(): NodeError {
  return new NodeError("HYPERVISOR.ABORTED", "The command was called off; what it had begun is undone.");
}

export function noConsole(uuid: string, why: string): NodeError {
  return new NodeError("HYPERVISOR.CONSOLE_NONE", `The machine ${uuid} has no such console: ${why}.`, {
    remedy: "Stop and start the machine when it was started by an earlier release; else take its other console.",
    values: { machine: uuid },
  });
}

export function consoleFailed(uuid: string, cause: unknown): NodeError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new NodeError("HYPERVISOR.CONSOLE_FAILED", `The console of the machine ${uuid} can't be opened: ${why}`, {
    remedy: "See that the machine runs, and the log of libvirt on the host: journalctl -u libvirtd",
    values: { machine: uuid },
    cause,
  });
}

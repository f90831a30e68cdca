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

export function noImage(path: string): NodeError {
  return new NodeError("HYPERVISOR.IMAGE_ABSENT", `There is no image ${path} in the cache.`, {
    remedy: "Try again: it is brought to the host anew.",
    values: { path },
  });
}

export function otherImage(path: string, why: string): NodeError {
  return new NodeError("HYPERVISOR.IMAGE_DIFFERS", `The image ${path} ${why}.`, {
    remedy: "Try again: it is brought to the host anew. If it stays so, look at the storage and at the image store.",
    values: { path },
  });
}

export function imageInUse(path: string, volume: string): NodeError {
  return new NodeError("HYPERVISOR.IMAGE_IN_USE", `The volume ${volume} stands on the image ${path}.`, {
    remedy: "Leave it: it goes when no volume stands on it any more.",
    values: { path, volume },
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

export function notSuspended(uuid: string): NodeError {
  return new NodeError(
    "HYPERVISOR.NOT_SUSPENDED",
    `Nothing is kept on this host of the memory of the machine ${uuid}.`,
    {
      remedy: "Delete and recover the machine, and start it: its disks are as they were.",
      values: { machine: uuid },
    },
  );
}

export function notReleased(uuid: string, path: string, waitMs: number): NodeError {
  return new NodeError(
    "HYPERVISOR.VOLUME_NOT_RELEASED",
    `The guest of the machine ${uuid} has not let go of the volume ${path} within ${Math.round(waitMs / 1000)} s.`,
    {
      remedy:
        "Unmount it in the guest and ask again. A guest that is still starting, hangs or knows no hot-plug never lets go: stop the machine first.",
      values: { machine: uuid, path },
    },
  );
}

export function shrinks(path: string, sizeBytes: number, wantedBytes: number): NodeError {
  return new NodeError(
    "HYPERVISOR.VOLUME_SHRINKS",
    `The volume ${path} has ${sizeBytes} bytes already and is not cut down to ${wantedBytes}.`,
    { remedy: "Ask for a larger size.", values: { path, sizeBytes } },
  );
}

export function noSnapshot(path: string, snapshotUuid: string): NodeError {
  return new NodeError("HYPERVISOR.VOLUME_NO_SNAPSHOT", `The volume ${path} has no snapshot ${snapshotUuid}.`, {
    remedy: "Delete its record: there is nothing to go back to.",
    values: { path, snapshot: snapshotUuid },
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

import { NodeError } from "../model/error.ts";

/* Refusals that every driver has for drives and network cards of machines that run; see the table in driver.ts. */

export function noDrive(uuid: string, drives: number): NodeError {
  const why = drives === 0 ? "was started without drives" : `has an image in each of its ${drives} drives`;
  const remedy =
    drives === 0 ? "Stop and start the machine: it has drives then." : "Take an image out of one of its drives first.";
  return new NodeError("HYPERVISOR.CD_NO_DRIVE", `The machine ${uuid} ${why}.`, {
    remedy,
    values: { machine: uuid, drives },
  });
}

export function isoInUse(path: string): NodeError {
  return new NodeError("HYPERVISOR.IMAGE_IN_USE", `A machine has the image ${path} in a drive.`, {
    remedy: "Leave it: it goes when no machine has it in a drive any more.",
    values: { path },
  });
}

export function notIso(path: string): NodeError {
  return new NodeError("HYPERVISOR.BAD_PATH", `${JSON.stringify(path.slice(0, 200))} is no ISO image in a cache.`, {
    remedy: "Give the path of an ISO image in its storage's cache.",
  });
}

export function nicNotReleased(uuid: string, mac: string, waitMs: number): NodeError {
  return new NodeError(
    "HYPERVISOR.NIC_NOT_RELEASED",
    `The guest of the machine ${uuid} has not let go of the network card ${mac} within ${Math.round(waitMs / 1000)} s.`,
    {
      remedy:
        "Ask again when the guest is up. A guest that hangs or knows no hot-plug never lets go: stop the machine first.",
      values: { machine: uuid, mac },
    },
  );
}

export function noNicSlot(uuid: string, mac: string, cause: unknown): NodeError {
  return new NodeError(
    "HYPERVISOR.NIC_NO_SLOT",
    `The machine ${uuid} has no free place for the network card ${mac} while it runs.`,
    { remedy: "Stop the machine, and attach the card then.", values: { machine: uuid, mac }, cause },
  );
}

export function notAmongNics(uuid: string, mac: string): NodeError {
  return new NodeError("HYPERVISOR.FAILED", `The card ${mac} is not among those that the machine ${uuid} is to have.`, {
    remedy: "Report this: the manager has given a command that contradicts itself.",
    values: { machine: uuid, mac },
  });
}

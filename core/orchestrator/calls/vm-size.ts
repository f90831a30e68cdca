import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import { nextState } from "../../model/cloud/state-machine.ts";
import { instanceOfferingState } from "../../model/cloud/vm.ts";
import type { Tx } from "../records.ts";

/* The size of a machine, of an offering or as it is given. */

export type Size = { cpuNum: number; memorySize: number };
export type GivenSize = {
  instanceOfferingUuid?: string | undefined;
  cpuNum?: number | undefined;
  memorySize?: number | undefined;
};

export function incomplete(where: string, details: string, remedy: string): CloudError {
  return new CloudError(refusalOf("VM.1009", { where, details, remedy }));
}

/** @param present of a machine that there is: what is not given stays. @throws VM.1009, SYS.1002, SYS.1005 */
export function sizeOf(tx: Tx, { instanceOfferingUuid, ...given }: GivenSize, present?: Size): Size {
  if (instanceOfferingUuid === undefined) {
    const isGiven = given.cpuNum !== undefined || given.memorySize !== undefined;
    const { cpuNum, memorySize } = { ...(isGiven ? present : {}), ...withoutGaps(given) };
    if (cpuNum !== undefined && memorySize !== undefined) return { cpuNum, memorySize };
    const [either, remedy] =
      present === undefined
        ? ["cpuNum and memorySize are", "Give instanceOfferingUuid, or cpuNum and memorySize."]
        : ["cpuNum or memorySize is", "Give instanceOfferingUuid, or cpuNum, memorySize or both."];
    throw incomplete("instanceOfferingUuid", `Neither an offering nor ${either} given.`, remedy);
  }
  if (given.cpuNum !== undefined || given.memorySize !== undefined)
    throw incomplete("instanceOfferingUuid", "An offering and a size are given.", "Give one of the two.");
  const offering = tx.need("InstanceOffering", instanceOfferingUuid, "instanceOfferingUuid");
  if (offering.state === "Enabled") return { cpuNum: offering.cpuNum, memorySize: offering.memorySize };
  // The sentence of the table, with what it takes to enable it.
  const refused = nextState(instanceOfferingState, offering.name, offering.state, "disable");
  throw refused.done ? new Error("A disabled offering can be disabled.") : new CloudError(refused.refusal);
}

function withoutGaps({ cpuNum, memorySize }: GivenSize): Partial<Size> {
  return { ...(cpuNum === undefined ? {} : { cpuNum }), ...(memorySize === undefined ? {} : { memorySize }) };
}

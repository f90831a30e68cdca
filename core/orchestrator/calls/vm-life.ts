import { begin, end } from "../vm/life.ts";
import type { DecidersOf } from "./handler.ts";
import { sizeOf } from "./vm-size.ts";

/* What changes a machine itself. */

export const vmLifeDeciders = {
  // Done at once: a stopped machine is on no host, and is given its size with its next start.
  ChangeInstanceOffering: (tx, { uuid, ...given }, { newUuid }) => {
    const holder = newUuid();
    const machine = begin(tx, uuid, "resize", holder);
    const { cpuNum, memorySize } = sizeOf(tx, given, machine);
    const instanceOfferingUuid = given.instanceOfferingUuid ?? null;
    const changed = end(tx, { vmUuid: uuid, holder }, "done", { cpuNum, memorySize, instanceOfferingUuid });
    if (changed === undefined) throw new Error("A machine that was resized is gone.");
    return { inventory: changed };
  },
} satisfies DecidersOf<"ChangeInstanceOffering">;

import type { NicSpec } from "../../hypervisor/driver.ts";
import type { MachineDisk } from "../../hypervisor/volume-commands.ts";
import type { RecordOf } from "../kinds.ts";
import type { Tx } from "../records.ts";
import { isSeeded } from "./guest-data.ts";
import type { Machine } from "./life.ts";

/*
 * How much a machine may send and move, as its offerings say now: a root volume by its machine's, a data volume by its
 * own. Whoever has no limit is told none, for an agent of a former version knows of none.
 */

export function diskLimits(tx: Tx, volume: RecordOf<"Volume">): Pick<MachineDisk, "limits"> {
  const { type, vmInstanceUuid, diskOfferingUuid } = volume;
  const machine = vmInstanceUuid === null ? undefined : tx.peek("VmInstance", vmInstanceUuid);
  const offering =
    type === "Root"
      ? tx.peek("InstanceOffering", machine?.instanceOfferingUuid ?? "")
      : tx.peek("DiskOffering", diskOfferingUuid ?? "");
  const { diskBandwidth = null, diskIops = null } = offering ?? {};
  if (diskBandwidth === null && diskIops === null) return {};
  return {
    limits: {
      ...(diskBandwidth === null ? {} : { bytesPerSecond: diskBandwidth }),
      ...(diskIops === null ? {} : { operationsPerSecond: diskIops }),
    },
  };
}

/** Whether a machine needs a host whose agent knows limits, and data for cloud-init. @param from as {@link isSeeded} */
export function needsSecond(
  tx: Tx,
  machine: Pick<Machine, "uuid" | "instanceOfferingUuid">,
  from: "now" | "nextStart",
): boolean {
  return isLimited(tx, machine) || isSeeded(tx, machine.uuid, from);
}

function isLimited(tx: Tx, { uuid, instanceOfferingUuid }: Pick<Machine, "uuid" | "instanceOfferingUuid">): boolean {
  if (hasLimits(tx, instanceOfferingUuid)) return true;
  return tx.find("Volume", "vmInstanceUuid", uuid).some((volume) => diskLimits(tx, volume).limits !== undefined);
}

/** Whether a machine of an offering has limits. */
export function hasLimits(tx: Tx, instanceOfferingUuid: string | null): boolean {
  const offering = tx.peek("InstanceOffering", instanceOfferingUuid ?? "");
  const { networkBandwidth = null, diskBandwidth = null, diskIops = null } = offering ?? {};
  return networkBandwidth !== null || diskBandwidth !== null || diskIops !== null;
}

/** Of each of a machine's cards. */
export function nicLimits(tx: Tx, { instanceOfferingUuid }: Machine): Pick<NicSpec, "sentBytesPerSecond"> {
  const limit = tx.peek("InstanceOffering", instanceOfferingUuid ?? "")?.networkBandwidth ?? null;
  return limit === null ? {} : { sentBytesPerSecond: limit };
}

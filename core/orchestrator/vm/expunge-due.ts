import type { Mirror } from "../mirror.ts";
import type { LiveSettings } from "../settings.ts";

/** Tasks that one look begins at the most. */
const atOnce = 500;

/**
 * Machines that were deleted so long ago that they are to be expunged now, the oldest first; with the policy Direct
 * those whose volumes could not be removed with them; at each look those whose removal was cut off. Source: ../shared/spec/cloud.md, "VM states".
 */
export function dueForExpunge(mirror: Mirror, settings: LiveSettings, now: number): string[] {
  // A machine that is deleted by its record may run on a host that was not asked since a backup was restored; and what
  // the settings say is not known while one of them can't be read.
  if (mirror.count("UnseenHost") > 0 || !mirror.unreadable.all("GlobalConfig").next().done) return [];
  const isNever = settings.choice("vm.deletionPolicy") === "Never";
  const latest = isNever ? Number.NEGATIVE_INFINITY : now - settings.number("vm.expungePeriod") * 1000;
  const due: { uuid: string; lastOpDate: number }[] = [];
  for (const { value } of mirror.all("VmInstance")) {
    const { state, operation, locked, lastOpDate, rootVolumeUuid } = value;
    if (state !== "Destroyed" || operation !== null || locked) continue;
    const isBegun = rootVolumeUuid !== null && mirror.get("Expunging", rootVolumeUuid) !== undefined;
    if (isBegun || lastOpDate <= latest) due.push(value);
  }
  return due
    .sort((a, b) => a.lastOpDate - b.lastOpDate)
    .slice(0, atOnce)
    .map(({ uuid }) => uuid);
}

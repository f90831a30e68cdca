import { isExpungeDue } from "../../model/cloud/deletion.ts";
import type { Mirror } from "../mirror.ts";
import type { LiveSettings } from "../settings.ts";

/** Tasks that one look begins at the most. */
const atOnce = 500;

/**
 * Data volumes that were deleted so long ago that they are to be expunged now, the oldest first; with the policy Direct
 * those whose file could not be removed with them; at each look those whose removal was cut off, and those that nobody can
 * want back. Not while it is unclear what there is: as with machines.
 */
export function volumesDueForExpunge(mirror: Mirror, settings: LiveSettings, now: number): string[] {
  const period = settings.number("volume.expungePeriod");
  // What could not be removed at once waits like all others: its host may be away for long.
  const policy = settings.choice("volume.deletionPolicy") === "Never" ? "Never" : "Delay";
  if (mirror.count("UnseenHost") > 0 || !mirror.unreadable.all("GlobalConfig").next().done) return [];
  const due: { uuid: string; lastOpDate: number }[] = [];
  for (const { value } of mirror.all("Volume")) {
    if (value.type !== "Data" || value.status !== "Deleted") continue;
    const isWantedGone = mirror.get("Expunging", value.uuid) !== undefined;
    if (isWantedGone || isExpungeDue(policy, value.lastOpDate, period, now)) due.push(value);
  }
  return due
    .sort((a, b) => a.lastOpDate - b.lastOpDate)
    .slice(0, atOnce)
    .map(({ uuid }) => uuid);
}

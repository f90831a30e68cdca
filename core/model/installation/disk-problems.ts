import type { Draft, DraftProblem } from "./draft.ts";
import type { Hardware, InstallDisk } from "./hardware.ts";
import { planPartitions, sizeProblems, smallestDiskBytes } from "./partitions.ts";
import { error, formatBytes, warning } from "./problem.ts";
import type { Partition } from "./protocol.ts";

type Unusable = NonNullable<InstallDisk["unusable"]>;

const reasons: Readonly<Record<Unusable, string>> = {
  medium: "the machine was booted from it",
  "too-small": `it has less than ${formatBytes(smallestDiskBytes)}`,
  "read-only": "it can't be written to",
  "in-use": "something on it is in use",
  removable: "it can be pulled out",
};

/** Why a disk can't hold the system, to stand after "because"; undefined when it can. */
export function whyUnusable(disk: InstallDisk): string | undefined {
  return disk.unusable === null ? undefined : reasons[disk.unusable];
}

/** The partitions that a draft leads to, those of a mirror after those of its first disk; none while they can't be made. */
export function draftPlan(draft: Draft, hardware: Hardware): Partition[] {
  const disks = chosenDisks(draft, hardware);
  const { plan } = planOn(disks, draft, hardware);
  return disks.flatMap((disk) => plan.map((partition) => ({ ...partition, disk: disk.name })));
}

/** Both halves of a mirror are cut alike: as the smaller of them, in sectors of the larger kind. */
function planOn(disks: readonly InstallDisk[], draft: Draft, hardware: Hardware): ReturnType<typeof planPartitions> {
  const [smallest] = disks.toSorted((a, b) => a.sizeBytes - b.sizeBytes);
  if (smallest === undefined) return { plan: [], problems: [] };
  const sectorBytes = Math.max(...disks.map((disk) => disk.sectorBytes));
  return planPartitions({ ...smallest, sectorBytes }, hardware.firmware, draft.disk.custom);
}

function chosenDisks(draft: Draft, hardware: Hardware): InstallDisk[] {
  return [draft.disk.disk, draft.disk.mirror].flatMap(
    (name) => hardware.disks.find((disk) => disk.name === name) ?? [],
  );
}

/**
 * What is wrong with the disk and its partitions. Without hardware only what can be said of the answers alone. `DISK.ERASE`
 * stands while the draft does not say that the disk may be erased, which a technician only says at the very end.
 */
export function diskProblems(draft: Draft, hardware: Hardware | null): DraftProblem[] {
  const { disk, mirror, custom } = draft.disk;
  if (hardware === null) return custom === null ? [] : sizeProblems(custom.sizes, "uefi", 512);
  if (disk === null) {
    return [
      error("DISK.NONE", "disk.disk", {
        description: "No disk is chosen for the system.",
        remedy: hardware.disks.some((each) => each.unusable === null)
          ? "Choose a disk."
          : `Add a disk of at least ${formatBytes(smallestDiskBytes)}, and look for disks again.`,
      }),
    ];
  }
  const problems = singleProblems(disk, "disk.disk", draft, hardware);
  if (mirror !== null && mirror === disk) {
    problems.push(
      error("DISK.MIRROR_SAME", "disk.mirror", {
        description: `${disk} can't be its own mirror.`,
        remedy: "Choose another disk for the mirror, or none.",
        values: { disk },
      }),
    );
  } else if (mirror !== null) {
    problems.push(...singleProblems(mirror, "disk.mirror", draft, hardware), ...pairProblems(draft, hardware));
  }
  // A disk that can't be used at all has been told of; so has one that is too small for any scheme.
  const isSettled = problems.some((problem) => problem.severity === "error" && problem.code !== "DISK.ERASE");
  return isSettled ? problems : [...problems, ...planOn(chosenDisks(draft, hardware), draft, hardware).problems];
}

function singleProblems(name: string, field: string, draft: Draft, hardware: Hardware): DraftProblem[] {
  const disk = hardware.disks.find((candidate) => candidate.name === name);
  if (disk === undefined) {
    const known = hardware.disks.map((candidate) => candidate.name).join(", ");
    return [
      error("DISK.UNKNOWN", field, {
        description: `There is no disk ${name}.`,
        remedy: known === "" ? "This machine shows no disk at all." : `There are: ${known}.`,
        values: { disk: name },
      }),
    ];
  }
  if (disk.unusable === "too-small" || (disk.unusable === null && disk.sizeBytes < smallestDiskBytes)) {
    return [
      error("DISK.TOO_SMALL", field, {
        description: `${name} has ${formatBytes(disk.sizeBytes)}, too little for the system.`,
        remedy: `Choose a disk of at least ${formatBytes(smallestDiskBytes)}.`,
        values: { disk: name, sizeBytes: disk.sizeBytes, leastBytes: smallestDiskBytes },
      }),
    ];
  }
  if (disk.unusable !== null) {
    return [
      error("DISK.UNUSABLE", field, {
        description: `${name} can't hold the system: ${reasons[disk.unusable]}.`,
        remedy: "Choose another disk.",
        values: { disk: name, why: disk.unusable },
      }),
    ];
  }
  const problems: DraftProblem[] = [];
  if (disk.health === "failing") {
    problems.push(
      warning("DISK.FAILING", field, {
        description: `${name} says that it is failing${disk.healthWhy === null ? "" : `: ${disk.healthWhy}`}.`,
        remedy: "Choose another disk, or replace this one.",
        values: { disk: name, why: disk.healthWhy ?? "" },
      }),
    );
  }
  if (!disk.empty && !draft.disk.erase) {
    problems.push(
      error("DISK.ERASE", field, {
        description: `${name} is not empty: ${describeContents(disk)}.`,
        remedy: "Say that it may be erased, or choose another disk.",
        values: { disk: name },
      }),
    );
  }
  return problems;
}

function pairProblems(draft: Draft, hardware: Hardware): DraftProblem[] {
  const [first, second] = chosenDisks(draft, hardware);
  if (first === undefined || second === undefined) return [];
  if (first.sectorBytes !== second.sectorBytes) {
    return [
      error("DISK.MIRROR_SECTORS", "disk.mirror", {
        description: `${first.name} has sectors of ${first.sectorBytes} bytes, ${second.name} of ${second.sectorBytes}: they can't mirror each other.`,
        remedy: "Choose two disks with sectors of the same size.",
        values: { disk: first.name, mirror: second.name },
      }),
    ];
  }
  const [smaller, larger] = [first, second].toSorted((a, b) => a.sizeBytes - b.sizeBytes);
  if (smaller === undefined || larger === undefined || smaller.sizeBytes >= larger.sizeBytes * 0.9) return [];
  return [
    warning("DISK.MIRROR_SIZES", "disk.mirror", {
      description: `${larger.name} (${formatBytes(larger.sizeBytes)}) is used only as far as ${smaller.name} (${formatBytes(smaller.sizeBytes)}) goes.`,
      remedy: "Choose two disks of the same size.",
      values: { smaller: smaller.name, larger: larger.name },
    }),
  ];
}

const contentsShown = 4;

/** What is on a disk now, in a few words: `Debian GNU/Linux 12 (bookworm) on sda2, ext4 on sda3 "backup"`. */
export function describeContents(disk: InstallDisk): string {
  const parts = disk.contents
    .filter((content) => content.type !== null || content.system !== null)
    .map(({ device, type, label, memberOf, system }) =>
      [
        `${system ?? type} on ${device}`,
        label === null ? "" : ` ${JSON.stringify(label)}`,
        memberOf === null ? "" : ` of ${memberOf}`,
      ].join(""),
    );
  if (parts.length > contentsShown)
    parts.splice(contentsShown - 1, parts.length, `${parts.length - contentsShown + 1} more`);
  if (parts.length > 0) return parts.join(", ");
  return disk.partitionTable === null ? "something that is not known" : `a partition table (${disk.partitionTable})`;
}

import { type InstallStep, installSteps } from "../../core/model/installation/protocol.ts";

/** What share of the time a step takes, measured on disks; copying and reading back are nearly all. */
const weights = {
  check: 1,
  partition: 3,
  format: 6,
  copy: 50,
  verify: 20,
  configure: 10,
  bootloader: 8,
  finish: 2,
} as const satisfies Record<InstallStep, number>;
const total = Object.values(weights).reduce((sum, weight) => sum + weight, 0);

/** The share of the whole installation that is done, 0 to 1. */
export function wholeShare(step: InstallStep, stepShare: number): number {
  const before = installSteps.slice(0, installSteps.indexOf(step)).reduce((sum, name) => sum + weights[name], 0);
  return (before + weights[step] * Math.min(1, Math.max(0, stepShare))) / total;
}

/** An estimate is shown from this share on: earlier it would jump. */
const leastShare = 0.12;

/** Seconds that are left, as far as the past tells; null while it tells nothing. */
export function remainingSeconds(share: number, elapsedSeconds: number): number | null {
  if (share < leastShare || elapsedSeconds < 1) return null;
  return Math.round((elapsedSeconds / share) * (1 - share));
}

/**
 * Where to go on after a failure. What was written is trusted only as far as the step before has proven it: a file that
 * reads back wrong is copied again, a disk that could not be written is formatted again.
 */
export function resumeStep(failed: InstallStep, code: string): InstallStep {
  if (code === "COPY.FAILED" || code === "CHECK.DISK") return failed === "check" ? "check" : "partition";
  switch (failed) {
    case "format":
      return "partition";
    case "verify":
      return "copy";
    default:
      return failed;
  }
}

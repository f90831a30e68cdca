/*
 * What becomes of a deleted machine, volume or image, by the setting deletionPolicy of its category.
 * Source: ../shared/spec/cloud.md, "VM states" (delete, recover, expunge).
 */

export const deletionPolicies = ["Direct", "Delay", "Never"] as const;
export type DeletionPolicy = (typeof deletionPolicies)[number];

/**
 * Whether a deleted resource is to be removed for good now. `deletedAt` and `now` in milliseconds since the epoch. A
 * clock that was set back only makes it stay longer.
 */
export function isExpungeDue(policy: DeletionPolicy, deletedAt: number, periodSeconds: number, now: number): boolean {
  if (policy === "Never") return false;
  return policy === "Direct" || now - deletedAt >= periodSeconds * 1000;
}

import type { ResourceKind } from "../model/cloud/resources.ts";
import type { JsonObject } from "../store/record.ts";

/* Fields that records of former versions lack, and what they stand for there. */

const addedFields: Readonly<Partial<Record<ResourceKind, JsonObject>>> = {
  // Every volume had a machine.
  Volume: { hostUuid: null },
};

/** A record with all fields of this version; the same one when it has them. */
export function withAdded(kind: ResourceKind, value: JsonObject): JsonObject {
  const added = addedFields[kind];
  if (added === undefined || Object.keys(added).every((field) => value[field] !== undefined)) return value;
  return { ...added, ...value };
}

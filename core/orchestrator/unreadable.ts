import { CloudError, refusalOf } from "../model/cloud/refusal.ts";
import type { ResourceKind } from "../model/cloud/resources.ts";
import type { Json, JsonObject } from "../store/record.ts";
import type { Kind, RecordOf } from "./kinds.ts";
import { type Field, fieldsOf } from "./query/fields.ts";

/*
 * Records that are in the store and are none of their kind, as a newer version or a hand may have left them: they are
 * left out, and nothing is done with them or with what depends on them. What they may stand for is counted as there.
 */

export type Unreadable = {
  readonly kind: ResourceKind;
  readonly key: string;
  readonly value: JsonObject;
  readonly revision: number;
  /** What is wrong with it: fields and sentences, none of its values. */
  readonly why: string;
};

/**
 * What is wrong with a record, field by field: one that is missing, or not of its type; undefined when it can be read.
 * Fields that this version does not know make none unreadable. Not the whole schema: of 300,000 records at the start of
 * a manager that would take seconds, and a name that is too long hurts nobody.
 */
export function problemOf(kind: ResourceKind, key: string, value: JsonObject): string | undefined {
  if (value["uuid"] !== key) return "uuid: It is not the one that the record is stored by.";
  let problems: string[] | undefined;
  for (const field of fieldsOf(kind).values()) {
    const problem = problemIn(field, value[field.name]);
    if (problem === undefined) continue;
    problems ??= [];
    problems.push(`${field.name}: ${problem}`);
  }
  return problems?.join(" ");
}

function problemIn(field: Field, value: Json | undefined): string | undefined {
  if (value === undefined) return field.isOptional ? undefined : "It is missing.";
  if (value === null) return field.isNullable ? undefined : "It is null.";
  if (!field.isList) return isOfType(field, value) ? undefined : `It is no ${field.type} that it may be.`;
  const isWhole = Array.isArray(value) && value.every((each) => isOfType(field, each));
  return isWhole ? undefined : `It is no list of what it may hold (${field.type}).`;
}

function isOfType({ name, type, choices }: Field, value: Json): boolean {
  if (type === "text") return typeof value === "string";
  if (type === "boolean") return typeof value === "boolean";
  if (type === "choice") return typeof value === "string" && choices.includes(value);
  // Nothing is counted below zero: less than none would make room that is not there. An alarm's threshold may be.
  return typeof value === "number" && (value >= 0 || name === "threshold");
}

/** @throws SYS.1060 */
export function unreadableError({ kind, key, why }: Unreadable): CloudError {
  const remedy =
    "Put the record right, restore a backup of the store, or run the version that wrote it; the manager's log names it.";
  return new CloudError(refusalOf("SYS.1060", { where: `${kind} ${key.slice(0, 64)}`, details: why, remedy }));
}

/** Those of a store. */
export class UnreadableRecords {
  readonly #records = new Map<string, Unreadable>();

  get size(): number {
    return this.#records.size;
  }

  get(kind: Kind, key: string): Unreadable | undefined {
    return this.#records.size === 0 ? undefined : this.#records.get(`${kind}/${key}`);
  }

  set(record: Unreadable): void {
    this.#records.set(`${record.kind}/${record.key}`, record);
  }

  delete(kind: Kind, key: string): void {
    this.#records.delete(`${kind}/${key}`);
  }

  *all(...kinds: readonly ResourceKind[]): Generator<Unreadable> {
    for (const record of this.#records.values()) if (kinds.length === 0 || kinds.includes(record.kind)) yield record;
  }

  /** The first of some kinds that names a resource, wherever in it. */
  naming(uuid: string, ...kinds: readonly ResourceKind[]): Unreadable | undefined {
    for (const record of this.all(...kinds)) if (JSON.stringify(record.value).includes(uuid)) return record;
    return undefined;
  }

  /** A machine whose record names this host, or does not say where it is. */
  machineOn({ uuid, clusterUuid: ofHost }: Pick<RecordOf<"Host">, "uuid" | "clusterUuid">): Unreadable | undefined {
    for (const machine of this.all("VmInstance")) {
      const { hostUuid, lastHostUuid, clusterUuid } = machine.value;
      if (hostUuid === uuid || lastHostUuid === uuid) return machine;
      if (hostUuid !== null && typeof hostUuid !== "string" && mayBe(clusterUuid, ofHost)) return machine;
    }
    return undefined;
  }

  /** A volume whose record names this storage, or does not say where it is. */
  volumeOn(storageUuid: string): Unreadable | undefined {
    for (const volume of this.all("Volume")) {
      const { primaryStorageUuid } = volume.value;
      if (primaryStorageUuid !== null && mayBe(primaryStorageUuid, storageUuid)) return volume;
    }
    return undefined;
  }

  /** A card or volume that belongs to a machine. */
  partOf({ uuid, rootVolumeUuid, vmNicUuids }: RecordOf<"VmInstance">): Unreadable | undefined {
    const parts = new Set([rootVolumeUuid, ...vmNicUuids]);
    for (const part of this.all("VmNic", "Volume"))
      if (parts.has(part.key) || JSON.stringify(part.value).includes(uuid)) return part;
    return undefined;
  }
}

/** Whether what a record says may mean this one: what is no text says nothing. */
function mayBe(said: unknown, uuid: string): boolean {
  return typeof said !== "string" || said === uuid;
}

import * as z from "zod/mini";
import type { CloudCall } from "../../core/model/cloud/calls/call.ts";
import { secretFields } from "../../core/model/cloud/calls/index.ts";
import { coreOf } from "../../core/model/cloud/calls/text.ts";
import { type ResourceKind, resources } from "../../core/model/cloud/resources.ts";

/* The keys of a call, and the fields of a resource, read from their schemas. */

type Schema = z.core.$ZodType;

export type Key = {
  readonly name: string;
  /** In words, for people: `text`, `uuid of a Zone`, `enable|disable`. */
  readonly type: string;
  readonly isRequired: boolean;
  readonly isList: boolean;
  readonly isSecret: boolean;
  /** Null may be given. */
  readonly isNullable: boolean;
  /** All values that there are; empty: nobody knows. */
  readonly choices: readonly string[];
  /** What holds when it is left out. */
  readonly preset: string | undefined;
  readonly description: string;
  /** The kind whose uuid it is. */
  readonly kind: ResourceKind | undefined;
};

/** The required ones first. */
export function keysOf({ input, resource }: CloudCall): readonly Key[] {
  const keys = Object.entries<Schema>(input.shape).map(([name, schema]) => keyOf(name, schema, resource));
  return [...keys.filter(({ isRequired }) => isRequired), ...keys.filter(({ isRequired }) => !isRequired)];
}

/** What a query of a kind may ask for. */
export function fieldsOf(kind: ResourceKind): readonly Key[] {
  return Object.entries<Schema>(resources[kind].schema.shape).map(([name, schema]) => keyOf(name, schema, kind));
}

function keyOf(name: string, schema: Schema, resource: ResourceKind): Key {
  const { core, nullable, optional } = coreOf(schema);
  const element = core instanceof z.ZodMiniArray ? core.def.element : undefined;
  const single = element ?? core;
  const choices = choicesOf(single);
  const kind = kindOfField(name, resource);
  return {
    name,
    type: `${element === undefined ? "" : "list of "}${typeOf(name, single, choices, kind)}`,
    isRequired: !optional,
    isList: element !== undefined,
    isSecret: secretFields.has(name),
    isNullable: nullable,
    choices,
    preset: presetOf(schema),
    description: descriptionOf(schema) ?? descriptionOf(core) ?? "",
    kind,
  };
}

function descriptionOf(schema: Schema): string | undefined {
  const found = z.globalRegistry.get(schema)?.description;
  return (
    found ??
    (schema instanceof z.ZodMiniDefault || schema instanceof z.ZodMiniOptional
      ? descriptionOf(schema.def.innerType)
      : undefined)
  );
}

function choicesOf(schema: Schema): readonly string[] {
  if (schema instanceof z.ZodMiniEnum) return schema.options.map(String);
  if (schema instanceof z.ZodMiniLiteral) return schema.def.values.map(String);
  return schema instanceof z.ZodMiniBoolean ? ["true", "false"] : [];
}

function typeOf(name: string, schema: Schema, choices: readonly string[], kind: ResourceKind | undefined): string {
  if (choices.length > 0) return choices.join("|");
  if (kind !== undefined) return `uuid of ${/^([AEIO]|L\d)/.test(kind) ? "an" : "a"} ${kind}`;
  if (/uuids?$/i.test(name)) return "uuid";
  if (!(schema instanceof z.ZodMiniNumber)) return "text";
  return isSizeField(name) ? "size" : isMomentField(name) ? "time" : "number";
}

function presetOf(schema: Schema): string | undefined {
  if (!(schema instanceof z.ZodMiniDefault)) return;
  const value: unknown = schema.def.defaultValue;
  return Array.isArray(value) ? value.join(",") || "none" : String(value);
}

/** Bytes; people may write and read 1G. */
export function isSizeField(name: string): boolean {
  return /(size|capacity|bytes|^memory(total|used|reserved))$/i.test(name);
}

/** Milliseconds since the epoch. */
export function isMomentField(name: string): boolean {
  return /(Date|ExpiresAt|expiresAt)$/.test(name);
}

const kinds = Object.keys(resources).filter((kind): kind is ResourceKind => Object.hasOwn(resources, kind));
/** Names that do not say their kind. `undefined`: it may be of any kind. */
const otherNames: Readonly<Record<string, ResourceKind | undefined>> = {
  isoUuid: "Image",
  isoUuids: "Image",
  parentUuid: "VolumeSnapshot",
  resourceUuid: undefined,
  treeUuid: undefined,
};

/** The kind that a field names: `zoneUuid`, `defaultL3NetworkUuid`, `primaryStorageUuidForRootVolume`. */
export function kindOfField(name: string, own: ResourceKind): ResourceKind | undefined {
  if (name === "uuid") return own;
  if (Object.hasOwn(otherNames, name)) return otherNames[name];
  const [stem = ""] = name.split(/Uuids?(?=[A-Z]|$)/);
  if (stem === name) return;
  const fitting = kinds.filter((kind) => stem.toLowerCase().endsWith(kind.toLowerCase()));
  return fitting.sort((a, b) => b.length - a.length)[0];
}

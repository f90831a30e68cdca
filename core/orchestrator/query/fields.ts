import * as z from "zod/mini";
import { type ResourceKind, resources } from "../../model/cloud/resources.ts";
import { resourceKinds } from "../kinds.ts";
import { relationsOf } from "./relations.ts";

/* What can be asked for, read from the resources' schemas: a field that no schema shows can't be queried. */

/** How values of a field are written and compared. `size`: bytes, also 1G. `time`: milliseconds, also a date. */
export type FieldType = "text" | "choice" | "boolean" | "number" | "size" | "time";

export type Field = {
  readonly name: string;
  readonly type: FieldType;
  readonly isList: boolean;
  readonly isNullable: boolean;
  /** Records of former versions may lack it. */
  readonly isOptional: boolean;
  /** Of a choice, all that there are. */
  readonly choices: readonly string[];
  readonly description: string;
};

export const operators = ["!?=", "!~=", "?=", "~=", "!=", ">=", "<=", "=", ">", "<"] as const;
export type Operator = (typeof operators)[number];

const forEquality = ["=", "!="] as const;
const forLists = ["?=", "!?="] as const;
const forPatterns = ["~=", "!~="] as const;
const forOrder = [">", "<", ">=", "<="] as const;
const byType: Readonly<Record<FieldType, readonly Operator[]>> = {
  text: [...forEquality, ...forPatterns, ...forLists],
  choice: [...forEquality, ...forPatterns, ...forLists],
  boolean: forEquality,
  number: [...forEquality, ...forOrder, ...forLists],
  size: [...forEquality, ...forOrder, ...forLists],
  time: [...forEquality, ...forOrder, ...forLists],
};

export function operatorsOf({ type }: Field): readonly Operator[] {
  return byType[type];
}

/** Fields that are objects of their own: they are shown, and can't be asked for. */
const unasked: ReadonlySet<string> = new Set(["Task.result", "Task.error"]);

/** The fields of a kind by their names. */
export function fieldsOf(kind: ResourceKind): ReadonlyMap<string, Field> {
  return byKind.get(kind) ?? new Map();
}

const byKind = new Map(resourceKinds.map((kind) => [kind, readFields(kind)]));

export type QueryField = {
  name: string;
  /** `text[]`: a list of texts. */
  type: FieldType | `${FieldType}[]`;
  /** `=null` and `!=null` only for what may be null. */
  operators: readonly string[];
  description: string;
};
export type QueryRelation = { name: string; kind: ResourceKind; description: string };

/** All names that a query of a resource takes, for completion and documentation. */
export function queryFields(kind: ResourceKind): QueryField[] {
  return [...fieldsOf(kind).values()].map((field) => ({
    name: field.name,
    type: field.isList ? `${field.type}[]` : field.type,
    operators: [...operatorsOf(field), ...(field.isNullable ? ["=null", "!=null"] : [])],
    description: field.description,
  }));
}

/** All relations that a path may go from a resource: `host` in `host.managementIp=192.168.0.11`. */
export function queryRelations(kind: ResourceKind): QueryRelation[] {
  return [...relationsOf(kind).values()].map(({ name, kind: related, link, isForth }) => ({
    name,
    kind: related,
    description: isForth ? `What its ${link.field} names.` : `Each ${related} whose ${link.field} names it.`,
  }));
}

function readFields(kind: ResourceKind): ReadonlyMap<string, Field> {
  const shape: Record<string, z.core.$ZodType> = resources[kind].schema.shape;
  const named = Object.entries(shape).filter(([name]) => !unasked.has(`${kind}.${name}`));
  return new Map(named.map(([name, schema]) => [name, readField(`${kind}.${name}`, name, schema)]));
}

function readField(where: string, name: string, schema: z.core.$ZodType): Field {
  const description = z.globalRegistry.get(schema)?.description ?? "";
  const inOptional = schema instanceof z.ZodMiniExactOptional ? schema.def.innerType : undefined;
  const inNull = innerOfNullable(inOptional ?? schema);
  const present = inNull ?? inOptional ?? schema;
  const inList = elementOf(present);
  const { type, choices } = typeOf(where, inList ?? present);
  return {
    name,
    type,
    choices,
    isList: inList !== undefined,
    isNullable: inNull !== undefined,
    isOptional: inOptional !== undefined,
    description,
  };
}

function innerOfNullable(schema: z.core.$ZodType): z.core.$ZodType | undefined {
  return schema instanceof z.ZodMiniNullable ? schema.def.innerType : undefined;
}

function elementOf(schema: z.core.$ZodType): z.core.$ZodType | undefined {
  return schema instanceof z.ZodMiniArray ? schema.def.element : undefined;
}

function typeOf(where: string, schema: z.core.$ZodType): Pick<Field, "type" | "choices"> {
  if (schema instanceof z.ZodMiniString) return { type: "text", choices: [] };
  if (schema instanceof z.ZodMiniBoolean) return { type: "boolean", choices: ["true", "false"] };
  if (schema instanceof z.ZodMiniEnum) return { type: "choice", choices: schema.options.map(String) };
  if (schema instanceof z.ZodMiniNumber) return { type: numberType(schema), choices: [] };
  if (schema instanceof z.ZodMiniLiteral) {
    const values = schema.def.values;
    const choices = values.map(String);
    return { type: values.every((value) => typeof value === "number") ? "number" : "choice", choices };
  }
  throw new Error(`${where} has a schema that queries can't read.`);
}

function numberType(schema: z.core.$ZodType): FieldType {
  const unit = z.globalRegistry.get(schema)?.["unit"];
  if (unit === "bytes") return "size";
  return unit === "moment" ? "time" : "number";
}

import type { ResourceKind } from "../../model/cloud/resources.ts";
import { type Field, fieldsOf, type Operator, operators, operatorsOf } from "./fields.ts";
import { neverNull, noSuchName, refused, tooLarge, wrongForm, wrongOperator, wrongValue } from "./refusals.ts";
import { type Relation, relationsOf } from "./relations.ts";
import { compileTest, parseValue, type Test, type Value } from "./values.ts";

/** Steps of a path. */
export const mostSteps = 4;
/** Values of a list. */
const mostValues = 1000;
/** Characters of a pattern. */
const longestPattern = 255;

/** `vmNics.ip=10.0.0.7`: what a record, or one that it is related to, has to be. */
export type Condition = {
  /** Empty: the field is the record's own. */
  readonly path: readonly Relation[];
  readonly field: Field;
  readonly operator: Operator;
  /** Several only in a list. */
  readonly values: readonly Value[];
  readonly test: Test;
};

/**
 * Reads one condition of a query of a kind. `where`: its place in the call. The text `null` after `=` or `!=` means
 * that the field has no value.
 *
 * @throws SYS.1030 for a field that is not there, SYS.1031, SYS.1032 for the operator, SYS.1033 for the value, SYS.1034
 */
export function parseCondition(kind: ResourceKind, text: string, where: string): Condition {
  const { names, operator, rest } = split(text, where);
  const { path, field } = resolve(kind, names, where);
  if (!operatorsOf(field).includes(operator)) throw wrongOperator(where, field, operator);
  const values = valuesOf(field, operator, rest, where);
  return { path, field, operator, values, test: compileTest(operator, values) };
}

function split(text: string, where: string): { names: readonly string[]; operator: Operator; rest: string } {
  // What ends the names is one character: no pattern runs over the text that was given.
  const end = [...operatorStarts].map((start) => text.indexOf(start)).filter((at) => at >= 0);
  const at = Math.min(...end);
  const operator = operators.find((each) => text.startsWith(each, at));
  const names = operator === undefined ? [] : text.slice(0, at).split(".");
  if (operator === undefined || names.some((name) => name === "" || name !== name.trim())) throw wrongForm(where, text);
  return { names, operator, rest: text.slice(at + operator.length) };
}

const operatorStarts = "=!<>~?";

function resolve(kind: ResourceKind, names: readonly string[], where: string): { path: Relation[]; field: Field } {
  const steps = names.slice(0, -1);
  if (steps.length > mostSteps)
    throw tooLarge(
      where,
      `The path has ${steps.length} steps to related resources.`,
      `Go ${mostSteps} steps at the most, or query a resource that is nearer.`,
    );
  const path: Relation[] = [];
  let at = kind;
  for (const name of steps) {
    const relation = relationsOf(at).get(name);
    if (relation === undefined) throw noRelation(where, at, name);
    path.push(relation);
    at = relation.kind;
  }
  return { path, field: fieldNamed(at, names.at(-1) ?? "", where) };
}

function noRelation(where: string, kind: ResourceKind, name: string) {
  const relations = [...relationsOf(kind).keys()];
  if (!fieldsOf(kind).has(name)) return noSuchName(where, kind, name, [...relations, ...fieldsOf(kind).keys()]);
  const remedy = relations.length === 0 ? "It has no related resources." : `It has ${relations.join(", ")}.`;
  return refused("SYS.1030", where, `${name} of ${kind} leads to no other resource.`, remedy);
}

function fieldNamed(kind: ResourceKind, name: string, where: string): Field {
  const field = fieldsOf(kind).get(name);
  if (field !== undefined) return field;
  const relations = relationsOf(kind);
  if (!relations.has(name)) throw noSuchName(where, kind, name, [...fieldsOf(kind).keys(), ...relations.keys()]);
  throw refused("SYS.1030", where, `${name} of ${kind} is another resource.`, `Name a field of it: ${name}.uuid.`);
}

function valuesOf(field: Field, operator: Operator, text: string, where: string): readonly Value[] {
  switch (operator) {
    case "=":
    case "!=":
      if (text !== "null") return [valueOf(field, text, where)];
      if (!field.isNullable) throw neverNull(where, field);
      return [null];
    case "?=":
    case "!?=":
      return listOf(field, text, where);
    case "~=":
    case "!~=":
      if (text.length > longestPattern)
        throw tooLarge(
          where,
          `The pattern has ${text.length} characters.`,
          `Give ${longestPattern} characters at the most.`,
        );
      return [text];
    default:
      return [valueOf(field, text, where)];
  }
}

function listOf(field: Field, text: string, where: string): readonly Value[] {
  const texts = text === "" ? [] : text.split(",");
  if (texts.length > mostValues)
    throw tooLarge(where, `The list has ${texts.length} values.`, `Give ${mostValues} values at the most.`);
  if (texts.length === 0 || texts.includes("")) throw wrongValue(where, field, text);
  return [...new Set(texts.map((each) => valueOf(field, each, where)))];
}

function valueOf(field: Field, text: string, where: string): Value {
  const value = parseValue(field, text);
  if (value === undefined) throw wrongValue(where, field, text);
  return value;
}

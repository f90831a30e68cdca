import type { ResourceKind } from "../../../../core/model/cloud/resources.ts";
import { links } from "../../../../core/orchestrator/query/relations.ts";
import type { Json, JsonObject } from "../../../../core/store/record.ts";
import type { Cloud } from "./support.ts";

/* A query carried out in the plainest way: every record is looked at, every relation by looking at all records. */

export type NaiveCondition = {
  path: readonly string[];
  field: string;
  operator: string;
  values: readonly (string | number | boolean | null)[];
};

export function naiveHolds(cloud: Cloud, kind: ResourceKind, record: JsonObject, condition: NaiveCondition): boolean {
  const [step, ...path] = condition.path;
  if (step === undefined) return naiveTest(record[condition.field] ?? null, condition);
  return links.some((link) => {
    const recordsOf = (other: ResourceKind) => cloud.get(other) ?? [];
    const goesForth = link.from === kind && link.forth === step;
    const goesBack = link.to === kind && link.back === step;
    const next = { ...condition, path };
    const names = (one: JsonObject, uuid: Json | undefined) => [one[link.field] ?? null].flat().includes(uuid ?? null);
    return (
      (goesForth &&
        recordsOf(link.to).some((other) => names(record, other["uuid"]) && naiveHolds(cloud, link.to, other, next))) ||
      (goesBack &&
        recordsOf(link.from).some((other) => names(other, record["uuid"]) && naiveHolds(cloud, link.from, other, next)))
    );
  });
}

function naiveTest(value: Json, { operator, values }: NaiveCondition): boolean {
  if (operator.startsWith("!") && operator !== "!")
    return !naiveTest(value, { path: [], field: "", operator: operator.slice(1), values });
  const elements: readonly Json[] = Array.isArray(value) ? value : [value];
  return elements.some((element) => {
    if (operator === "=" || operator === "?=") return values.some((each) => each === element);
    if (operator === "~=") return typeof element === "string" && regexOf(String(values[0])).test(element);
    if (typeof element !== "number") return false;
    const bound = Number(values[0]);
    if (operator === ">") return element > bound;
    if (operator === "<") return element < bound;
    return element === bound || (operator === ">=" ? element > bound : element < bound);
  });
}

/** Only for the patterns that the tests make themselves. */
export function regexOf(pattern: string): RegExp {
  const source = pattern.replaceAll(/\\[%_\\]|[\s\S]/gu, (part) => {
    if (part === "%") return "[\\s\\S]*";
    if (part === "_") return "[\\s\\S]";
    return (part.length > 1 && part.startsWith("\\") ? part.slice(1) : part).replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
  });
  return new RegExp(`^${source}$`, "iu");
}

import type * as z from "zod";

type Repaired<T> = { value: T; dropped: string[] };

/** A document with more bad fields is nobody's mistake in one of ours; dropping each would take minutes. */
const mostIssues = 10_000;
/**
 * A field, then the object that can't do without it, then the one around that: a round for each level, and one that
 * finds all well. Ours have four levels.
 */
const mostRounds = 20;

/**
 * What can be kept of a document: all of it when its schema accepts it. Else each offending field is dropped, so that
 * its default applies; an offending element leaves its list; an object that can't do without a dropped field is dropped
 * itself. Undefined when nothing of the document would be left, or when it is bad beyond measure.
 *
 * @throws RangeError when it is nested too deeply
 */
export function repair<T>(schema: z.ZodType<T>, damaged: unknown): Repaired<T> | undefined {
  const raw = structuredClone(damaged);
  const dropped: string[] = [];
  for (let round = 0; round < mostRounds; round++) {
    const result = schema.safeParse(raw);
    if (result.success) return { value: result.data, dropped };
    if (result.error.issues.length > mostIssues) return undefined;
    // All places are found before the first is dropped, and later elements of a list go first: both keep places true.
    const places = result.error.issues.map((issue) => existing(raw, issue.path)).sort(laterFirst);
    if (places.some((place) => place.length === 0)) return undefined;
    const done = new Set<string>();
    for (const place of places) {
      const name = place.map(String).join(".");
      if (done.has(name)) continue;
      done.add(name);
      drop(raw, place);
    }
    dropped.push(...done);
  }
  return undefined;
}

type Path = readonly PropertyKey[];
type Container = Record<PropertyKey, unknown>;

function isContainer(value: unknown): value is Container {
  return typeof value === "object" && value !== null;
}

/** The path itself, or for a field that is missing the object that lacks it. */
function existing(raw: unknown, path: Path): Path {
  let here = raw;
  for (const [depth, key] of path.entries()) {
    if (!isContainer(here) || !Object.hasOwn(here, key)) return path.slice(0, depth);
    here = here[key];
  }
  return path;
}

function drop(raw: unknown, path: Path): void {
  const key = path.at(-1);
  let here = raw;
  for (const step of path.slice(0, -1)) {
    // Gone with something that was dropped just now.
    if (!isContainer(here)) return;
    here = here[step];
  }
  if (key === undefined || !isContainer(here)) return;
  if (Array.isArray(here) && typeof key === "number") here.splice(key, 1);
  else delete here[key];
}

function laterFirst(a: Path, b: Path): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const left = a[i];
    const right = b[i];
    if (left === right) continue;
    if (typeof left === "number" && typeof right === "number") return right - left;
    if (left === undefined) return 1;
    if (right === undefined) return -1;
    return String(right).localeCompare(String(left));
  }
  return 0;
}

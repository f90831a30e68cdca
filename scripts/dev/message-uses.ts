import { type Argument, type Expression, type TemplateLiteral, Visitor } from "oxc-parser";
import { isTranslate } from "./hard-coded-text.ts";
import { isString } from "./imports.ts";
import type { Source } from "./source.ts";

export type Place = { readonly file: string; readonly line: number };

/** Where keys of the catalogue are written down, in the order of the files. */
export function keyPlaces(catalogues: readonly Source[], keys: ReadonlySet<string>): Map<string, Place[]> {
  const places = new Map<string, Place[]>();
  for (const source of catalogues) {
    const add = (key: string, start: number) => {
      if (keys.has(key)) places.set(key, [...(places.get(key) ?? []), { file: source.path, line: source.line(start) }]);
    };
    new Visitor({
      Property: ({ key }) => {
        if (isString(key)) add(key.value, key.start);
        else if (key.type === "Identifier") add(key.name, key.start);
      },
    }).visit(source.program);
  }
  return places;
}

export type MessageUses = {
  /** Every string that may be a key. */
  keys: Set<string>;
  /** Keys that are put together at run time: `missing.${code}` stands for all that begin so. */
  patterns: RegExp[];
  /** Calls of `t` with a known key, and the names of the values that they give. Calls that pass an object on are left out. */
  calls: ({ key: string; given: string[] } & Place)[];
};

export function messageUses(users: readonly Source[]): MessageUses {
  const uses: MessageUses = { keys: new Set(), patterns: [], calls: [] };
  for (const source of users) {
    new Visitor({
      Literal: (node) => {
        if (isString(node)) uses.keys.add(node.value);
      },
      TemplateLiteral: (node) => {
        const pattern = patternOf(node);
        if (pattern !== undefined) uses.patterns.push(pattern);
      },
      BinaryExpression: ({ operator, left }) => {
        if (operator === "+" && isString(left) && left.value.endsWith(".")) uses.patterns.push(beginning(left.value));
      },
      CallExpression: (node) => {
        const [key, values] = node.arguments;
        if (!isTranslate(node.callee) || key === undefined) return;
        const given = namesOf(values);
        if (given === undefined) return;
        for (const one of keysOf(key))
          uses.calls.push({ key: one, given, file: source.path, line: source.line(node.start) });
      },
    }).visit(source.program);
  }
  return uses;
}

/** Only a template that begins with a word and a dot: others would stand for every key. */
function patternOf({ quasis }: TemplateLiteral): RegExp | undefined {
  const chunks = quasis.map((chunk) => chunk.value.cooked ?? "");
  if (!/^[A-Za-z]\w*\./.test(chunks[0] ?? "")) return undefined;
  return new RegExp(`^${chunks.map(escapeRegExp).join(".+")}$`);
}

function beginning(text: string): RegExp {
  return new RegExp(`^${escapeRegExp(text)}`);
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** The keys that an argument may be: a string, or a choice between strings. */
function keysOf(key: Argument | Expression): string[] {
  if (isString(key)) return [key.value];
  return key.type === "ConditionalExpression" ? [...keysOf(key.consequent), ...keysOf(key.alternate)] : [];
}

/** The names in an object that is written out; undefined when they can't be known. */
function namesOf(values: Argument | undefined): string[] | undefined {
  if (values === undefined) return [];
  if (values.type !== "ObjectExpression") return undefined;
  const names: string[] = [];
  for (const property of values.properties) {
    if (property.type === "SpreadElement" || property.computed) return undefined;
    if (property.key.type === "Identifier") names.push(property.key.name);
    else if (isString(property.key)) names.push(property.key.value);
  }
  return names;
}

import { type CloudCallName, cloudCallNames, cloudCalls } from "../../core/model/cloud/calls/index.ts";
import type { ResourceKind } from "../../core/model/cloud/resources.ts";
import { fieldsOf, type Key, keysOf } from "./fields.ts";
import type { Lookup } from "./lookup.ts";
import { relationsOf, wayOf } from "./relations.ts";
import { callNamed, conditionOperators, isQuery } from "./request.ts";
import { asWord, wordsOf } from "./words.ts";

/** What may stand in the place of the last word of a line. */
export type Candidate = {
  /** The whole word, as it may be typed. */
  readonly text: string;
  /** What a list of candidates shows. */
  readonly label: string;
  /** Beside it: the name of what a uuid stands for. */
  readonly note?: string;
  /** The word goes on behind it. */
  readonly isOpen: boolean;
};

export type Completion = {
  /** The last word as it stands in the line; empty where a new one begins. */
  readonly typed: string;
  readonly candidates: readonly Candidate[];
};

export const shellWords = ["help", "quit", "console"] as const;

/** What may come at the end of a line of the prompt. */
export async function complete(line: string, lookup: Lookup): Promise<Completion> {
  const { words, lastStart } = wordsOf(line);
  const typed = line.slice(lastStart);
  const last = typed === "" ? "" : (words.at(-1) ?? "");
  const [first, ...others] = (typed === "" ? words : words.slice(0, -1)).filter((word) => !/^-[a-z]$/.test(word));
  if (first === undefined) return { typed, candidates: calls(last, [...shellWords, ...cloudCallNames]) };
  if (first === "help") return { typed, candidates: others.length === 0 ? calls(last, cloudCallNames) : [] };
  const name = nameOrNothing(first);
  if (name === undefined) return { typed, candidates: [] };
  return { typed, candidates: await (isQuery(name) ? ofQuery : ofCall)(name, last, others, lookup) };
}

function nameOrNothing(word: string): CloudCallName | undefined {
  try {
    return callNamed(word);
  } catch {
    return undefined;
  }
}

function calls(typed: string, names: readonly string[]): Candidate[] {
  return starting(typed, names).map((text) => ({ text, label: text, isOpen: false }));
}

function starting(typed: string, all: readonly string[]): readonly string[] {
  const lower = typed.toLowerCase();
  return all.filter((each) => each.toLowerCase().startsWith(lower));
}

async function ofCall(name: CloudCallName, last: string, others: readonly string[], lookup: Lookup) {
  const { resource } = cloudCalls[name];
  const keys = keysOf(cloudCalls[name]);
  const at = last.indexOf("=");
  if (at < 0) {
    const left = keys.filter((key) => !others.some((word) => word.startsWith(`${key.name}=`)));
    return keyCandidates(last, left);
  }
  const key = keys.find((each) => each.name === last.slice(0, at));
  if (key === undefined || key.isSecret) return [];
  const isSetting = resource === "GlobalConfig" && (key.name === "name" || key.name === "category");
  return valueCandidates(key, `${key.name}=`, last.slice(at + 1), isSetting ? resource : undefined, lookup);
}

/** The required ones first, and those alone while one of them is left and nothing is typed. */
function keyCandidates(typed: string, keys: readonly Key[]): Candidate[] {
  const names = starting(
    typed,
    keys.map(({ name }) => `${name}=`),
  );
  return names.map((text) => {
    const key = keys.find(({ name }) => `${name}=` === text);
    return { text, label: text, note: noteOf(key), isOpen: true };
  });
}

function noteOf(key: Key | undefined): string {
  if (key === undefined) return "";
  return key.isRequired ? `${key.type}, ${key.isSecret ? "asked for when left out" : "required"}` : key.type;
}

async function ofQuery(name: CloudCallName, last: string, others: readonly string[], lookup: Lookup) {
  const { resource } = cloudCalls[name];
  const own = keysOf(cloudCalls[name]).filter((key) => key.name !== "q");
  const match = /^([A-Za-z][\w.]*)([!?~=<>]{1,3})(.*)$/s.exec(last);
  if (match === null) return queryKeys(resource, own, last, others);
  const [, path = "", operator = "", typed = ""] = match;
  const key = own.find((each) => each.name === path);
  if (key !== undefined) return ownValues(resource, key, typed, lookup);
  const { kind, rest } = wayOf(resource, path);
  const field = kind === undefined ? undefined : fieldsOf(kind).find((each) => each.name === rest);
  if (field === undefined || operator.includes("~")) return [];
  const isNamed = ["name", "category", "call", "ip", "managementIp"].includes(rest);
  const isList = operator.includes("?");
  return valueCandidates({ ...field, isList }, `${path}${operator}`, typed, isNamed ? kind : undefined, lookup);
}

function queryKeys(resource: ResourceKind, own: readonly Key[], last: string, others: readonly string[]): Candidate[] {
  const { kind, head, rest } = wayOf(resource, last);
  if (kind === undefined) return [];
  const fields = fieldsOf(kind);
  const exact = fields.find(({ name }) => name === rest);
  if (exact !== undefined && fields.filter(({ name }) => name.startsWith(rest)).length === 1)
    return operatorsOf(exact).map((operator) => open(`${head}${rest}${operator}`));
  const ownLeft = own.filter(({ name }) => !others.some((word) => word.startsWith(`${name}=`)));
  return [
    ...starting(
      rest,
      fields.map(({ name }) => name),
    ).map((name) => open(`${head}${name}`)),
    ...starting(rest, [...relationsOf(kind).keys()]).map((name) => open(`${head}${name}.`)),
    ...(head === "" ? keyCandidates(rest, ownLeft) : []),
  ];
}

function open(text: string): Candidate {
  return { text, label: text, isOpen: true };
}

/** Those that make sense, `=` first. */
function operatorsOf({ type, choices }: Key): readonly string[] {
  const isNumber = ["number", "size", "time"].includes(type);
  const wrong = isNumber ? ["~=", "!~="] : [">", "<", ">=", "<="];
  const all = ["=", ...conditionOperators.filter((operator) => operator !== "=" && !wrong.includes(operator))];
  return choices.join("|") === "true|false" ? ["=", "!="] : all;
}

async function ownValues(resource: ResourceKind, key: Key, typed: string, lookup: Lookup): Promise<Candidate[]> {
  const names = fieldsOf(resource).map(({ name }) => name);
  if (key.name === "sortBy") {
    const sign = /^[-+]?/.exec(typed)?.[0] ?? "";
    return starting(typed.slice(sign.length), names).map((name) => value(`sortBy=${sign}${name}`, name));
  }
  const choices = key.name === "fields" ? names : key.choices;
  return valueCandidates({ ...key, choices }, `${key.name}=`, typed, undefined, lookup);
}

/** `valuesOf`: the kind whose present values of this field are offered. */
async function valueCandidates(
  key: Key,
  head: string,
  typed: string,
  valuesOf: ResourceKind | undefined,
  lookup: Lookup,
): Promise<Candidate[]> {
  const before = key.isList ? typed.slice(0, typed.lastIndexOf(",") + 1) : "";
  const part = typed.slice(before.length);
  const given = new Set(before.split(","));
  const whole = (text: string) => asWord(`${head}${before}${text}`);
  if (key.choices.length > 0)
    return starting(part, key.choices)
      .filter((each) => !given.has(each))
      .map((each) => value(whole(each), each));
  if (key.kind !== undefined) {
    const found = await lookup.resources(key.kind, part);
    return found
      .filter(({ uuid }) => !given.has(uuid))
      .map(({ uuid, name }) => ({ ...value(whole(uuid), uuid), note: name }));
  }
  if (valuesOf === undefined) return [];
  return (await lookup.values(valuesOf, key.name, part)).map((each) => value(whole(each), each));
}

function value(text: string, label: string): Candidate {
  return { text, label, isOpen: false };
}

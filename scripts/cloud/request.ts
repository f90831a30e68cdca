import type { CloudCall } from "../../core/model/cloud/calls/call.ts";
import { type CloudCallName, cloudCallNames, cloudCalls } from "../../core/model/cloud/calls/index.ts";
import { inputFromTexts } from "../../core/model/cloud/calls/text.ts";
import type { ResourceKind } from "../../core/model/cloud/resources.ts";
import { listed, shown } from "../../core/model/quote.ts";
import { UsageError } from "./arguments.ts";
import { type Key, keysOf } from "./fields.ts";
import { conditionsOf } from "./moments.ts";

/** A call as somebody typed it. */
export type Request = {
  readonly name: CloudCallName;
  readonly call: CloudCall;
  /** By key, as typed. */
  readonly texts: ReadonlyMap<string, readonly string[]>;
  /** Secrets that are needed and not given, in the order of the call's keys. */
  readonly missingSecrets: readonly Key[];
  /** A secret stands among the words. */
  readonly holdsSecret: boolean;
};

/** Longest first: `!~=` before `~=`. */
export const conditionOperators = ["!?=", "!~=", "?=", "~=", "!=", ">=", "<=", "=", ">", "<"] as const;
const condition = /^([A-Za-z][\w.]*)(!\?=|!~=|\?=|~=|!=|>=|<=|=|>|<)(.*)$/s;

/** The call that a word names, in any case. @throws UsageError */
export function callNamed(word: string): CloudCallName {
  const lower = word.toLowerCase();
  const found =
    cloudCallNames.find((name) => name === word) ?? cloudCallNames.find((name) => name.toLowerCase() === lower);
  if (found !== undefined) return found;
  const near = lower.length < 3 ? [] : cloudCallNames.filter((name) => isNear(lower, name.toLowerCase()));
  const hint = near.length === 0 ? "zstack-cli help lists all calls." : `Did you mean ${listed(near, 6)}?`;
  throw new UsageError(`There is no call ${shown(word)}. ${hint}`);
}

function isNear(given: string, name: string): boolean {
  return name.includes(given) || given.includes(name) || (given.length > 5 && name.startsWith(given.slice(0, -2)));
}

export function isQuery(name: CloudCallName): boolean {
  return name.startsWith("Query");
}

/** What the words of a line ask for. @throws UsageError */
export function readRequest([word = "", ...words]: readonly string[]): Request {
  const name = callNamed(word);
  const call: CloudCall = cloudCalls[name];
  const keys = keysOf(call);
  const texts = new Map<string, string[]>();
  for (const each of words) {
    const [key, ...values] = isQuery(name) ? ofQuery(each, keys, call.resource) : ofCall(each, name, keys);
    const known = texts.get(key);
    if (known === undefined) texts.set(key, values);
    else if (keys.find((one) => one.name === key)?.isList === true) known.push(...values);
    else throw new UsageError(`${key}= is given twice.`);
  }
  const missing = keys.filter((key) => key.isRequired && !texts.has(key.name));
  const others = missing.filter(({ isSecret }) => !isSecret);
  if (others.length > 0) throw new UsageError(`${name} needs ${namesOf(others)}. See: help ${name}`);
  return {
    name,
    call,
    texts,
    missingSecrets: missing,
    holdsSecret: keys.some((key) => key.isSecret && texts.has(key.name)),
  };
}

function ofCall(word: string, name: CloudCallName, keys: readonly Key[]): [string, string] {
  const at = word.indexOf("=");
  // The value may be a secret, and so may a word without a key.
  if (at < 1) throw new UsageError(`An argument has no key: arguments are KEY=VALUE. See: help ${name}`);
  const key = word.slice(0, at);
  if (keys.some((each) => each.name === key)) return [key, word.slice(at + 1)];
  const near = keys.filter((each) => each.name.toLowerCase() === key.toLowerCase());
  const hint = near.length > 0 ? `Did you mean ${near[0]?.name ?? ""}=?` : `It takes ${namesOf(keys)}.`;
  throw new UsageError(`${name} has no key ${shown(key)}. ${hint}`);
}

function namesOf(keys: readonly Key[]): string {
  return keys.length === 0 ? "none" : keys.map(({ name }) => `${name}=`).join(", ");
}

/** What is no key of queries themselves is a condition. */
function ofQuery(word: string, keys: readonly Key[], kind: ResourceKind): [string, ...string[]] {
  const match = condition.exec(word);
  const [, field = "", operator = "", value = ""] = match ?? [];
  if (match === null) {
    const hint = /^\d\d:\d\d/.test(word)
      ? "A time with a blank in it stands in quotes: 'createDate>=2027-01-15 08:00:00'"
      : "Conditions are such as name~=web% or state=Enabled.";
    throw new UsageError(`${shown(word)} is no condition. ${hint}`);
  }
  if (operator === "=" && keys.some(({ name }) => name === field)) return [field, value];
  return ["q", ...conditionsOf(kind, { field, operator, value })];
}

/** The input of the call; values that don't fit are the manager's to refuse. */
export function inputOf({ call, texts }: Request, secrets: ReadonlyMap<string, string>): Record<string, unknown> {
  const given: [string, string | readonly string[]][] = [...texts].map(([key, values]) => {
    const [only = "", ...more] = values;
    // Conditions may have commas of their own.
    return [key, more.length === 0 && key !== "q" ? only : values];
  });
  return { ...inputFromTexts(call.input, Object.fromEntries(given)), ...Object.fromEntries(secrets) };
}

import {
  isInterfaceName,
  isVlanId,
  longestInterfaceName,
  longestPrefix,
  parseAddress,
  prefixOfNetmask,
} from "../../core/model/address.ts";
import type { Action, Argument, ArgumentKind, Command, Option } from "./commands.ts";
import { shortened } from "./say.ts";

/** What a command line asks for. */
export type Request = {
  readonly command: Command;
  /** null: a command without actions, or with `-h`. */
  readonly action: Action | null;
  /** The arguments of the action, by its table's names; one that was left out is not there. */
  readonly values: ReadonlyMap<string, string>;
  readonly isHelp: boolean;
  readonly isJson: boolean;
  /** Nothing is asked. */
  readonly isYes: boolean;
  readonly isKeptAnyway: boolean;
  /** undefined: the agent's choice. */
  readonly seconds: number | undefined;
  readonly socket: string;
};

/** Wrong usage; the message is a sentence. */
export class UsageError extends Error {}

/** @throws UsageError */
export function readArguments(command: Command, argv: readonly string[]): Request {
  const { flags, options, words } = sorted(command, argv);
  const isHelp = options.has("help");
  const request = {
    command,
    isHelp,
    isJson: options.has("json"),
    isYes: options.has("yes"),
    isKeptAnyway: options.has("no-rollback"),
    seconds: secondsOf(options.get("seconds")),
    socket: options.get("socket") ?? "/run/binnacle/root.sock",
  };
  if (isHelp) return { ...request, action: null, values: new Map() };
  const action = actionOf(command, flags);
  return { ...request, action, values: valuesOf(action?.arguments ?? [], words) };
}

/** For tests and for an agent that listens elsewhere; no part of the help. */
const socketOption = { name: "socket", value: "FILE" } as const;

type Sorted = { flags: string[]; options: Map<string, string>; words: string[] };

function sorted(command: Command, argv: readonly string[]): Sorted {
  const result: Sorted = { flags: [], options: new Map(), words: [] };
  const rest = [...argv];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === "--") {
      result.words.push(...rest);
      break;
    }
    if (!word.startsWith("-") || word === "-") result.words.push(word);
    else if (command.actions.some(({ flag }) => flag === word)) result.flags.push(word);
    else {
      const [typed = "", given] = split(word);
      const option = [...command.options, socketOption].find((each) => isCalled(each, typed));
      if (option === undefined) throw new UsageError(`There is no option ${shortened(word)}.`);
      const value = option.value === undefined ? "" : (given ?? rest.shift());
      if (value === undefined) throw new UsageError(`${typed} needs a value, ${option.value}.`);
      if (option.value === undefined && given !== undefined) throw new UsageError(`${typed} takes no value.`);
      result.options.set(option.name, value);
    }
  }
  return result;
}

function isCalled(option: Pick<Option, "short"> & { name: string }, typed: string): boolean {
  return typed === `--${option.name}` || (option.short !== undefined && typed === `-${option.short}`);
}

function split(word: string): string[] {
  const at = word.startsWith("--") ? word.indexOf("=") : -1;
  return at === -1 ? [word] : [word.slice(0, at), word.slice(at + 1)];
}

function actionOf({ actions }: Command, flags: readonly string[]): Action | null {
  if (actions.length === 0) return null;
  const all = actions.map(({ flag }) => flag).join(" or ");
  if (flags.length !== 1) throw new UsageError(flags.length === 0 ? `Give ${all}.` : `Give ${all}, and only once.`);
  return actions.find(({ flag }) => flag === flags[0]) ?? null;
}

function valuesOf(places: readonly Argument[], words: readonly string[]): Map<string, string> {
  const missing = places.slice(words.length).find(({ isOptional }) => isOptional !== true);
  if (missing !== undefined) throw new UsageError(`${missing.name} is missing.`);
  const excess = words[places.length];
  if (excess !== undefined) throw new UsageError(`${shortened(excess)} is one argument too many.`);
  const values = new Map<string, string>();
  for (const [i, { name, kind }] of places.entries()) {
    const word = words[i];
    if (word === undefined) continue;
    const complaint = complaints[kind](word, values);
    if (complaint !== undefined) throw new UsageError(complaint);
    values.set(name, word);
  }
  return values;
}

/** What is wrong with an argument by itself; whether it makes sense on this node is the agent's to say. */
const complaints: Record<ArgumentKind, (word: string, before: ReadonlyMap<string, string>) => string | undefined> = {
  interface: existingName,
  physical: existingName,
  bond: existingName,
  newBond: newName,
  newName,
  vlanId,
  presentVlanId: vlanId,
  address: (word) => (parseAddress(word) === undefined ? `${shortened(word)} is no IP address.` : undefined),
  gateway(word, before) {
    const gateway = parseAddress(word);
    if (gateway === undefined) return `The gateway ${shortened(word)} is no IP address.`;
    const family = parseAddress(before.get("IP") ?? "")?.family;
    return family === gateway.family
      ? undefined
      : `The gateway ${word} is no IPv${family} address, as the interface has.`;
  },
  netmask(word, before) {
    const family = parseAddress(before.get("IP") ?? "")?.family ?? 4;
    if (prefixOf(word, family) !== undefined) return;
    return family === 4
      ? `${shortened(word)} is no netmask. Give one such as 255.255.255.0, or the length of a prefix, 1 to 32.`
      : `${shortened(word)} is no length of an IPv6 prefix. Give 1 to 128, such as 64.`;
  },
};

/** The length of a prefix, from itself or from a netmask. Of an interface's own network it is never 0. */
export function prefixOf(word: string, family: 4 | 6): number | undefined {
  const prefix = /^\d{1,3}$/.test(word) ? Number(word) : family === 4 ? prefixOfNetmask(word) : undefined;
  return prefix === undefined || prefix < 1 || prefix > longestPrefix(family) ? undefined : prefix;
}

/** The kernel's rules: names that are there already may be stranger than those that are given here. */
function existingName(word: string): string | undefined {
  const isName = /^[^\s/:\p{C}]+$/u.test(word) && word !== "." && word !== ".." && !word.startsWith("-");
  if (isName && Buffer.byteLength(word) <= longestInterfaceName) return;
  return `${shortened(word)} is no name of an interface.`;
}

function newName(word: string): string | undefined {
  if (isInterfaceName(word)) return;
  return (
    `${shortened(word)} can't be the name of an interface. It begins with a letter, goes on with letters, digits, ` +
    `'.', '-' and '_', and has at most ${longestInterfaceName} characters.`
  );
}

function vlanId(word: string): string | undefined {
  if (/^[1-9]\d{0,3}$/.test(word) && isVlanId(Number(word))) return;
  return `${shortened(word)} is no VLAN id. Give 1 to 4094.`;
}

function secondsOf(word: string | undefined): number | undefined {
  if (word === undefined) return;
  const seconds = /^\d{1,4}$/.test(word) ? Number(word) : Number.NaN;
  // The same limits as the contract's, which is not loaded for a command line that is wrong.
  if (seconds >= 10 && seconds <= 600) return seconds;
  throw new UsageError(`--seconds is 10 to 600, not ${shortened(word)}.`);
}

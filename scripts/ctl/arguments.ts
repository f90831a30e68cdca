import { shown } from "../../core/model/quote.ts";
import { type CtlCommand, type CtlOption, ctlCommands, ctlUsage, type OptionName } from "./command.ts";
import { explanations } from "./explain.ts";

/** Wrong usage; the message is a sentence. */
export class UsageError extends Error {}

/** Where the parts of a node are; other places are for tests, and no part of the help. */
const places = { configuration: "FILE", "manager-socket": "FILE", "agent-socket": "FILE" } as const;
export type PlaceName = keyof typeof places;

export type CtlRequest = {
  /** null: the help of all commands. */
  readonly command: CtlCommand | null;
  readonly isHelp: boolean;
  readonly isVersion: boolean;
  readonly options: ReadonlyMap<OptionName, string>;
  readonly words: readonly string[];
  readonly places: ReadonlyMap<PlaceName, string>;
};

const nothing: CtlRequest = {
  command: null,
  isHelp: false,
  isVersion: false,
  options: new Map(),
  words: [],
  places: new Map(),
};

type Known = { name: string; short?: string; value?: string };

/** What asks for no command: `version`, `--version`, and `help` with or without a command. */
function isVersionWord(word: string): boolean {
  return word === "version" || word === "--version" || word === "-v";
}

/** @throws UsageError */
export function readArguments(argv: readonly string[]): CtlRequest {
  const [first = "", ...others] = argv;
  if (first === "help") return readArguments([...others.slice(0, 1), "--help"]);
  if (isVersionWord(first)) return { ...nothing, isVersion: true };
  const all: string[] = [];
  const given = new Map<string, string>();
  const rest = [...argv];
  const command = () => ctlCommands.find(({ name }) => name === all[0]);
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    // What only explains something is asked for with the arguments that it takes elsewhere.
    if (all[0] !== undefined && Object.hasOwn(explanations, all[0]) && word !== "--help" && word !== "-h") continue;
    if (word === "--") {
      all.push(...rest);
      break;
    }
    if (!word.startsWith("-") || word === "-") {
      if (all.length === 0 && !ctlCommands.some(({ name }) => name === word))
        throw new UsageError(`There is no command ${shown(word)}.`);
      all.push(word);
      continue;
    }
    const at = word.startsWith("--") ? word.indexOf("=") : -1;
    const typed = at === -1 ? word : word.slice(0, at);
    const option = knownOptions(command()).find((each) => isCalled(each, typed));
    if (option === undefined) throw new UsageError(`There is no option ${shown(word)}.`);
    if (option.value === undefined && at !== -1) throw new UsageError(`${typed} takes no value.`);
    const value = option.value === undefined ? "" : at === -1 ? rest.shift() : word.slice(at + 1);
    if (value === undefined) throw new UsageError(`${typed} needs a value, ${option.value}.`);
    if (given.has(option.name)) throw new UsageError(`${typed} is there twice.`);
    given.set(option.name, value);
  }
  const found = command();
  const words = all.slice(1);
  const isHelp = given.has("help") || found === undefined;
  if (found !== undefined && !isHelp) checkWords(found, words, given);
  return {
    command: found ?? null,
    isHelp,
    isVersion: false,
    words,
    options: only(
      given,
      (found?.options ?? []).map(({ name }) => name),
    ),
    places: only(given, Object.keys(places) as PlaceName[]),
  };
}

function only<K extends string>(given: ReadonlyMap<string, string>, names: readonly K[]): Map<K, string> {
  return new Map(
    names.flatMap((name): [K, string][] => {
      const value = given.get(name);
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

function knownOptions(command: CtlCommand | undefined): Known[] {
  return [
    ...(command?.options ?? []),
    { name: "help", short: "h" },
    ...Object.entries(places).map(([name, value]) => ({ name, value })),
  ];
}

function isCalled({ name, short }: Known, typed: string): boolean {
  return typed === `--${name}` || (short !== undefined && typed === `-${short}`) || isOldForm(name, typed);
}

/** The reference's own spelling of these options. */
function isOldForm(name: string, typed: string): boolean {
  return (name === "d" && typed === "-d") || (name === "file" && typed === "--from-file");
}

function checkWords(command: CtlCommand, words: readonly string[], given: ReadonlyMap<string, string>): void {
  const missing = command.options.find(({ name, isRequired }: CtlOption) => isRequired === true && !given.has(name));
  if (missing !== undefined)
    throw new UsageError(`${command.name} needs -${missing.short ?? `-${missing.name}`} ${missing.value ?? ""}.`);
  if (command.words === undefined && words[0] !== undefined)
    throw new UsageError(`${shown(words[0])} is one argument too many: ${ctlUsage(command)}`);
  if (command.words !== undefined && words.length === 0)
    throw new UsageError(`${command.name} needs ${command.words}.`);
}

/** A whole number from 1 on. @throws UsageError */
export function amountOf(text: string, most: number): number {
  const amount = /^[1-9]\d{0,8}$/.test(text) ? Number(text) : Number.NaN;
  if (amount >= 1 && amount <= most) return amount;
  throw new UsageError(`--keep-amount is 1 to ${most}, not ${shown(text)}.`);
}

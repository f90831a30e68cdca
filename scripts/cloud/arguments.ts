import { quoted, shown } from "../../core/model/quote.ts";
import { type CliOption, cliOptions } from "./command.ts";

export type CliArguments = {
  readonly options: ReadonlyMap<CliOption["name"], string>;
  /** The call and its arguments; none for the prompt. */
  readonly words: readonly string[];
};

export type Settings = { host: string; port: number; caFile: string | undefined; tlsName: string | undefined };

/** Wrong usage; the message is a sentence. */
export class UsageError extends Error {}

/** Options may stand before and behind the call. @throws UsageError */
export function readArguments(argv: readonly string[]): CliArguments {
  const options = new Map<CliOption["name"], string>();
  const words: string[] = [];
  const rest = [...argv];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === "--") {
      words.push(...rest);
      break;
    }
    if (!word.startsWith("-") || word === "-") {
      words.push(word);
      continue;
    }
    const at = word.startsWith("--") ? word.indexOf("=") : -1;
    const typed = at === -1 ? word : word.slice(0, at);
    const option = cliOptions.find(({ name, short }) => typed === `--${name}` || typed === `-${short ?? "-"}`);
    if (option === undefined) throw new UsageError(`There is no option ${shown(word)}.`);
    if (option.value === undefined && at !== -1) throw new UsageError(`${typed} takes no value.`);
    const value = option.value === undefined ? "" : at === -1 ? rest.shift() : word.slice(at + 1);
    if (value === undefined) throw new UsageError(`${typed} needs a value, ${option.value}.`);
    options.set(option.name, value);
  }
  return { options, words };
}

/** Where the manager is. @throws UsageError */
export function settingsOf({ options }: CliArguments): Settings {
  const host = options.get("host") ?? "localhost";
  const tlsName = options.get("tls-name");
  for (const name of [host, ...(tlsName === undefined ? [] : [tlsName])])
    if (!/^[\w.:-]{1,253}$/.test(name)) throw new UsageError(`${quoted(name)} is no host name and no address.`);
  const port = options.get("port") ?? "8080";
  if (!/^[1-9]\d{0,4}$/.test(port) || Number(port) > 65_535)
    throw new UsageError(`${quoted(port)} is no port: 1 to 65535.`);
  return { host, port: Number(port), caFile: options.get("ca"), tlsName };
}

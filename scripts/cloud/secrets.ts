import * as fs from "node:fs";
import { emitKeypressEvents, type Key as KeyPress } from "node:readline";
import { NodeError } from "../../core/model/error.ts";
import { quoted } from "../../core/model/quote.ts";
import { UsageError } from "./arguments.ts";
import type { Key } from "./fields.ts";

/* Passwords that are not on the command line. */

/** Gives the secrets that a call needs, by key. */
export type SecretSource = (keys: readonly Key[]) => Promise<ReadonlyMap<string, string>>;

const longestFile = 64 * 1024;

/** One a line, in the order of the keys. `-` is standard input. @throws UsageError */
export function secretsOfFile(file: string): SecretSource {
  return async (keys) => {
    const lines = readStart(file).split(/\r?\n/);
    return new Map(
      keys.map(({ name }, i) => {
        const line = lines[i];
        if (line === undefined || line === "")
          throw new UsageError(`${quoted(file)} has no line ${i + 1}, for ${name}=.`);
        return [name, line];
      }),
    );
  };
}

function readStart(file: string): string {
  try {
    const text = fs.readFileSync(file === "-" ? 0 : file, "utf8");
    if (text.length <= longestFile) return text;
  } catch (error) {
    throw new UsageError(`${quoted(file)} can't be read: ${error instanceof Error ? error.message : ""}`);
  }
  throw new UsageError(`${quoted(file)} is too large for a file of passwords.`);
}

/** Asks at the terminal, without showing what is typed; a new password twice. @throws UsageError, NodeError CLOUD.STOPPED */
export const secretsOfTerminal: SecretSource = async (keys) => {
  if (process.stdin.isTTY !== true) {
    const names = keys.map(({ name }) => `${name}=`).join(" and ");
    throw new UsageError(`There is no terminal to ask for ${names} at. Give a file of passwords: -P FILE`);
  }
  const given = new Map<string, string>();
  for (const { name } of keys) {
    const secret = await ask(`${wordsOfKey(name)}: `, "hidden");
    if (name === "newPassword" && (await ask("The new password again: ", "hidden")) !== secret)
      throw new UsageError("The two are not the same.");
    given.set(name, secret);
  }
  return given;
};

function wordsOfKey(name: string): string {
  const words = name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}`;
}

/** What asks a person a question that is answered by yes or no; undefined where there is no terminal to ask at. */
export function confirmationOfTerminal(): ((question: string) => Promise<boolean>) | undefined {
  if (process.stdin.isTTY !== true) return;
  return async (question) => {
    for (;;) {
      const answer = (await ask(`${question} (yes/no) `, "shown")).trim().toLowerCase();
      if (answer === "yes") return true;
      if (answer === "no") return false;
    }
  };
}

/** Whoever else listens to the keys, the prompt with its history, does not hear these. */
function ask(question: string, mode: "shown" | "hidden"): Promise<string> {
  const { stdin } = process;
  emitKeypressEvents(stdin);
  const wasRaw = stdin.isRaw;
  const others = stdin.listeners("keypress").filter(isListener);
  return new Promise((resolve, reject) => {
    let typed: string[] = [];
    const end = (settle: () => void) => {
      for (const other of others) stdin.on("keypress", other);
      stdin.off("keypress", onKey).off("end", onEnd);
      stdin.setRawMode(wasRaw);
      if (others.length === 0) stdin.pause();
      process.stderr.write("\n");
      settle();
    };
    const erase = (count: number) => {
      typed = typed.slice(0, typed.length - count);
      if (mode === "shown") process.stderr.write("\b \b".repeat(count));
    };
    const stop = () => end(() => reject(new NodeError("CLOUD.STOPPED", "No answer was given; nothing was asked.")));
    const onEnd = () => stop();
    const onKey = (text: string | undefined, { name, ctrl, meta }: KeyPress) => {
      if (name === "return" || name === "enter") end(() => resolve(typed.join("")));
      else if (ctrl === true && (name === "c" || (name === "d" && typed.length === 0))) stop();
      else if (ctrl === true && name === "u") erase(typed.length);
      else if (name === "backspace") erase(Math.min(1, typed.length));
      else if (ctrl !== true && meta !== true && text !== undefined && !/\p{Cc}/u.test(text)) {
        typed.push(text);
        if (mode === "shown") process.stderr.write(text);
      }
    };
    stdin.on("keypress", onKey).on("end", onEnd);
    for (const other of others) stdin.off("keypress", other);
    process.stderr.write(question);
    stdin.setRawMode(true);
    stdin.resume();
  });
}

function isListener(value: unknown): value is (...given: unknown[]) => void {
  return typeof value === "function";
}

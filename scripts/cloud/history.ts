import { cloudCalls } from "../../core/model/cloud/calls/index.ts";
import { keysOf } from "./fields.ts";
import { appendOwn, ownFile, readOwn, writeOwn } from "./files.ts";
import { callNamed, isQuery } from "./request.ts";
import { wordsOf } from "./words.ts";

/* Lines of the prompt, for the next time. No line with a secret is kept, nor one that might have one. */

export const longestHistory = 1_000;
const longestLine = 4_096;

/** The newest first. */
export function readHistory(): string[] {
  const lines = (readOwn(ownFile("history")) ?? "").split("\n").filter((line) => line !== "" && isHarmless(line));
  if (lines.length > 2 * longestHistory) trim(lines.slice(-longestHistory));
  return [...new Set(lines.reverse())].slice(0, longestHistory);
}

/** Keeps the line, unless it may hold a secret. That it can't be kept is no reason to stop anybody. */
export function addToHistory(line: string): void {
  if (!isKept(line)) return;
  try {
    appendOwn(ownFile("history"), `${line}\n`);
  } catch {
    // A full disk, or a home that can't be written.
  }
}

function trim(lines: readonly string[]): void {
  try {
    writeOwn(ownFile("history"), `${lines.join("\n")}\n`);
  } catch {
    // It stays as long as it is.
  }
}

/** Whether a line may be shown again: nothing in it looks like a secret's key, misspelt or half typed. */
export function isHarmless(line: string): boolean {
  return !/(pas+w|pwd|secret|token|credential|user-?data)/i.test(line) && !/[^\P{C}\t\u200d]/u.test(line);
}

/**
 * Whether a line may be written to a file: all of it is understood. A word without a key may be a password that was
 * typed at the wrong moment, and so may the value of a key that the call does not have.
 */
export function isKept(line: string): boolean {
  if (!isHarmless(line) || line.length > longestLine) return false;
  const { words, openQuote } = wordsOf(line);
  const [first = "", ...others] = words.filter((word) => !/^-[a-z]$/.test(word));
  if (openQuote !== undefined || first === "") return false;
  if (["help", "quit", "exit"].includes(first)) return others.every(isCallWord);
  const name = nameOrNothing(first);
  if (name === undefined) return false;
  if (isQuery(name)) return others.every((word) => /^[A-Za-z][\w.]*[!?~=<>]/.test(word));
  const keys = keysOf(cloudCalls[name]).filter(({ isSecret }) => !isSecret);
  return others.every((word) => keys.some((key) => word.startsWith(`${key.name}=`)));
}

function isCallWord(word: string): boolean {
  return nameOrNothing(word) !== undefined;
}

function nameOrNothing(word: string) {
  try {
    return callNamed(word);
  } catch {
    return undefined;
  }
}

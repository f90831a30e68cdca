import { callHelp, callList, generalHelp } from "./help.ts";
import { callNamed } from "./request.ts";
import { helpColumns } from "./screen.ts";

/** The help that some words ask for: `help`, `help CreateZone`, `CreateZone --help`. @throws UsageError */
export function helpFor(words: readonly string[]): string {
  const [first, second] = words;
  const width = helpColumns();
  if (first === undefined) return generalHelp(width);
  if (first !== "help") return callHelp(callNamed(first), width);
  return second === undefined ? callList(width) : callHelp(callNamed(second), width);
}

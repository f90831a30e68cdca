import { callHelp, callList, generalHelp } from "./help.ts";
import { callNamed } from "./request.ts";

/** The help that some words ask for: `help`, `help CreateZone`, `CreateZone --help`. @throws UsageError */
export function helpFor(words: readonly string[]): string {
  const [first, second] = words;
  if (first === undefined) return generalHelp();
  if (first !== "help") return callHelp(callNamed(first));
  return second === undefined ? callList() : callHelp(callNamed(second));
}

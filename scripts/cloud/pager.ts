import { spawnSync } from "node:child_process";
import { wordsOf } from "./words.ts";

/* Long tables on a terminal, a screen at a time. */

/** What a person's PAGER says; else the first of these that is there. */
const usual = [["less", "-FRSX"], ["more"]] as const;

/** Nobody starts a shell or opens files in it: whoever stands at the terminal need not be a user of this machine. */
const harmless = { LESSSECURE: "1", PAGERSECURE: "1" };

/** Writes a table to standard output: on a terminal that has not enough lines for it, through a pager. */
export function writeTable(text: string): void {
  if (!isTooLong(text) || !pagers().some((command) => isShownBy(command, text))) process.stdout.write(text);
}

function isTooLong(text: string): boolean {
  const { isTTY, rows } = process.stdout;
  // The line below it is for the prompt.
  return isTTY === true && rows > 0 && text.split("\n").length > rows;
}

function pagers(): readonly (readonly string[])[] {
  const wanted = process.env["PAGER"];
  if (wanted === undefined) return process.env["TERM"] === "dumb" ? [] : usual;
  const { words } = wordsOf(wanted);
  return words.length === 0 || words[0] === "cat" ? [] : [words];
}

/** False when there is no such program. This process stands still meanwhile: the keys are the pager's. */
function isShownBy([program = "", ...args]: readonly string[], text: string): boolean {
  const { stdin } = process;
  const wasRaw = stdin.isRaw === true;
  if (wasRaw) stdin.setRawMode(false);
  // Ctrl-C in the pager is for the pager.
  const ignore = () => {};
  process.on("SIGINT", ignore);
  try {
    const env = { ...process.env, ...harmless };
    const { error, status } = spawnSync(program, args, { input: text, stdio: ["pipe", "inherit", "inherit"], env });
    return error === undefined
      ? status !== 127
      : !("code" in error && (error.code === "ENOENT" || error.code === "EACCES"));
  } finally {
    process.off("SIGINT", ignore);
    if (wasRaw) stdin.setRawMode(true);
  }
}

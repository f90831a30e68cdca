import type { RoleEvents } from "./install.ts";

const width = 79;

/**
 * The lines of an installation, in the reference's form, as they become known: a step's name stands there while it runs.
 *
 *     1. Check System:
 *       Pre-Checking: ... PASS
 */
export function roleLines(write: (text: string) => void): RoleEvents {
  return {
    group: (number, title) => write(`${number}. ${title}:\n`),
    begin: (title) => write(`  ${title}: ... `),
    end(result) {
      if (result.state === "pass") write("PASS\n");
      else if (result.state === "skip") write(`SKIP (${result.why})\n`);
      else write(`FAIL\n${failureLines(result)}`);
    },
  };
}

/** Reason and remedy of a failure, wrapped below its line. */
export function failureLines({ reason, remedy }: { reason: string; remedy: string }): string {
  return [...wrapped("Reason: ", reason), ...wrapped("Remedy: ", remedy)].join("");
}

function wrapped(word: string, text: string): string[] {
  const indent = " ".repeat(4);
  const lines: string[] = [];
  let line = indent + word;
  let isFirst = true;
  for (const part of text.split(/\s+/)) {
    const gap = isFirst ? "" : " ";
    if (!isFirst && line.length + gap.length + part.length > width) {
      lines.push(`${line}\n`);
      line = indent + " ".repeat(word.length) + part;
    } else line += gap + part;
    isFirst = false;
  }
  return [...lines, `${line}\n`];
}

import {
  type CtlCommand,
  ctlCommands,
  ctlDescription,
  ctlExamples,
  ctlExitStatus,
  ctlName,
  ctlOptionText,
  ctlSummary,
  ctlUsage,
} from "./command.ts";

/* Help, made of the table of commands. */

const width = 80;
const indent = 24;

/** What `--help` prints: all commands, or one of them. */
export function ctlHelp(command: CtlCommand | null): string {
  return `${(command === null ? generalLines() : commandLines(command)).join("\n")}\n`;
}

function generalLines(): string[] {
  const [first = "", ...more] = ctlSummary;
  return [
    `usage: ${ctlName} COMMAND [OPTION...]`,
    `       ${ctlName} COMMAND --help`,
    "",
    `${first.toUpperCase()}${more.join("")}.`,
    "",
    ...ctlCommands.flatMap(({ name, text }) => entry(name, text)),
    ...ctlDescription.flatMap((paragraph) => ["", ...wrap(paragraph, width)]),
    "",
    "Examples:",
    ...ctlExamples.flatMap(({ line, text }) => [`  ${line}`, ...wrap(text, width - 6).map((row) => `      ${row}`)]),
    "",
    "Exit status:",
    ...ctlExitStatus.map(({ code, text }) => `  ${code}  ${text}`),
  ];
}

function commandLines(command: CtlCommand): string[] {
  const options = command.options.flatMap((option) => entry(ctlOptionText(option), option.text));
  return [
    `usage: ${ctlName} ${ctlUsage(command)}`,
    "",
    ...wrap(command.text, width),
    ...(options.length === 0 ? [] : ["", ...options]),
  ];
}

/** A term with its text beside it, or below it where it is long. */
function entry(term: string, text: string): string[] {
  const rows = wrap(text, width - indent).map((row) => `${" ".repeat(indent)}${row}`);
  if (term.length > indent - 4) return [`  ${term}`, ...rows];
  const [first = "", ...more] = rows;
  return [`  ${term.padEnd(indent - 2)}${first.trimStart()}`, ...more];
}

function wrap(text: string, columns: number): string[] {
  const rows: string[] = [];
  for (const word of text.split(" ")) {
    const last = rows.at(-1);
    if (last === undefined || last.length + 1 + word.length > columns) rows.push(word);
    else rows[rows.length - 1] = `${last} ${word}`;
  }
  return rows;
}

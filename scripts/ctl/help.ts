import { entryLines, wrap } from "../network/wrap.ts";
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
const room = { width, indent: 24 };

/** What `--help` prints: all commands, or one of them. */
export function ctlHelp(command: CtlCommand | null): string {
  return `${(command === null ? generalLines() : commandLines(command)).join("\n")}\n`;
}

function generalLines(): string[] {
  const [first = "", ...more] = ctlSummary;
  return [
    `usage: ${ctlName} COMMAND [OPTION...]`,
    `       ${ctlName} help [COMMAND]`,
    `       ${ctlName} --version`,
    "",
    `${first.toUpperCase()}${more.join("")}.`,
    "",
    ...ctlCommands.flatMap(({ name, text }) => entryLines(name, text, room)),
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
  const options = command.options.flatMap((option) => entryLines(ctlOptionText(option), option.text, room));
  return [
    `usage: ${ctlName} ${ctlUsage(command)}`,
    "",
    ...wrap(command.text, width),
    ...(options.length === 0 ? [] : ["", ...options]),
  ];
}

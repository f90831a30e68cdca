import { helpWidth, termLines, wrap } from "../help-lines.ts";
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

const indent = 24;

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
    ...ctlCommands.flatMap(({ name, text }) => termLines(name, text, indent)),
    ...ctlDescription.flatMap((paragraph) => ["", ...wrap(paragraph)]),
    "",
    "Examples:",
    ...ctlExamples.flatMap(({ line, text }) => [
      `  ${line}`,
      ...wrap(text, helpWidth - 6).map((row) => `      ${row}`),
    ]),
    "",
    "Exit status:",
    ...ctlExitStatus.map(({ code, text }) => `  ${code}  ${text}`),
  ];
}

function commandLines(command: CtlCommand): string[] {
  const options = command.options.flatMap((option) => termLines(ctlOptionText(option), option.text, indent));
  return [
    `usage: ${ctlName} ${ctlUsage(command)}`,
    "",
    ...wrap(command.text),
    ...(options.length === 0 ? [] : ["", ...options]),
  ];
}

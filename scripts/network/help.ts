import { helpWidth, termLines, wrap } from "../help-lines.ts";
import { type Argument, type Command, exitStatus, type Option } from "./commands.ts";

/* The help of a command, as `-h` prints it, from its entry in the table. */

/** What may be typed: `usage: zs-vlan -c IFACE ID | -d IFACE ID`. */
export function usageLine(command: Command): string {
  return ["usage:", command.name, ...(command.actions.length === 0 ? [] : [formsOf(command).join(" | ")])].join(" ");
}

/** Each way to call a command, without its name. */
export function formsOf({ actions }: Command): string[] {
  return actions.map((action) => [action.flag, ...action.arguments.map(argumentText)].join(" "));
}

function argumentText({ name, isOptional }: Argument): string {
  return isOptional === true ? `[${name}]` : name;
}

/** An option as it is typed: `-h, --help`, `--seconds N`. */
export function optionText({ name, short, value }: Option): string {
  return `${short === undefined ? "" : `-${short}, `}--${name}${value === undefined ? "" : ` ${value}`}`;
}

export function helpText(command: Command): string {
  const actions = command.actions.map((action, i): Row => [formsOf(command)[i] ?? action.flag, action.text]);
  const options = command.options.map((option): Row => [optionText(option), option.text]);
  const [first = "", ...more] = [...command.summary];
  return [
    usageLine(command),
    "",
    `${first.toUpperCase()}${more.join("")}.`,
    "",
    ...actions.flatMap(([term, text]) => termLines(term, text, indent)),
    ...options.flatMap(([term, text]) => termLines(term, text, indent)),
    ...command.description.flatMap((paragraph) => ["", ...wrap(paragraph)]),
    "",
    "Examples:",
    ...command.examples.flatMap(({ line, text }) => [
      `  ${line}`,
      ...wrap(text, helpWidth - 6).map((row) => `      ${row}`),
    ]),
    "",
    "Exit status:",
    ...exitStatus.map(({ code, text }) => `  ${code}  ${text}`),
    "",
  ].join("\n");
}

type Row = readonly [term: string, text: string];
const indent = 18;

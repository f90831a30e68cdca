import { type CloudCallName, cloudCallNames, cloudCalls } from "../../core/model/cloud/calls/index.ts";
import { termLines, wrap } from "../help-lines.ts";
import {
  type CliOption,
  cliDescription,
  cliExamples,
  cliExitStatus,
  cliOptions,
  cliOptionText,
  cliSummary,
  cliUsage,
} from "./command.ts";
import { fieldsOf, type Key, keysOf } from "./fields.ts";
import { isQuery } from "./request.ts";

/* Help, made of the tables of the command line and of the calls. */

const indent = 18;

/** What `--help` prints, in lines of `width` columns. */
export function generalHelp(width: number): string {
  const [first = "", ...more] = cliSummary;
  return lines([
    ...cliUsage.map((usage, i) => `${i === 0 ? "usage:" : "      "} ${usage}`),
    "",
    `${first.toUpperCase()}${more.join("")}.`,
    "",
    ...cliOptions.flatMap((option: CliOption) => termLines(cliOptionText(option), option.text, indent, width)),
    ...cliDescription.flatMap((paragraph) => ["", ...wrap(paragraph, width)]),
    "",
    "Examples:",
    ...cliExamples.flatMap(({ line, text }) => [`  ${line}`, ...wrap(text, width - 6).map((row) => `      ${row}`)]),
    "",
    "Exit status:",
    ...cliExitStatus.flatMap(({ code, text }) => termLines(String(code), text, 5, width)),
  ]);
}

/** What `help` prints: all calls by what they are about. */
export function callList(width: number): string {
  const byKind = new Map<string, CloudCallName[]>();
  for (const name of cloudCallNames) {
    const { resource } = cloudCalls[name];
    byKind.set(resource, [...(byKind.get(resource) ?? []), name]);
  }
  return lines([
    ...[...byKind].flatMap(([kind, names]) => [
      `${kind}:`,
      ...wrap(names.join(" "), width - 2).map((row) => `  ${row}`),
    ]),
    "",
    "help CALL tells what a call takes.",
  ]);
}

/** What a call takes: `help CreateVmInstance`. */
export function callHelp(name: CloudCallName, width: number): string {
  const call = cloudCalls[name];
  const keys = keysOf(call);
  return lines([
    [
      name,
      ...(isQuery(name) ? ["[CONDITION...]"] : []),
      ...keys.filter(({ name: key }) => key !== "q").map(usageOf),
    ].reduce((text, part) => fill(text, part, width), ""),
    "",
    ...wrap(call.summary, width),
    ...(call.mode === "task" ? wrap("It takes long: its task is followed to the end.", width) : []),
    ...(call.access === "public" ? wrap("It needs no session.", width) : []),
    "",
    ...keys.flatMap((key) =>
      key.name === "q"
        ? termLines("CONDITION", conditionText, indent, width)
        : termLines(`${key.name}=`, textOf(key), indent, width),
    ),
    ...(isQuery(name) ? fieldHelp(name, width) : []),
  ]);
}

const conditionText =
  "A field below, an operator and a value: name~=web%, hostUuid=…, vmNics.ip=10.0.0.5. All that are given must hold.";

function fieldHelp(name: CloudCallName, width: number): string[] {
  return [
    "",
    "Fields for conditions, fields= and sortBy=:",
    "",
    ...fieldsOf(cloudCalls[name].resource).flatMap((field) =>
      termLines(field.name, `${field.type}. ${field.description}`, indent, width),
    ),
  ];
}

function usageOf({ name, isRequired, isSecret }: Key): string {
  return isRequired && !isSecret ? `${name}=` : `[${name}=]`;
}

/** Usage over several lines; what follows the first is set in. */
function fill(text: string, part: string, width: number): string {
  if (text === "") return part;
  const last = text.slice(text.lastIndexOf("\n") + 1);
  return last.length + 1 + part.length > width ? `${text}\n    ${part}` : `${text} ${part}`;
}

function textOf({ type, isRequired, isSecret, isNullable, preset, description }: Key): string {
  const facts = [
    type,
    ...(isNullable && preset !== "null" ? ["or null"] : []),
    ...(isSecret && isRequired ? ["asked for when it is left out"] : isRequired ? ["required"] : []),
    ...(preset === undefined ? [] : [`preset: ${preset}`]),
  ];
  return `${facts.join(", ")}. ${description}`;
}

function lines(all: readonly string[]): string {
  return `${all.join("\n")}\n`;
}

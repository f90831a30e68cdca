import { type Command, commands, exitStatus } from "../network/commands.ts";
import { formsOf, optionText } from "../network/help.ts";

/*
 * The manual pages of the commands, section 8, in the language of man(7). The same table gives their help.
 */

/** What is printed at the bottom and at the top of a page. `version` is the product's. */
export function manualPage(command: Command, version: string): string {
  const upper = command.name.toUpperCase();
  return [
    macro("TH", upper, "8", "", `Binnacle ${version}`, "System Administration"),
    // The words of a command line are not divided, nor spaced out.
    ".nh",
    ".ad l",
    macro("SH", "NAME"),
    `${text(command.name)} \\- ${text(command.summary)}`,
    macro("SH", "SYNOPSIS"),
    ...synopsis(command),
    macro("SH", "DESCRIPTION"),
    ...paragraphs(command.description),
    macro("SH", "OPTIONS"),
    ...command.actions.flatMap((action, i) => tagged(form(formsOf(command)[i] ?? action.flag), action.text)),
    ...command.options.flatMap((option) => tagged(form(optionText(option)), option.text)),
    macro("SH", "EXIT STATUS"),
    ...exitStatus.flatMap(({ code, text: meaning }) => tagged(`\\fB${code}\\fR`, meaning)),
    macro("SH", "EXAMPLES"),
    ...command.examples.flatMap((example) => tagged(`\\fB${text(example.line)}\\fR`, example.text)),
    macro("SH", "SEE ALSO"),
    ...seeAlso(command),
    "",
  ].join("\n");
}

function synopsis(command: Command): string[] {
  const options = command.options.map((option) => `[${optionText({ ...option, short: "" }).replace(/^-, /, "")}]`);
  const forms = command.actions.length === 0 ? [""] : formsOf(command);
  return forms.flatMap((each, i) => {
    const words = [...(each === "" ? [] : [form(each)]), ...options.filter((o) => o !== "[--help]").map(form)];
    return [...(i === 0 ? [] : [".br"]), `\\fB${text(command.name)}\\fR ${words.join(" ")}`];
  });
}

function seeAlso({ name }: Command): string[] {
  const others = [...commands.map((each) => each.name).filter((each) => each !== name), "ip"];
  return others.map((each, i) => `\\fB${text(each)}\\fR(8)${i === others.length - 1 ? "" : ","}`);
}

/** Options bold, what stands for something in italics. */
function form(words: string): string {
  return words
    .split(" ")
    .map((word) => word.replace(/[A-Z]+(?=\]?$)/, "\\fI$&\\fR").replace(/-{1,2}[a-z-]+/, "\\fB$&\\fR"))
    .map(hyphens)
    .join(" ");
}

function tagged(tag: string, meaning: string): string[] {
  return [".TP", tag, text(meaning)];
}

function paragraphs(all: readonly string[]): string[] {
  return all.flatMap((paragraph, i) => [...(i === 0 ? [] : [".PP"]), text(paragraph)]);
}

function macro(name: string, ...values: readonly string[]): string {
  return [`.${name}`, ...values.map((value) => `"${text(value)}"`)].join(" ");
}

/** A backslash is roff's sign of a command; so is a dot or an apostrophe that begins a line. */
function text(plain: string): string {
  return hyphens(plain.replaceAll("\\", "\\e")).replace(/^[.']/, "\\&$&");
}

/** A plain minus would be printed as a hyphen, which can't be copied into a command line. */
function hyphens(words: string): string {
  return words.replaceAll("-", "\\-");
}

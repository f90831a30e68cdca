import { cloudCalls } from "../../core/model/cloud/calls/index.ts";
import {
  cliDescription,
  cliExamples,
  cliExitStatus,
  cliFiles,
  cliName,
  cliOptions,
  cliOptionText,
  cliSummary,
  cliUsage,
} from "../cloud/command.ts";
import {
  ctlCommands,
  ctlDescription,
  ctlExamples,
  ctlExitStatus,
  ctlFiles,
  ctlName,
  ctlOptionText,
  ctlSummary,
  ctlUsage,
} from "../ctl/command.ts";
import { type Command, commands, exitStatus } from "../network/commands.ts";
import { formsOf, optionText } from "../network/help.ts";

/*
 * The manual pages of the commands, section 8, in the language of man(7). The same tables give their help.
 */

type Tagged = { readonly term: string; readonly text: string };
/** A page of section 8. Terms are in the language of man(7) already. */
type Page = {
  name: string;
  summary: string;
  synopsis: readonly string[];
  description: readonly string[];
  options: readonly Tagged[];
  /** Further sections, between the options and the exit status. */
  sections?: readonly { title: string; entries: readonly Tagged[] }[];
  exitStatus: readonly { code: number; text: string }[];
  files?: readonly Tagged[];
  examples: readonly { line: string; text: string }[];
  /** Pages with their sections: `ip(8)`. */
  seeAlso: readonly string[];
};

/** The page of a command of the network. `version`, the product's, is printed at the bottom. */
export function manualPage(command: Command, version: string): string {
  return pageText(
    {
      name: command.name,
      summary: command.summary,
      synopsis: synopsis(command),
      description: command.description,
      options: [
        ...command.actions.map((action, i) => ({ term: form(formsOf(command)[i] ?? action.flag), text: action.text })),
        ...command.options.map((option) => ({ term: form(optionText(option)), text: option.text })),
      ],
      exitStatus,
      examples: command.examples,
      seeAlso: [...commands.map((each) => each.name).filter((each) => each !== command.name), "ip"],
    },
    version,
  );
}

/** The page of zstack-cli, with all calls. */
export function cloudManualPage(version: string): string {
  return pageText(
    {
      name: cliName,
      summary: cliSummary,
      synopsis: cliUsage.map((usage) => `\\fB${cliName}\\fR ${form(usage.slice(cliName.length + 1))}`),
      description: cliDescription,
      options: cliOptions.map((option) => ({ term: form(cliOptionText(option)), text: option.text })),
      sections: [
        {
          title: "CALLS",
          entries: Object.entries(cloudCalls).map(([name, { summary }]) => ({ term: bold(name), text: summary })),
        },
      ],
      exitStatus: cliExitStatus,
      files: cliFiles.map(({ file, text: use }) => ({ term: form(file), text: use })),
      examples: cliExamples,
      seeAlso: [ctlName, "zstack-upgrade"],
    },
    version,
  );
}

/** The page of zstack-ctl, with all commands. */
export function ctlManualPage(version: string): string {
  const entries = ctlCommands.flatMap((command) => [
    { term: form(ctlUsage(command)), text: command.text },
    ...command.options.map((option) => ({ term: form(ctlOptionText(option)), text: option.text })),
  ]);
  return pageText(
    {
      name: ctlName,
      summary: ctlSummary,
      synopsis: ["COMMAND [OPTION...]", "help [COMMAND]", "--version"].map(
        (words) => `\\fB${ctlName}\\fR ${form(words)}`,
      ),
      description: ctlDescription,
      options: [
        { term: form("-h, --help"), text: "Print the help, of all commands or of one." },
        { term: form("-v, --version"), text: "Print the version." },
      ],
      sections: [{ title: "COMMANDS", entries }],
      exitStatus: ctlExitStatus,
      files: ctlFiles.map(({ file, text: use }) => ({ term: form(file), text: use })),
      examples: ctlExamples,
      seeAlso: [cliName, "zstack-upgrade"],
    },
    version,
  );
}

function pageText(page: Page, version: string): string {
  const { files = [], sections = [] } = page;
  return [
    macro("TH", page.name.toUpperCase(), "8", "", `Binnacle ${version}`, "System Administration"),
    // The words of a command line are not divided, nor spaced out.
    ".nh",
    ".ad l",
    macro("SH", "NAME"),
    `${text(page.name)} \\- ${text(page.summary)}`,
    macro("SH", "SYNOPSIS"),
    ...page.synopsis.flatMap((line, i) => [...(i === 0 ? [] : [".br"]), line]),
    macro("SH", "DESCRIPTION"),
    ...paragraphs(page.description),
    macro("SH", "OPTIONS"),
    ...page.options.flatMap(tagged),
    ...sections.flatMap(({ title, entries }) => [macro("SH", title), ...entries.flatMap(tagged)]),
    macro("SH", "EXIT STATUS"),
    ...page.exitStatus.flatMap(({ code, text: meaning }) => tagged({ term: bold(String(code)), text: meaning })),
    ...(files.length === 0 ? [] : [macro("SH", "FILES"), ...files.flatMap(tagged)]),
    macro("SH", "EXAMPLES"),
    ...page.examples.flatMap((example) => tagged({ term: bold(example.line), text: example.text })),
    macro("SH", "SEE ALSO"),
    ...page.seeAlso.map((each, i) => `${bold(each)}(8)${i === page.seeAlso.length - 1 ? "" : ","}`),
    "",
  ].join("\n");
}

function bold(words: string): string {
  return `\\fB${text(words)}\\fR`;
}

function synopsis(command: Command): string[] {
  const options = command.options.map((option) => `[${optionText({ ...option, short: "" }).replace(/^-, /, "")}]`);
  const forms = command.actions.length === 0 ? [""] : formsOf(command);
  return forms.map((each) => {
    const words = [...(each === "" ? [] : [form(each)]), ...options.filter((o) => o !== "[--help]").map(form)];
    return `${bold(command.name)} ${words.join(" ")}`;
  });
}

/** Options bold, what stands for something in italics. */
function form(words: string): string {
  return words
    .split(" ")
    .map((word) => word.replace(/[A-Z]+(?=\]?$)/, "\\fI$&\\fR").replace(/-{1,2}[a-z-]+/, "\\fB$&\\fR"))
    .map(hyphens)
    .join(" ");
}

function tagged(entry: Tagged): string[] {
  return [".TP", entry.term, text(entry.text)];
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

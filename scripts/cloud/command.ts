/* The command line of zstack-cli as data: usage, help, manual page and completion are made of it. */

export type CliOption = {
  readonly name:
    | "host"
    | "port"
    | "ca"
    | "tls-name"
    | "tables"
    | "json"
    | "no-wait"
    | "yes"
    | "password-file"
    | "json-errors"
    | "help";
  readonly short?: string;
  readonly value?: string;
  readonly text: string;
};

export const cliOptions: readonly CliOption[] = [
  { name: "host", short: "H", value: "HOST", text: "Where the manager listens: localhost if left out." },
  { name: "port", short: "p", value: "PORT", text: "Its port: 8080 if left out." },
  {
    name: "ca",
    value: "FILE",
    text: "Certificate of the cloud's authority: /etc/binnacle/tls/ca.crt if left out and there.",
  },
  {
    name: "tls-name",
    value: "NAME",
    text: "The management node's host name, when HOST is its address: its certificate has the name alone.",
  },
  { name: "tables", short: "s", text: "Print tables instead of JSON." },
  { name: "json", short: "j", text: "Print JSON, as without this option." },
  { name: "no-wait", short: "t", text: "Print the task of a long call at once instead of waiting for its end." },
  { name: "yes", short: "y", text: "Don't ask, at a terminal, before a host's maintenance stops its machines." },
  {
    name: "password-file",
    short: "P",
    value: "FILE",
    text: "Take passwords that are left out from this file, one a line, in the order of help; -: standard input.",
  },
  { name: "json-errors", text: "Print errors as JSON." },
  { name: "help", short: "h", text: "Print this help; behind a call, the help of the call." },
];

/** What opens a serial line, in place of a call. */
export const consoleWord = "console";

export const cliName = "zstack-cli";
export const cliSummary = "administer the cloud";

export const cliUsage = [
  "zstack-cli [OPTION...] CALL [KEY=VALUE...]",
  "zstack-cli [OPTION...] console MACHINE",
  "zstack-cli [OPTION...] help [CALL]",
  "zstack-cli [OPTION...]",
] as const;

export const cliDescription: readonly string[] = [
  "Carries out one call of the cloud's API and prints the answer; without a call, asks for calls at a prompt, with " +
    "history, and completion by Tab. A call that takes long is followed to its end.",
  "LogInByAccount opens a session, which is kept in ~/.zstack-cli/session for later calls until LogOut, and ends the " +
    "one that was kept there before. Passwords that are left out are asked for. One that stands on the command line can " +
    "be read by every user of the machine.",
  "A query takes conditions besides its own keys: KEY=VALUE, !=, >, <, >=, <=, ~= (pattern with % and _), !~=, ?= (one " +
    "of a list), !?=. A KEY may lead to another resource: vmNics.ip=10.21.100.2. A list is separated by commas; a size " +
    "may be 1G, null is no value. A time is as tables print it, in local time: 'createDate>=2027-01-15 08:00:00', in " +
    "quotes for its blank; or with its zone: 2027-01-15T08:00:00Z.",
  "console opens the serial line of a machine, named by its name or uuid, in this terminal. Ctrl-] leaves it.",
  "A table that is longer than the terminal goes through PAGER, without one through less or more.",
];

export const cliExamples: readonly { readonly line: string; readonly text: string }[] = [
  { line: "zstack-cli LogInByAccount accountName=admin", text: "Log in; the password is asked for." },
  { line: "zstack-cli QueryHost managementIp=192.168.0.100 fields=name,state", text: "Find a host." },
  { line: "zstack-cli -s QueryVmInstance name~=web% state=Running", text: "Machines, as a table." },
  {
    line: "zstack-cli ChangeHostState uuid=UUID stateEvent=preMaintain",
    text: "Put a host into maintenance, and wait until it is.",
  },
  { line: "zstack-cli help CreateVmInstance", text: "What a call takes." },
];

export const cliFiles: readonly { readonly file: string; readonly text: string }[] = [
  { file: "~/.zstack-cli/session", text: "Sessions, by server. Whoever can read it can use them." },
  { file: "~/.zstack-cli/history", text: "Lines of the prompt. No line with a password is among them." },
  { file: "/etc/binnacle/tls/ca.crt", text: "Certificate of the cloud's authority, on each of its nodes." },
];

export const cliExitStatus = [
  { code: 0, text: "It was done." },
  { code: 1, text: "The call was refused or failed, or nobody waited for its end." },
  { code: 2, text: "Wrong usage; nothing was asked." },
  { code: 3, text: "The manager was not reached." },
  { code: 4, text: "There is no session, or it is over: log in." },
] as const;
/** The same by name. */
export const cliExit = { done: 0, failed: 1, usage: 2, unreached: 3, noSession: 4 } as const;
export type CliExit = (typeof cliExit)[keyof typeof cliExit];

/** An option as it is typed: `-H, --host HOST`. */
export function cliOptionText({ name, short, value }: CliOption): string {
  return `${short === undefined ? "" : `-${short}, `}--${name}${value === undefined ? "" : ` ${value}`}`;
}

/* The commands of zstack-ctl as data: usage, help, manual page and completion are made of them. */

export const ctlName = "zstack-ctl";
export const ctlSummary = "look after the manager of this node";

export type CtlOption = {
  readonly name: OptionName;
  readonly short?: string;
  /** What stands for its value; none: it takes none. */
  readonly value?: string;
  readonly isRequired?: true;
  /** Files are completed. */
  readonly isFile?: true;
  readonly text: string;
};
export type OptionName = "host" | "d" | "keep-amount" | "file" | "yes" | "ip" | "range";

export type CtlCommand = {
  readonly name: CtlCommandName;
  readonly text: string;
  readonly options: readonly CtlOption[];
  /** What stands behind the options; it may be there more than once. */
  readonly words?: string;
};

export const ctlCommandNames = [
  "status",
  "start",
  "stop",
  "restart_node",
  "start_ui",
  "stop_ui",
  "ui_status",
  "dump_mysql",
  "restore_mysql",
  "collect_log",
  "diagnose",
  "show_configuration",
  "configure",
  "change_ip",
  "reset_password",
  "change_mysql_password",
  "reset_rabbitmq",
  "install_license",
] as const;
export type CtlCommandName = (typeof ctlCommandNames)[number];

const yes: CtlOption = { name: "yes", text: "Ask nothing: for scripts." };
const nothing: readonly CtlOption[] = [];

export const ctlCommands: readonly CtlCommand[] = [
  { name: "status", text: "Show the state of the manager and of the UI, and where their files are.", options: nothing },
  { name: "start", text: "Start the manager and wait until it answers.", options: nothing },
  { name: "stop", text: "Stop the manager. Virtual machines go on.", options: nothing },
  { name: "restart_node", text: "Stop and start the manager.", options: nothing },
  { name: "start_ui", text: "Start the UI.", options: nothing },
  { name: "stop_ui", text: "Stop the UI.", options: nothing },
  { name: "ui_status", text: "Show the state of the UI.", options: nothing },
  {
    name: "dump_mysql",
    text: "Back up the store, with the settings and the authority of the cloud, into one file.",
    options: [
      { name: "host", value: "USER@IP", text: "Copy the backup to this machine as well, by SSH with root's key." },
      { name: "d", text: "Delete the oldest backups beyond the amount that is kept, here and there." },
      { name: "keep-amount", value: "N", text: "How many backups --d keeps: 14 if left out." },
    ],
  },
  {
    name: "restore_mysql",
    text: "Restore a backup. What is there is backed up first, and what changes is said before anything does.",
    options: [{ name: "file", short: "f", value: "FILE", isRequired: true, isFile: true, text: "The backup." }, yes],
  },
  {
    name: "collect_log",
    text: "Pack the logs of all nodes of the cloud into one archive, secrets masked; without a manager, this node's.",
    options: [{ name: "range", value: "RANGE", text: "How far back: hour, day, week or boot; day if left out." }],
  },
  {
    name: "diagnose",
    text: "Run all checks of this node: what is wrong, why it matters, what to do.",
    options: nothing,
  },
  { name: "show_configuration", text: "Show the manager's own settings.", options: nothing },
  {
    name: "configure",
    text: "Change settings of the manager; they hold from its next start on.",
    options: nothing,
    words: "KEY=VALUE",
  },
  {
    name: "change_ip",
    text: "Make another address of this node the manager's, and restart what depends on it.",
    options: [{ name: "ip", value: "IP", isRequired: true, text: "The new address; the node has it already." }],
  },
  {
    name: "reset_password",
    text: "Give the cloud's admin the password of the installation again, to be changed at the next login.",
    options: [yes],
  },
  {
    name: "change_mysql_password",
    text: "Explains how the store is protected: there is no MySQL here.",
    options: nothing,
  },
  { name: "reset_rabbitmq", text: "Explains what to use instead: there is no message broker here.", options: nothing },
  { name: "install_license", text: "Explains that there is no licence to install.", options: nothing },
];

export const ctlDescription: readonly string[] = [
  "Works on the management node that it is run on, as root. Backups are in /var/lib/binnacle/backups, named by their " +
    "time in UTC; a timer makes one every 12 hours and keeps 14. A backup holds the key of the cloud's authority: who " +
    "has the file can be the cloud.",
  "With --host the backup is copied into the folder binnacle-backups of that user. Root's SSH key must be accepted " +
    "there, and the machine's host key be known here: log in once with ssh.",
];

export const ctlExamples: readonly { readonly line: string; readonly text: string }[] = [
  { line: "zstack-ctl status", text: "Whether the manager runs." },
  { line: "zstack-ctl dump_mysql --host backup@10.0.0.9 --d --keep-amount 30", text: "Back up, and copy it away." },
  {
    line: "zstack-ctl restore_mysql -f mgmt01-store-20261121-140307.tar.gz",
    text: "Restore a backup.",
  },
  { line: "zstack-ctl configure api.port=8443", text: "Change a setting." },
];

export const ctlFiles: readonly { readonly file: string; readonly text: string }[] = [
  { file: "/etc/binnacle/manager.conf", text: "Settings of the manager, a KEY=VALUE each line." },
  { file: "/var/lib/binnacle/backups", text: "Backups." },
  { file: "/var/lib/binnacle/manager/store.db", text: "The store, where it is not etcd." },
];

export const ctlExitStatus = [
  { code: 0, text: "It was done." },
  { code: 1, text: "It was not done, or only a part of it; what is said tells which." },
  { code: 2, text: "Wrong usage; nothing was done." },
  { code: 3, text: "There is nothing to back up: this node has no store." },
] as const;
/** The same by name. */
export const ctlExit = { done: 0, failed: 1, usage: 2, noStore: 3 } as const;
export type CtlExit = (typeof ctlExit)[keyof typeof ctlExit];

/** An option as it is typed: `-f, --file FILE`. */
export function ctlOptionText({ name, short, value }: CtlOption): string {
  const shown = short === undefined ? "" : `-${short}, `;
  return `${shown}--${name}${value === undefined ? "" : ` ${value}`}`;
}

/** A command as it is typed: `restore_mysql -f FILE [--yes]`. */
export function ctlUsage({ name, options, words }: CtlCommand): string {
  const shown = options.map(({ name: option, short, value, isRequired }) => {
    const text = `${short === undefined ? `--${option}` : `-${short}`}${value === undefined ? "" : ` ${value}`}`;
    return isRequired === true ? text : `[${text}]`;
  });
  return [name, ...shown, ...(words === undefined ? [] : [`${words}...`])].join(" ");
}

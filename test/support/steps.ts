import type { ConsoleBed } from "./console.ts";

/** As much of a console as the steps need: one on a pseudo terminal, on a machine's serial line, or on its screen. */
export type Console = Pick<ConsoleBed, "text" | "screen" | "type" | "press" | "until">;

/* What a person does at the console, step by step. Each step ends when the screen shows its outcome. */

export const goodPassword = "Harbour-light-42";

/** Screens of System Configuration, each with its name in the list and in the header. */
export const configurationItems = {
  passwords: "Change Passwords",
  rename: "Rename NIC",
  ping: "Test Network",
  networks: "Configure Networks",
  management: "Set Management Network",
  names: "Host Name and Time",
  earlier: "Earlier Configurations",
  consoleProxy: "Configure Console Proxy",
  collect: "Collect Logs",
  backup: "Backup Database",
  service: "Start/Stop/Restart ZStack Service",
  reset: "Reset ZStack Service",
  resetDrop: "Reset ZStack Service & Drop Database",
  terminals: "Terminal Info",
  language: "Language",
  settings: "Console Settings",
  diagnostics: "Diagnostics",
  cloud: "Cloud",
  hardware: "Hardware",
  interfaces: "Interfaces",
  disks: "Disks",
  services: "Services",
  machines: "Virtual Machines",
  cpu: "CPU",
  memory: "Memory",
  logs: "Logs",
  jobs: "Jobs",
  audit: "Audit",
} as const;
export type ConfigurationItem = keyof typeof configurationItems;

/** Waits until the screen on top is the one with this title. */
export function untilTitle(console: Console, title: string): Promise<void> {
  return console.until((text) => titleOf(text) === title, 15_000, `the title ${title}`);
}

/** Waits for the home screen, the only one that offers q, with the agent's figures: without them F2 does nothing. */
export function untilHome(console: Console): Promise<void> {
  return console.until(isHome, 15_000, "the home screen");
}

export function isHome(text: string): boolean {
  const lines = text.split("\n");
  return /F12 .* F4 /.test(lines.at(-1) ?? "") && / \d+\.\d+\.\d+ /.test(lines[0] ?? "");
}

/** The title of the screen on top, in its header. */
export function titleOf(text: string): string | undefined {
  const [first = ""] = text.split("\n");
  return first
    .replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\s*$/, "")
    .trim()
    .split(/ {3,}/)
    .at(-1);
}

/** Gives a preview its first password at `key`, and waits for the screen behind it. */
export async function choosePassword(
  console: Console,
  { password = goodPassword, key = "f2" }: { password?: string; key?: "f2" | "f12" } = {},
): Promise<void> {
  await untilHome(console);
  console.press(key);
  await untilTitle(console, "Choose a password");
  console.type(`${password}\t${password}\r`);
  await untilTitle(console, key === "f2" ? "System Configuration" : "Reboot / Power off");
}

/** Gives the password at `key`, and waits for the screen behind it. */
export async function logIn(
  console: Console,
  { password = goodPassword, key = "f2" }: { password?: string; key?: "f2" | "f12" } = {},
): Promise<void> {
  await openPrompt(console, key);
  console.type(`${password}\r`);
  await untilTitle(console, key === "f2" ? "System Configuration" : "Reboot / Power off");
}

/** From the home screen to the password prompt. */
export async function openPrompt(console: Console, key: "f2" | "f12" = "f2"): Promise<void> {
  await untilHome(console);
  console.press(key);
  await untilTitle(console, "Password");
}

/** The console answers keys, whatever is wrong: on the home screen help opens and closes. */
export async function answersKeys(console: Console): Promise<void> {
  console.press("f1");
  await untilTitle(console, "Help");
  console.press("esc");
  await console.until(/F12 Power/);
}

/** From the list of System Configuration to one of its screens; `title` where something else lies on top of it. */
export async function openItem(
  console: Console,
  item: ConfigurationItem,
  title: string = configurationItems[item],
): Promise<void> {
  await untilTitle(console, "System Configuration");
  await selectLine(console, configurationItems[item]);
  console.press("enter");
  await untilTitle(console, title);
}

/** Moves the selection of a list, line by line, to the line that begins with this text. */
export async function selectLine(console: Console, text: string): Promise<void> {
  let isAtEnd = false;
  for (let step = 0; step < 100; step++) {
    await console.until(/^ *> /m);
    const lines = console.screen().map((line) => line.trim());
    const at = lines.findIndex((line) => line.startsWith("> "));
    const marked = lines[at];
    const wanted = lines.findIndex((line) => isLine(line.replace(/^> /, ""), text));
    if (wanted === at) return;
    // One that is out of sight is further down; once nothing is there any more, it is further up.
    if (!lines.some((line) => /(^|\s)(▼|v) (\d|还)/.test(line))) isAtEnd = true;
    const isAbove = wanted >= 0 ? wanted < at : isAtEnd;
    console.press(isAbove ? "up" : "down");
    await console.until((shown) => !shown.includes(`${marked}`), 15_000, `another line than ${marked}`);
  }
  throw new Error(`no line begins with ${text}:\n${console.text()}`);
}

/** `CPU   per core …` and `CPU` are the line CPU, `CPUs` and `CPU usage` are not. */
function isLine(line: string, text: string): boolean {
  return line === text || line.startsWith(`${text}  `);
}

/** Back to the list of System Configuration. */
export async function leaveItem(console: Console): Promise<void> {
  console.press("esc");
  await untilTitle(console, "System Configuration");
}

import { readlinkSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { parseArgs } from "node:util";
import { Client, checkProtocol } from "../core/api/client.ts";
import { NodeError } from "../core/model/error.ts";
import type { Facts } from "../core/model/facts.ts";
import type { PowerAction } from "../core/model/records.ts";
import { errorText } from "./error-text.ts";
import { english, loadCatalogue, type Translate, translator } from "./i18n/catalogue.ts";
import { Lines } from "./menu/lines.ts";
import { offerAddress } from "./menu/network.ts";
import { addressLines, nodeLines, ownAddressLines } from "./menu/pages.ts";
import { offerPower } from "./menu/power.ts";

/*
 * The plain text menu of a console whose full-screen program has crashed five times in two minutes. It shares with that
 * program only the client of the agent, the model and the texts: what made the one crash must not reach the other.
 */

/**
 * How the menu ends: 0 somebody left it, 2 wrong usage, 3 standard input or output is no terminal, 70 a fault of its
 * own, 75 the console is to be tried again (the launcher does), 129 the terminal has gone.
 */
const exitCodes = { left: 0, usage: 2, noTerminal: 3, fault: 70, again: 75, gone: 129 } as const;

/** The agent may be what is broken: a menu that waits for it is of no use. */
const lookTimeoutMs = 3_000;
/** The agent itself gives a power-off 30 s to be accepted; and it may have much to look at before a network changes. */
const actTimeoutMs = 35_000;

type Options = { socket: string; console: string; canQuit: boolean };
type Choice = "refresh" | "again" | PowerAction | "network" | "quit";

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      socket: { type: "string", default: "/run/binnacle/agent.sock" },
      console: { type: "string" },
      "no-quit": { type: "boolean", default: false },
    },
  });
  return { socket: values.socket, console: values.console ?? ttyName(), canQuit: !values["no-quit"] };
}

function ttyName(): string {
  try {
    return readlinkSync("/proc/self/fd/0").replace(/^\/dev\//, "");
  } catch {
    return "unknown";
  }
}

async function run(options: Options): Promise<number> {
  const lines = new Lines(process.stdin, process.stdout);
  const agent = { socketPath: options.socket, console: options.console };
  const client = new Client({ ...agent, timeoutMs: lookTimeoutMs });
  const actingClient = new Client({ ...agent, timeoutMs: actTimeoutMs });
  lines.open();
  try {
    const t = await chooseLanguage(lines, client);
    sayWhy(lines, t);
    for (;;) {
      const answers = await showNode(lines, client, t);
      const choice = await choose(lines, t, choicesOf(answers, options.canQuit));
      if (choice === "gone") return exitCodes.gone;
      if (choice === "quit") return exitCodes.left;
      if (choice === "again") return exitCodes.again;
      if (choice === "refresh") continue;
      if (choice === "network") {
        if (!(await offerAddress(lines, actingClient, t))) return exitCodes.gone;
        continue;
      }
      if (!(await offerPower(lines, actingClient, t, choice))) return exitCodes.gone;
    }
  } finally {
    client.close();
    actingClient.close();
    lines.close();
  }
}

/** What was the matter with the console; the launcher passes its last error on. */
function sayWhy(lines: Lines, t: Translate): void {
  const error = process.env["BINNACLE_LAST_ERROR"];
  lines.print("", `${t("product")}: ${t("menu.title")}`, t("menu.why"));
  if (error !== undefined && error !== "") lines.print(t("menu.lastError", { error: error.slice(0, 300) }));
}

/** English, unless this console was set to Chinese and its terminal is known to show it. */
async function chooseLanguage(lines: Lines, client: Client): Promise<Translate> {
  const settings = await client.call("consoleSettings", {}).catch(() => undefined);
  if (settings === undefined || settings.language === "en") return english();
  if (canShowChinese()) return translator(settings.language, await loadCatalogue(settings.language));
  const t = english();
  lines.print(t("app.noChinese"));
  return t;
}

/** The Linux console has too few glyphs, and what is at the end of a serial line nobody knows. */
function canShowChinese(): boolean {
  const { TERM = "", LC_ALL, LC_CTYPE, LANG = "" } = process.env;
  return /utf-?8/i.test(LC_ALL || LC_CTYPE || LANG) && /^(xterm|screen|tmux|rxvt|vte)/.test(TERM);
}

/** The node's state and addresses. Resolves to whether the agent answers. */
async function showNode(lines: Lines, client: Client, t: Translate): Promise<boolean> {
  const facts = await readFacts(client).catch((error: unknown) => {
    if (error instanceof NodeError) return error;
    throw error;
  });
  lines.print("");
  if (facts instanceof NodeError) {
    lines.print(errorText(t, facts), "", t("menu.ownAddresses"), ...ownAddressLines(t, networkInterfaces()));
    return false;
  }
  lines.print(...nodeLines(t, facts), "", t("menu.addresses"), ...addressLines(t, facts.network));
  return true;
}

async function readFacts(client: Client): Promise<Facts> {
  checkProtocol((await client.call("status", {})).protocol);
  return client.call("facts", {});
}

/** Only what works: without the agent nothing can be changed. */
function choicesOf(agentAnswers: boolean, canQuit: boolean): Choice[] {
  return [
    "refresh",
    "again",
    ...(agentAnswers ? (["reboot", "poweroff", "network"] as const) : []),
    ...(canQuit ? (["quit"] as const) : []),
  ];
}

async function choose(lines: Lines, t: Translate, choices: readonly Choice[]): Promise<Choice | "gone"> {
  lines.print("", ...choices.map((choice, index) => `  ${index + 1}  ${t(`menu.${choice}`)}`));
  for (;;) {
    const reply = await lines.ask(t("menu.choose"));
    if (reply === "gone") return "gone";
    if (reply === "ended" && choices.includes("quit")) return "quit";
    if (typeof reply !== "object") continue;
    const typed = reply.line.trim();
    const choice = /^[1-9]$/.test(typed) ? choices[Number(typed) - 1] : undefined;
    if (choice !== undefined) return choice;
    // Enter alone shows everything again: it has scrolled away while nobody was here.
    if (typed === "") return "refresh";
    lines.print(t("menu.noSuchChoice", { count: choices.length }));
  }
}

function fail(code: number, error: unknown): never {
  process.stderr.write(`binnacle: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(code);
}

let options: Options;
try {
  options = readOptions();
} catch (error) {
  fail(exitCodes.usage, error);
}
if (!process.stdin.isTTY || !process.stdout.isTTY)
  fail(exitCodes.noTerminal, new Error("the menu needs a terminal on standard input and output."));
run(options).then(
  (code) => process.exit(code),
  (error: unknown) => fail(exitCodes.fault, error),
);

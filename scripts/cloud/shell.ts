import { spawnSync } from "node:child_process";
import { createInterface, type Interface } from "node:readline";
import { printable } from "../network/say.ts";
import { answerText } from "./answer.ts";
import { type CliArguments, readArguments, type Settings, UsageError } from "./arguments.ts";
import { type CliExit, cliExit, cliExitStatus, consoleWord } from "./command.ts";
import { complete } from "./complete.ts";
import { listText, stepOf } from "./complete-list.ts";
import { connect, exitOf } from "./connect.ts";
import { helpFor } from "./help-for.ts";
import { addToHistory, isHarmless, longestHistory, readHistory } from "./history.ts";
import { lookupWith } from "./lookup.ts";
import { writeTable } from "./pager.ts";
import { hidePastedTabs, markPastes, unmarkPastes } from "./paste.ts";
import { perform } from "./perform.ts";
import { errorJson, errorText, sentence } from "./print.ts";
import { readRequest } from "./request.ts";
import { terminalColumns } from "./screen.ts";
import { confirmationOfTerminal, secretsOfFile, secretsOfTerminal } from "./secrets.ts";
import { sessionOf } from "./session-file.ts";
import { wordsOf } from "./words.ts";

/** Calls at a prompt, or the lines of a file on standard input, until they end. The status is that of the last failure. */
export async function runShell(given: CliArguments, settings: Settings): Promise<CliExit> {
  const shell = new Shell(given, settings);
  return shell.run();
}

class Shell {
  readonly #given: CliArguments;
  readonly #client: ReturnType<typeof connect>;
  readonly #host: string;
  readonly #isTerminal = process.stdin.isTTY === true && process.stdout.isTTY === true;
  readonly #lines: string[] = [];
  #running: AbortController | undefined;
  #status: CliExit = cliExit.done;

  constructor(given: CliArguments, settings: Settings) {
    this.#given = given;
    this.#client = connect(settings);
    this.#host = settings.port === 8080 ? settings.host : this.#client.server;
  }

  async run(): Promise<CliExit> {
    const input = this.#open();
    const hasEnded = new Promise<void>((resolve) => input.once("close", resolve));
    let working: Promise<void> | undefined;
    input.on("line", (line) => {
      this.#mark(unmarkPastes);
      // A Tab that was pasted.
      this.#lines.push(line.replaceAll("\t", " "));
      working ??= this.#work(input).finally(() => {
        working = undefined;
      });
    });
    input.on("SIGINT", () => this.#interrupt(input));
    this.#prompt(input);
    await hasEnded;
    // Ctrl-D leaves at once; a file's last calls are still carried out.
    if (this.#isTerminal) this.#running?.abort();
    await working;
    this.#client.close();
    this.#mark(unmarkPastes);
    if (this.#isTerminal) process.stdout.write("\n");
    return this.#status;
  }

  /** Only while a line is awaited: a program that is started meanwhile gets what is pasted as it is. */
  #mark(sequence: string): void {
    if (this.#isTerminal && process.env["TERM"] !== "dumb") process.stdout.write(sequence);
  }

  #open(): Interface {
    const lookup = lookupWith(this.#client);
    if (this.#isTerminal) hidePastedTabs(process.stdin);
    const input = createInterface({
      input: process.stdin,
      output: process.stdout,
      terminal: this.#isTerminal,
      historySize: longestHistory,
      removeHistoryDuplicates: true,
      history: this.#isTerminal ? readHistory() : [],
      completer: (line: string, answer: (error: null, result: [string[], string]) => void) => {
        void complete(line, lookup)
          .then((completion) => {
            const step = stepOf(completion);
            if (step !== undefined) return answer(null, [[step], completion.typed]);
            if (completion.candidates.length > 0) {
              process.stdout.write(`\n${listText(completion.candidates, process.stdout)}`);
              input.prompt(true);
            }
            answer(null, [[], completion.typed]);
          })
          .catch(() => answer(null, [[], ""]));
      },
    });
    input.on("history", (history) => {
      const [newest = ""] = history;
      if (!isHarmless(newest)) history.shift();
    });
    return input;
  }

  #prompt(input: Interface): void {
    if (!this.#isTerminal) return;
    const account = this.#client.token === undefined ? undefined : sessionOf(this.#client.server)?.accountName;
    this.#mark(markPastes);
    input.setPrompt(account === undefined ? "- > " : `${printable(account)}@${this.#host}> `);
    input.prompt();
  }

  /** Ctrl-C: what runs is not waited for any more, or the line is thrown away. */
  #interrupt(input: Interface): void {
    if (this.#running !== undefined) {
      this.#running.abort();
      return;
    }
    process.stdout.write("^C\n");
    input.write(null, { ctrl: true, name: "e" });
    input.write(null, { ctrl: true, name: "u" });
    input.prompt();
  }

  async #work(input: Interface): Promise<void> {
    for (let line = this.#lines.shift(); line !== undefined; line = this.#lines.shift()) {
      if (line.trim() === "") continue;
      if (this.#isTerminal) addToHistory(line);
      if (["quit", "exit"].includes(line.trim())) {
        this.#lines.length = 0;
        return input.close();
      }
      const status = await this.#carryOut(line);
      if (status !== cliExit.done) this.#status = status;
    }
    this.#prompt(input);
  }

  /** By a program of its own, which has the terminal to itself meanwhile. @throws UsageError */
  #console(words: readonly string[]): CliExit {
    const { stdin } = process;
    const options = [...this.#given.options].map(([name, value]) =>
      value === "" ? `--${name}` : `--${name}=${value}`,
    );
    const wasRaw = stdin.isRaw === true;
    if (wasRaw) stdin.setRawMode(false);
    try {
      const [program = ""] = process.argv.slice(1);
      const args = [...process.execArgv, program, ...options, ...words];
      const { status } = spawnSync(process.execPath, args, { stdio: "inherit" });
      return cliExitStatus.find(({ code }) => code === status)?.code ?? cliExit.failed;
    } finally {
      if (wasRaw) stdin.setRawMode(true);
    }
  }

  async #carryOut(line: string): Promise<CliExit> {
    const width = terminalColumns(process.stderr);
    const warn = (text: string) => void process.stderr.write(sentence(text, width));
    const running = new AbortController();
    this.#running = running;
    try {
      const { words, openQuote } = wordsOf(line);
      if (openQuote !== undefined) throw new UsageError(`A quote ${openQuote} is not closed.`);
      const { options, words: asked } = readArguments(words);
      const [first] = asked;
      if (options.has("help") || first === "help") {
        process.stdout.write(helpFor(first === undefined ? ["help"] : asked));
        return cliExit.done;
      }
      if (first === consoleWord) return this.#console(asked);
      const request = readRequest(asked);
      const has = (name: "tables" | "no-wait" | "yes") => options.has(name) || this.#given.options.has(name);
      const file = options.get("password-file") ?? this.#given.options.get("password-file");
      const isTable = has("tables") && !options.has("json");
      const answer = await perform(request, {
        client: this.#client,
        secrets: file === undefined ? secretsOfTerminal : secretsOfFile(file),
        confirm: this.#isTerminal ? confirmationOfTerminal() : undefined,
        isSure: has("yes"),
        isTable,
        isWaiting: !has("no-wait"),
        signal: running.signal,
        warn,
      });
      const { text, note } = await answerText(request, answer, isTable);
      if (isTable && "inventories" in answer) writeTable(text);
      else process.stdout.write(text);
      if (note !== undefined) warn(note);
      return cliExit.done;
    } catch (error) {
      if (error instanceof UsageError) warn(error.message);
      else process.stderr.write(this.#given.options.has("json-errors") ? errorJson(error) : errorText(error, width));
      return exitOf(error);
    } finally {
      this.#running = undefined;
    }
  }
}

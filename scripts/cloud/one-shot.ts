import { answerText } from "./answer.ts";
import { type CliArguments, type Settings, UsageError } from "./arguments.ts";
import { type CliExit, cliExit } from "./command.ts";
import { connect, exitOf } from "./connect.ts";
import { perform } from "./perform.ts";
import { errorJson, errorText, sentence } from "./print.ts";
import { readRequest } from "./request.ts";
import { terminalColumns } from "./screen.ts";
import { confirmationOfTerminal, secretsOfFile, secretsOfTerminal } from "./secrets.ts";

/** Carries out the one call of a command line. @throws UsageError */
export async function runOnce({ options, words }: CliArguments, settings: Settings): Promise<CliExit> {
  const request = readRequest(words);
  const width = terminalColumns(process.stderr);
  const warn = (line: string) => void process.stderr.write(sentence(`zstack-cli: ${line}`, width));
  if (request.holdsSecret)
    warn("Every user of this machine can read a password on the command line. Leave it out, or give -P FILE.");
  const client = connect(settings);
  const stopped = new AbortController();
  const stop = () => stopped.abort();
  process.once("SIGINT", stop).once("SIGTERM", stop);
  const file = options.get("password-file");
  const isTable = options.has("tables") && !options.has("json");
  try {
    const answer = await perform(request, {
      client,
      secrets: file === undefined ? secretsOfTerminal : secretsOfFile(file),
      confirm: confirmationOfTerminal(),
      isSure: options.has("yes"),
      isTable,
      isWaiting: !options.has("no-wait"),
      signal: stopped.signal,
      warn,
    });
    const { text, note } = await answerText(request, answer, isTable);
    if (isTable && "inventories" in answer) (await import("./pager.ts")).writeTable(text);
    else process.stdout.write(text);
    if (note !== undefined) warn(note);
    return cliExit.done;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    process.stderr.write(options.has("json-errors") ? errorJson(error) : errorText(error, width));
    return exitOf(error);
  } finally {
    process.off("SIGINT", stop).off("SIGTERM", stop);
    client.close();
  }
}

import { readArguments, settingsOf, UsageError } from "./cloud/arguments.ts";
import { type CliExit, cliExit, cliUsage, consoleWord } from "./cloud/command.ts";
import { terminalColumns } from "./cloud/screen.ts";

/*
 * The administrator's command line of the cloud: one call, or calls at a prompt. What is not needed for a line is not
 * loaded for it.
 */

async function main(argv: readonly string[]): Promise<CliExit> {
  try {
    const given = readArguments(argv);
    const settings = settingsOf(given);
    const [word] = given.words;
    if (given.options.has("help") || word === "help") {
      const { helpFor } = await import("./cloud/help-for.ts");
      process.stdout.write(helpFor(given.words));
      return cliExit.done;
    }
    if (word === undefined) return await (await import("./cloud/shell.ts")).runShell(given, settings);
    if (word === consoleWord) return await (await import("./cloud/console.ts")).runConsole(given, settings);
    return await (await import("./cloud/one-shot.ts")).runOnce(given, settings);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const { sentence } = await import("./cloud/print.ts");
    process.stderr.write(sentence(`zstack-cli: ${error.message}`, terminalColumns(process.stderr)));
    process.stderr.write(`usage: ${cliUsage[0]}\n`);
    return cliExit.usage;
  }
}

// Whoever reads the output may have gone (`| head -1`): what was asked is still carried out.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
process.exitCode = await main(process.argv.slice(2));

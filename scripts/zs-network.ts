import { type Request, readArguments, UsageError } from "./network/arguments.ts";
import { commands, type ExitCode, exitCodes } from "./network/commands.ts";
import { helpText, usageLine } from "./network/help.ts";
import { Voice } from "./network/say.ts";

/*
 * The commands of the network, zs-show-network and its kin: the first argument says which one. What talks to the agent
 * is loaded only for a command line that makes sense.
 */

async function main([name = "", ...argv]: readonly string[]): Promise<ExitCode> {
  const command = commands.find((each) => each.name === name);
  if (command === undefined) {
    process.stderr.write(`usage: zs-network COMMAND ..., where COMMAND is ${commands.map((c) => c.name).join(", ")}\n`);
    return exitCodes.usage;
  }
  try {
    const request = readArguments(command, argv);
    if (!request.isHelp) return await carryOut(request);
    process.stdout.write(helpText(command));
    return exitCodes.done;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    new Voice(name, false).warn(error.message);
    process.stderr.write(`${usageLine(command)}\n`);
    return exitCodes.usage;
  }
}

async function carryOut(request: Request): Promise<ExitCode> {
  const voice = new Voice(request.command.name, request.isJson);
  try {
    if (request.action === null) return await (await import("./network/show.ts")).show(request, voice);
    return await (await import("./network/change.ts")).change(request, voice);
  } catch (error) {
    const { forCommand } = await import("./network/agent.ts");
    const { NodeError } = await import("../core/model/error.ts");
    const known = forCommand(error);
    if (known instanceof NodeError) voice.document(known.toBody());
    const remedy = known instanceof NodeError ? known.remedy : undefined;
    voice.warn([known instanceof Error ? known.message : String(known), remedy ?? ""].join(" ").trim());
    return exitCodes.failed;
  }
}

// Whoever reads the output may have gone (`| head -1`): a change that is under way is still watched to its end.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
process.exitCode = await main(process.argv.slice(2));

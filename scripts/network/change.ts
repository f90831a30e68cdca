import { Client } from "../../core/api/client.ts";
import { rootConsole } from "../../core/api/contract.ts";
import { NodeError } from "../../core/model/error.ts";
import { bondModes } from "../../core/model/network/configuration.ts";
import type { NetworkOperation } from "../../core/model/network/operation.ts";
import type { KeepMode, NetworkPlan, NetworkTransaction } from "../../core/model/network/transaction.ts";
import { explainBusy, requireIdle } from "./agent.ts";
import type { Request } from "./arguments.ts";
import { bondTable, configuredBonds } from "./bond-table.ts";
import { type ExitCode, exitCodes } from "./commands.ts";
import { follow } from "./follow.ts";
import { operationsOf } from "./operations.ts";
import type { Voice } from "./say.ts";
import { isInteractive, Terminal } from "./terminal.ts";
import { changeLine, cutOffText, endLine } from "./wording.ts";

/** For one answer of the agent; before a change begins it reads the machine once more and saves its network. */
const answerTimeoutMs = 30_000;

/** Carries a request out as one change of the network. @throws NodeError */
export async function change(request: Request, voice: Voice): Promise<ExitCode> {
  const client = new Client({ socketPath: request.socket, console: rootConsole, timeoutMs: answerTimeoutMs });
  const cleanUp: (() => void)[] = [() => client.close()];
  try {
    const present = await client.call("network", {});
    requireIdle(present.transaction);
    const operations = operationsOf(request, present.configuration);
    const plan = await client.call("planNetwork", { body: { operations } });
    if (!isPossible(plan, voice)) return exitCodes.failed;
    if (plan.changes.length === 0) {
      voice.say("Nothing to change: it is so already.");
      voice.document(resultOf(plan, null, await bondsAfter(request, client, voice)));
      return exitCodes.done;
    }
    const isAsked = plan.cutsOff.length > 0 && !request.isYes && !request.isJson && isInteractive();
    const terminal = isAsked ? new Terminal() : undefined;
    if (terminal !== undefined) cleanUp.push(() => terminal.close());
    if (terminal !== undefined && !(await isWanted(plan, terminal, voice))) return exitCodes.failed;
    const keep: KeepMode = request.isKeptAnyway ? "always" : isAsked ? "confirm" : "probes";
    const started = await begin(client, request, operations, keep);
    const end = await follow(client, started, keep === "confirm" ? terminal : undefined, voice);
    return await report(request, client, plan, end, voice);
  } finally {
    for (const undo of cleanUp.reverse()) undo();
  }
}

/** Prints what is wrong with a plan; whether it can be carried out. */
function isPossible({ problems }: NetworkPlan, voice: Voice): boolean {
  for (const { severity, description, remedy } of problems)
    voice.warn([severity === "error" ? "" : "warning: ", description, remedy === "" ? "" : ` ${remedy}`].join(""));
  const errors = problems.filter(({ severity }) => severity === "error");
  const [first] = errors;
  if (first === undefined) return true;
  const error = new NodeError(first.code, first.description, { remedy: first.remedy, values: first.values });
  voice.document({ ...error.toBody(), problems });
  return false;
}

async function isWanted({ changes, cutsOff }: NetworkPlan, terminal: Terminal, voice: Voice): Promise<boolean> {
  for (const each of changes) voice.say(changeLine(each));
  for (const each of cutsOff) voice.say(`This cuts off ${cutOffText(each)}.`);
  const onInterrupt = () => {
    process.stderr.write("\n");
    voice.warn("Nothing was changed.");
    process.exit(exitCodes.failed);
  };
  process.once("SIGINT", onInterrupt);
  const isYes = await terminal.ask("Change the network? [y/N]");
  process.off("SIGINT", onInterrupt);
  if (!isYes) voice.warn("Nothing was changed.");
  return isYes;
}

async function begin(
  client: Client,
  { seconds }: Request,
  operations: readonly NetworkOperation[],
  keep: KeepMode,
): Promise<NetworkTransaction> {
  try {
    const body = { operations: [...operations], keep, ...(seconds === undefined ? {} : { seconds }) };
    return await client.call("changeNetwork", { body });
  } catch (error) {
    if (!(error instanceof NodeError)) throw error;
    // It may have begun all the same.
    if (["AGENT.LOST", "AGENT.TIMEOUT", "AGENT.NONSENSE"].includes(error.code))
      throw new NodeError("NET.UNCERTAIN", `${error.message} Whether the change has begun is not known.`, {
        remedy: "See: zs-show-network",
        cause: error,
      });
    throw await explainBusy(client, error);
  }
}

async function report(
  request: Request,
  client: Client,
  plan: NetworkPlan,
  end: NetworkTransaction,
  voice: Voice,
): Promise<ExitCode> {
  const isDone = end.phase === "committed";
  if (isDone) for (const each of end.changes) voice.say(changeLine(each));
  for (const { outcome, description } of end.probes) {
    if (outcome === "warning" || (outcome === "failed" && isDone)) voice.warn(`warning: ${description}`);
    else if (outcome === "failed") voice.warn(description);
  }
  if (end.error !== null) voice.warn(end.error.description);
  if (isDone) voice.say(endLine(end));
  else voice.warn(endLine(end));
  const bonds = isDone ? await bondsAfter(request, client, voice) : undefined;
  voice.document(resultOf(plan, end, bonds));
  return isDone ? exitCodes.done : exitCodes.failed;
}

/** The table that some commands print at their end. What can't be had any more does not make the change a failure. */
async function bondsAfter({ command }: Request, client: Client, voice: Voice) {
  if (command.name !== "zs-nic-to-bond") return;
  try {
    const bonds = configuredBonds((await client.call("network", {})).configuration, bondModes);
    for (const line of bondTable(bonds)) voice.say(line);
    return bonds;
  } catch (error) {
    voice.warn(`The bonds can't be shown: ${error instanceof Error ? error.message : String(error)}`);
    return;
  }
}

function resultOf(
  { changes, cutsOff, problems }: NetworkPlan,
  transaction: NetworkTransaction | null,
  bonds: object | undefined,
): object {
  return { changes, cutsOff, warnings: problems, transaction, ...(bonds === undefined ? {} : { bonds }) };
}

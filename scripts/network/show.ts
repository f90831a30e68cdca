import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { type Answer, Client } from "../../core/api/client.ts";
import { rootConsole } from "../../core/api/contract.ts";
import { NodeError } from "../../core/model/error.ts";
import type { Neighbour } from "../../core/model/facts.ts";
import { bondModes } from "../../core/model/network/configuration.ts";
import { hasEnded } from "../../core/model/network/transaction.ts";
import { valueOf } from "../../core/model/reading.ts";
import { forCommand } from "./agent.ts";
import type { Request } from "./arguments.ts";
import { type Bond, bondTable, configuredBonds } from "./bond-table.ts";
import { type ExitCode, exitCodes } from "./commands.ts";
import { kernelBonds } from "./kernel-bonds.ts";
import { printable, type Voice } from "./say.ts";
import { underWayText } from "./wording.ts";

const answerTimeoutMs = 5_000;
const ipTimeoutMs = 10_000;

/** What the agent knows, or why it does not tell. */
type Known =
  | { network: Answer<"network">; neighbours: readonly Neighbour[]; error: null }
  | { network: null; neighbours: readonly Neighbour[]; error: NodeError };

/** Shows the network. It fails only for whoever may not see it: the kernel tells without the agent. @throws NodeError */
export async function show({ socket }: Request, voice: Voice): Promise<ExitCode> {
  requireAccess(socket);
  const asked = ask(socket);
  const links = await linksAndAddresses(voice);
  const known = await asked;
  const bonds = allBonds(known);
  for (const line of bondTable(bonds)) voice.say(line);
  if (known.neighbours.length > 0) voice.say("Switch ports, as LLDP tells:");
  for (const line of neighbourLines(known.neighbours)) voice.say(line);
  const transaction = known.network?.transaction ?? null;
  if (transaction !== null && !hasEnded(transaction)) voice.say(`Under way: ${underWayText(transaction, Date.now())}.`);
  for (const { link, what } of known.network?.others ?? []) voice.say(`${link}: configured by other means: ${what}`);
  if (known.error !== null)
    voice.warn(`${known.error.message} The bonds are shown as the kernel has them. ${known.error.remedy ?? ""}`.trim());
  voice.document({
    links,
    bonds,
    neighbours: known.neighbours,
    configuration: known.network?.configuration ?? null,
    others: known.network?.others ?? [],
    transaction,
    ...(known.error?.toBody() ?? {}),
  });
  return exitCodes.done;
}

/** Before anything is printed: whether this user may open the socket. */
function requireAccess(socket: string): void {
  try {
    fs.accessSync(socket, fs.constants.W_OK);
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "EACCES" || error.code === "EPERM"))
      throw new NodeError("AGENT.DENIED", `This user may not open ${socket}.`);
  }
}

async function ask(socketPath: string): Promise<Known> {
  const client = new Client({ socketPath, console: rootConsole, timeoutMs: answerTimeoutMs });
  try {
    const [network, facts] = await Promise.all([client.call("network", {}), client.call("facts", {})]);
    return { network, neighbours: valueOf(facts.neighbours) ?? [], error: null };
  } catch (error) {
    const known = forCommand(error);
    if (!(known instanceof NodeError)) throw error;
    return { network: null, neighbours: [], error: known };
  } finally {
    client.close();
  }
}

/**
 * `ip addr` itself prints them; with `--json` its own JSON is returned. What it can't do is said, and the rest shown.
 */
async function linksAndAddresses(voice: Voice): Promise<unknown> {
  const args = voice.isJson ? ["-json", "addr", "show"] : ["addr", "show"];
  const ip = spawn("ip", args, {
    stdio: ["ignore", voice.isJson ? "pipe" : "inherit", "inherit"],
    timeout: ipTimeoutMs,
  });
  let output = "";
  ip.stdout?.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  const problem = await new Promise<string | undefined>((resolve) => {
    ip.once("error", (error) => resolve(error.message));
    // Whoever reads only the beginning (`| head -1`) ends it by SIGPIPE.
    const isFine = (code: number | null) => code === 0 || ip.signalCode === "SIGPIPE";
    ip.once("close", (code) => resolve(isFine(code) ? undefined : `ip addr show ended with ${code ?? ip.signalCode}`));
  });
  if (problem !== undefined) voice.warn(`The links can't be shown: ${problem}.`);
  return voice.isJson && problem === undefined ? JSON.parse(output) : null;
}

/** Those that are configured, and those that the kernel has besides. */
function allBonds({ network }: Known): Bond[] {
  const configured = network === null ? [] : configuredBonds(network.configuration, bondModes);
  return [...configured, ...kernelBonds().filter(({ name }) => !configured.some((bond) => bond.name === name))];
}

function neighbourLines(neighbours: readonly Neighbour[]): string[] {
  // What a character that is not printed becomes is longer than it.
  const all = neighbours.map((each) => ({ ...each, system: printable(each.system) }));
  const width = (of: (each: Neighbour) => string) => Math.max(0, ...all.map((each) => of(each).length));
  const [first, second] = [width(({ link }) => link), width(({ system }) => system)];
  return all.map(({ link, system, port }) => `${link.padEnd(first)}  ${system.padEnd(second)}  ${port}`);
}

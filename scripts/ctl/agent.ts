import { setTimeout as pause } from "node:timers/promises";
import { Client } from "../../core/api/client.ts";
import { rootConsole } from "../../core/api/contract.ts";
import { askManager } from "../../core/api/manager-door.ts";
import { type LogRange, logRanges } from "../../core/model/archives.ts";
import { NodeError } from "../../core/model/error.ts";
import { listed, shown } from "../../core/model/quote.ts";
import type { Finding, Job } from "../../core/model/records.ts";
import { loadDiagnosisTexts } from "../../tui/i18n/catalogue.ts";
import { UsageError } from "./arguments.ts";
import { type CtlExit, ctlExit } from "./command.ts";
import type { CtlWorld } from "./world.ts";

/* What this node's agent does for zstack-ctl. */

const pollMs = 300;
/** All checks together, some of which wait for what does not answer. */
const diagnoseMs = 5 * 60_000;

async function withAgent<T>(
  { agentSocket }: CtlWorld,
  timeoutMs: number,
  work: (agent: Client) => Promise<T>,
): Promise<T> {
  const client = new Client({ socketPath: agentSocket, console: rootConsole, timeoutMs });
  try {
    return await work(client);
  } catch (error) {
    if (!(error instanceof NodeError)) throw error;
    if (error.code === "AGENT.DENIED")
      throw new NodeError("CTL.NOT_ROOT", "Only root may do this.", { remedy: "Run it with sudo.", cause: error });
    if (error.code === "AGENT.ABSENT")
      throw new NodeError(error.code, error.message, { remedy: "See: systemctl status binnacle-agent", cause: error });
    throw error;
  } finally {
    client.close();
  }
}

/** `diagnose`: what is wrong first. Gives whether nothing has failed. */
export async function diagnose(world: CtlWorld): Promise<CtlExit> {
  const { findings } = await withAgent(world, diagnoseMs, (agent) => agent.call("diagnose", {}));
  const words = await loadDiagnosisTexts("en");
  const order = ["failed", "warning", "unable", "passed"] as const;
  const sorted = order.flatMap((outcome) => findings.filter((finding) => finding.outcome === outcome));
  for (const finding of sorted) for (const line of findingLines(words, finding)) world.voice.say(line);
  const count = (outcome: Finding["outcome"]) => findings.filter((finding) => finding.outcome === outcome).length;
  world.voice.say(
    `${count("failed")} failed, ${count("warning")} warnings, ${count("passed")} passed, ${count("unable")} could not run`,
  );
  return count("failed") === 0 ? ctlExit.done : ctlExit.failed;
}

const marks = { failed: "FAILED", warning: "WARNING", unable: "NOT RUN", passed: "passed" } as const;

function findingLines(words: Awaited<ReturnType<typeof loadDiagnosisTexts>>, finding: Finding): string[] {
  const { code, outcome, values, unable, id } = finding;
  const part = (name: string) => words(`diagnosis.${code}.${name}`, values);
  const lines = [`${marks[outcome].padEnd(8)} ${part("what") ?? id}`];
  if (outcome === "passed") return lines;
  if (unable !== null && unable.detail !== "") lines.push(`         ${unable.detail}`);
  for (const text of [part("why"), part("remedy")])
    if (text !== undefined && text !== "") lines.push(`         ${text}`);
  return lines;
}

/** `collect_log`. @throws UsageError, COLLECT.…, CTL.JOB_ENDED */
export async function collectLogs(world: CtlWorld, given: string | undefined): Promise<void> {
  const range = logRanges.find((each) => each === (given ?? "day"));
  if (range === undefined) throw new UsageError(`--range is ${logRanges.join(", ")}, not ${shown(given ?? "")}.`);
  await withAgent(world, 30_000, (agent) => collect(world, agent, range));
  const others = await otherNodes(world);
  if (others === undefined) world.voice.say("The manager does not answer: whether there are other nodes is not known.");
  else if (others.length > 0)
    world.voice.warn(
      `Left out, for logs are not fetched from other nodes yet: ${listed(others, 50)}. Collect them there.`,
    );
}

async function collect({ voice }: CtlWorld, agent: Client, range: LogRange): Promise<void> {
  const started = await agent.call("startCollecting", { body: { range } });
  let [job, next]: [Job, number] = [started, 0];
  for (;;) {
    job = await agent.call("job", { params: { id: started.id } });
    const { first, lines } = await agent.call("jobLog", { params: { id: started.id }, query: { from: next } });
    for (const line of lines) voice.say(line);
    next = Math.max(next, first + lines.length);
    if (job.state !== "running" && next >= job.lines) break;
    await pause(pollMs);
  }
  if (job.state !== "done")
    throw new NodeError(job.error?.code ?? "CTL.JOB_ENDED", job.error?.description ?? `The job was ${job.state}.`);
  const { folder, archives } = await agent.call("logCollections", {});
  const [newest] = archives;
  if (newest !== undefined) voice.say(`Archive: ${folder}/${newest.name}.tar.gz, and the folder beside it`);
}

/** Names of hosts that are not this node; undefined when nobody knows. */
async function otherNodes({ door, addresses }: CtlWorld): Promise<string[] | undefined> {
  try {
    const { inventories } = await askManager("QueryHost", { limit: 1000, fields: ["name", "managementIp"] }, door);
    const own = new Set(addresses());
    return inventories.filter((host) => !own.has(String(host["managementIp"]))).map((host) => String(host["name"]));
  } catch {
    return undefined;
  }
}

import { Client } from "../../core/api/client.ts";
import { rootConsole } from "../../core/api/contract.ts";
import { NodeError } from "../../core/model/error.ts";
import type { Finding } from "../../core/model/records.ts";
import { loadDiagnosisTexts } from "../../tui/i18n/catalogue.ts";
import { type CtlExit, ctlExit } from "./command.ts";
import type { CtlWorld } from "./world.ts";

/* What this node's agent does for zstack-ctl. */

/** All checks together, some of which wait for what does not answer. */
const diagnoseMs = 5 * 60_000;

/** Asks this node's agent. @throws CTL.NOT_ROOT, AGENT.…, and what `work` throws */
export async function withAgent<T>(
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

/** The console proxy, where somebody has set it to the manager's former address, gets the new one. */
export async function moveConsoleProxy(world: CtlWorld, former: string, ip: string): Promise<void> {
  try {
    await withAgent(world, 30_000, async (agent) => {
      const { isSet, address } = await agent.call("consoleProxy", {});
      if (!isSet || address === ip) return;
      if (address === former) {
        await agent.call("setConsoleProxy", { body: { address: ip, port: "" } });
        world.voice.say(`Console proxy: ${former} -> ${ip}`);
      } else world.voice.say(`The console proxy stays at ${address ?? "-"}: F2, Configure Console Proxy changes it.`);
    });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    world.voice.warn(`Whether the console proxy has the former address is not known: ${why}`);
  }
}

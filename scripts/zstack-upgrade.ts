import { realpath } from "node:fs/promises";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { Client } from "../core/api/client.ts";
import { rootConsole } from "../core/api/contract.ts";
import { NodeError } from "../core/model/error.ts";
import { type Job, powerPhrase } from "../core/model/records.ts";
import { type UpgradeStatus, upgradeJob } from "../core/model/upgrade.ts";

/** 0: it was done. 1: it failed, or this command did not see its end. 2: wrong usage. */
const exitCodes = { done: 0, failed: 1, usage: 2 } as const;
type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

const usage = `usage: zstack-upgrade FILE.iso [--reboot] [--json]   adds the image's system beside the running one
       zstack-upgrade FILE.iso -r [--json]           only keeps the image, for the upgrade of other nodes
       zstack-upgrade --watch [--json]               shows the upgrade that runs, or the last one
       zstack-upgrade --status [--json]              shows the installed versions
       zstack-upgrade --cancel [--json]              gives up an upgrade that waits for the next reboot

The new system is started by the next reboot, and the former one again if its role check fails.
`;

const pollMs = 300;
/** The agent may be started anew while its job is watched. */
const patienceMs = 30_000;

async function main(): Promise<ExitCode> {
  const { values, positionals } = readArguments();
  if (values.help === true) {
    process.stdout.write(usage);
    return exitCodes.done;
  }
  const client = new Client({ socketPath: values.socket, console: rootConsole });
  try {
    if (values.status === true) return showStatus(await client.call("upgradeStatus", {}), values.json);
    if (values.cancel === true) return showStatus(await client.call("cancelUpgrade", {}), values.json);
    if (values.watch === true) return await watch(client, await lastUpgrade(client), values.json);
    const target = values.repository === true ? "repository" : "system";
    const file = await fullPath(positionals[0] ?? "");
    const job = await client.call("startUpgrade", { body: { file, target } });
    const code = await watch(client, job, values.json);
    if (code !== exitCodes.done || values.reboot !== true) return code;
    await client.call("power", { body: { action: "reboot", phrase: powerPhrase.reboot } });
    if (!values.json) process.stdout.write("The node restarts now.\n");
    return exitCodes.done;
  } catch (error) {
    throw forRoot(error);
  } finally {
    client.close();
  }
}

/** The agent has a working folder of its own; and a link may lead through folders that only this one sees. */
async function fullPath(file: string): Promise<string> {
  const path = resolve(file);
  return realpath(path).catch(() => path);
}

async function lastUpgrade(client: Client): Promise<Job> {
  const job = (await client.call("jobs", {})).find(({ kind }) => kind === upgradeJob);
  if (job !== undefined) return job;
  throw new NodeError("UPGRADE.NONE", "No upgrade runs, and none is in the list of jobs.");
}

/** Shows a job until it ends. Ctrl-C ends only this command. */
async function watch(client: Client, started: Job, isJson: boolean): Promise<ExitCode> {
  const lines = new Lines(isJson);
  const leave = () => {
    lines.end();
    process.stderr.write("The upgrade goes on. Watch it with: zstack-upgrade --watch, or on the console: F2, Jobs.\n");
    process.exit(exitCodes.failed);
  };
  process.once("SIGINT", leave);
  try {
    let [job, next, lastHeard] = [started, 0, performance.now()];
    for (;;) {
      try {
        job = await client.call("job", { params: { id: started.id } });
        const log = await client.call("jobLog", { params: { id: started.id }, query: { from: next } });
        for (const line of log.lines) lines.say(line);
        next = Math.max(next, log.first + log.lines.length);
        lastHeard = performance.now();
      } catch (error) {
        if (!isPassing(error) || performance.now() - lastHeard > patienceMs) throw error;
      }
      // What it said last may have come between the two answers.
      if (job.state !== "running" && next >= job.lines) break;
      lines.progress(job.progress);
      await new Promise((done) => setTimeout(done, pollMs));
    }
    lines.end();
    if (isJson) print({ job, log: lines.said });
    else if (job.state !== "done")
      process.stderr.write(`zstack-upgrade: ${endings[job.state] ?? job.state}${reasonOf(job)}\n`);
    return job.state === "done" ? exitCodes.done : exitCodes.failed;
  } finally {
    process.off("SIGINT", leave);
  }
}

const endings: Partial<Record<Job["state"], string>> = {
  failed: "it failed",
  cancelled: "it was stopped",
  interrupted: "it was cut off, because the agent ended; start it again",
};

function reasonOf({ error }: Job): string {
  return error === null ? "" : ` (${error.code})`;
}

/** The agent is about to be there again. */
function isPassing(error: unknown): boolean {
  return (
    error instanceof NodeError && ["AGENT.ABSENT", "AGENT.LOST", "AGENT.TIMEOUT", "AGENT.ENDING"].includes(error.code)
  );
}

/** The lines of a job's log, and on a terminal its progress below them. */
class Lines {
  readonly said: string[] = [];
  readonly #isSilent: boolean;
  #shown = "";

  constructor(isSilent: boolean) {
    this.#isSilent = isSilent;
  }

  say(line: string): void {
    this.said.push(line);
    if (this.#isSilent) return;
    this.end();
    process.stdout.write(`${line}\n`);
  }

  progress(share: number | null): void {
    if (this.#isSilent || share === null || !process.stdout.isTTY) return;
    const text = `${Math.floor(share * 100)} %`;
    if (text === this.#shown) return;
    process.stdout.write(`\r${text.padEnd(this.#shown.length)}`);
    this.#shown = text;
  }

  /** Takes the progress away. */
  end(): void {
    if (this.#shown === "") return;
    process.stdout.write(`\r${" ".repeat(this.#shown.length)}\r`);
    this.#shown = "";
  }
}

function showStatus(status: UpgradeStatus, isJson: boolean): ExitCode {
  if (isJson) print(status);
  else process.stdout.write(statusText(status));
  return exitCodes.done;
}

function statusText(status: UpgradeStatus): string {
  const lines = status.imageBased ? [] : ["This machine was not started from an installed Binnacle system."];
  for (const { version } of status.installed) {
    const { trial } = status;
    const words = [
      ...(version === status.running ? ["running"] : []),
      ...(version === status.default ? ["default"] : []),
      ...(version === trial?.version ? [trial.isRunning ? "on trial" : "starts at the next reboot, on trial"] : []),
      ...(version === status.failed ? ["its trial failed"] : []),
    ];
    lines.push(words.length === 0 ? version : `${version}  ${words.join(", ")}`);
  }
  if (status.repository.length > 0) lines.push("Repository:", ...status.repository.map(({ file }) => `  ${file}`));
  return `${lines.join("\n")}\n`;
}

function readArguments() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        repository: { type: "boolean", short: "r" },
        reboot: { type: "boolean" },
        watch: { type: "boolean" },
        status: { type: "boolean" },
        cancel: { type: "boolean" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h" },
        socket: { type: "string", default: "/run/binnacle/root.sock" },
      },
    });
    if (values.help !== true) requireSense(values, positionals);
    return { values, positionals };
  } catch (error) {
    // parseArgs may add an advice of several lines.
    const [sentence] = (error instanceof Error ? error.message : String(error)).split("\n");
    throw new NodeError("UPGRADE.USAGE", sentence ?? "", { remedy: "See: zstack-upgrade --help" });
  }
}

type Flags = Partial<Record<"repository" | "reboot" | "watch" | "status" | "cancel", boolean>>;

function requireSense({ repository, reboot, watch: isWatch, status, cancel }: Flags, files: readonly string[]): void {
  const only = [isWatch, status, cancel].filter((flag) => flag === true).length;
  if (only > 0 && (only > 1 || files.length > 0 || repository === true || reboot === true))
    throw new Error("--watch, --status and --cancel stand alone.");
  if (only === 0 && files.length !== 1) throw new Error("Give one image, FILE.iso.");
  if (repository === true && reboot === true) throw new Error("-r starts nothing: --reboot has no place there.");
}

function forRoot(error: unknown): unknown {
  if (!(error instanceof NodeError) || error.code !== "AGENT.DENIED") return error;
  return new NodeError("UPGRADE.NOT_ROOT", "Only root may upgrade this node.", { remedy: "Run it with sudo." });
}

function print(value: object): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

try {
  process.exitCode = await main();
} catch (error) {
  const known = error instanceof NodeError ? error : undefined;
  if (process.argv.includes("--json") && known !== undefined) print(known.toBody());
  const sentence = error instanceof Error ? error.message : String(error);
  process.stderr.write(`zstack-upgrade: ${[sentence, known?.remedy ?? ""].join(" ").trim()}\n`);
  process.exitCode = known?.code === "UPGRADE.USAGE" ? exitCodes.usage : exitCodes.failed;
}

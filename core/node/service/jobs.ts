import { NodeError } from "../../model/error.ts";
import type { JobContext, Jobs } from "../jobs.ts";
import { refused } from "./units.ts";

/* What the jobs have in common that concern the service: one at a time. */

const kindPrefix = "service.";

export function serviceJobKind(what: string): string {
  return `${kindPrefix}${what}`;
}

/** The kind of the service's job that runs; undefined when none does. */
export function runningServiceJob(jobs: Jobs): string | undefined {
  return jobs.list().find(({ kind, state }) => state === "running" && kind.startsWith(kindPrefix))?.kind;
}

/** @throws SERVICE.BUSY */
export function requireNoOther(jobs: Jobs): void {
  const running = runningServiceJob(jobs);
  if (running !== undefined) throw refused(busyWith(running));
}

/** Why nothing else can be begun while a job of the service runs. */
export function busyWith(job: string) {
  const description = "Another job of the ZStack service runs.";
  return { code: "SERVICE.BUSY", description, remedy: "Wait until it ends: F2, Jobs.", values: { job } };
}

/** The list of jobs has a sentence for what went wrong; the log has the remedy as well. */
export async function telling({ log, signal }: JobContext, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (signal.aborted) log("The agent ended: what systemd has begun goes on. Look at the services.");
    else if (error instanceof NodeError) log(`${error.code}: ${error.message}\n${error.remedy ?? ""}`.trim());
    throw error;
  }
}

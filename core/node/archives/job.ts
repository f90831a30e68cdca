import { NodeError } from "../../model/error.ts";
import type { Job } from "../../model/records.ts";
import type { Audit } from "../audit.ts";
import type { JobContext, Jobs } from "../jobs.ts";
import type { ArchiveWorld } from "./world.ts";

export type ArchiveTools = {
  jobs: Jobs;
  audit: Audit;
  world: ArchiveWorld;
  /** What is done with the archive when it is there, such as serving it; `inUse`: the archive that must stay. */
  serve: (name: string, console: string, log: (text: string) => void) => Promise<void>;
  inUse: () => string | undefined;
};

type Making<Made> = {
  kind: string;
  /** Of what; it is in the list of jobs and in the audit. */
  subject: string;
  console: string;
  make: (context: JobContext) => Promise<Made>;
  /** What the audit says of it. */
  told: (made: Made) => { after: string; detail: string };
};

/** @throws NodeError `code` while a job of the kind is under way */
export function requireNoOther(jobs: Jobs, wanted: string, code: string, description: string): void {
  const other = jobs.list().find(({ kind, state }) => kind === wanted && state === "running");
  if (other === undefined) return;
  throw new NodeError(code, description, {
    remedy: "Wait until it ends, or stop it: F2, Jobs.",
    values: { job: other.id },
  });
}

/**
 * Starts the job that makes an archive and then hands it out; why it fails is in its log and in the audit.
 *
 * @throws those of `Jobs.start`
 */
export function startArchiveJob<Made extends { name: string }>(tools: ArchiveTools, making: Making<Made>): Job {
  const { kind, subject, console, make, told } = making;
  return tools.jobs.start({ kind, subject, console, cancellable: true }, async (context) => {
    try {
      const asked = { console, action: kind, detail: subject };
      const { name } = await tools.audit.audited(asked, () => make(context), told);
      await tools.serve(name, console, context.log);
    } catch (error) {
      if (context.signal.aborted) context.log("Called off. Nothing was kept.");
      else if (error instanceof NodeError) context.log(`${error.code}: ${error.message}\n${error.remedy ?? ""}`.trim());
      throw error;
    }
  });
}

import type { Job } from "../../core/model/records.ts";
import type { Translate } from "../i18n/catalogue.ts";
import type { Style } from "../terminal/canvas.ts";

export const jobStyle: Record<Job["state"], Style> = {
  running: "strong",
  done: "good",
  failed: "bad",
  cancelled: "warn",
  interrupted: "warn",
};

/** Whether `c` means anything for this job now. */
export function canCancel(job: Job | undefined): boolean {
  return job?.state === "running" && job.cancellable;
}

/** What a kind of job is called; its own name where the catalogue has none. */
export function jobName(t: Translate, job: Job): string {
  return t.find(`jobs.kind.${job.kind}`) ?? job.kind;
}

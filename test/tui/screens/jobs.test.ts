import assert from "node:assert/strict";
import { test } from "node:test";
import type { Job } from "../../../core/model/records.ts";
import { jobLogScreen } from "../../../tui/screens/job-log.ts";
import { jobsScreen } from "../../../tui/screens/jobs.ts";
import { press } from "../widgets/support.ts";
import { bed, recordedFacts } from "./support.ts";

function jobOf(change: Partial<Job>): Job {
  return {
    id: "1",
    kind: "ping",
    subject: "192.0.2.1",
    console: "tty1",
    state: "running",
    startedAt: 0,
    endedAt: null,
    progress: null,
    cancellable: true,
    error: null,
    lines: 0,
    ...change,
  };
}

const cases: readonly (readonly [name: string, job: Job, cancels: boolean])[] = [
  ["running", jobOf({}), true],
  ["running and not to be cancelled", jobOf({ cancellable: false }), false],
  ["done", jobOf({ state: "done", endedAt: 1 }), false],
];

for (const [name, job, cancels] of cases) {
  test(`the list offers to cancel the selected job and asks only when it can be: ${name}`, async () => {
    const { control, lines, opened } = await bed({ ...(await recordedFacts("laptop-vm")), state: { jobs: [job] } });
    const screen = jobsScreen(control);
    assert.equal(/c Cancel/.test(lines(screen).at(-1) ?? ""), cancels);
    press(screen, "c");
    assert.equal(opened.length, cancels ? 1 : 0);
  });

  test(`the log of a job offers to cancel it only when it can be: ${name}`, async () => {
    const { control, lines } = await bed({ ...(await recordedFacts("laptop-vm")), state: { jobs: [job] } });
    const calls: unknown[] = [];
    const screen = jobLogScreen({ ...control, attempt: async () => void calls.push(1) }, job.id);
    assert.equal(/c Cancel/.test(lines(screen).at(-1) ?? ""), cancels);
    press(screen, "c");
    assert.equal(calls.length, cancels ? 1 : 0);
  });

  test(`the log of a job follows while the job runs: ${name}`, async () => {
    const { control, lines } = await bed({ ...(await recordedFacts("laptop-vm")), state: { jobs: [job] } });
    const shown = lines(jobLogScreen(control, job.id)).join("\n");
    assert.equal(shown.includes("Following"), job.state === "running");
  });
}

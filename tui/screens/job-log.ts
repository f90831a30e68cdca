import { JobFollower } from "../job-follower.ts";
import { drawProgress } from "../widgets/progress.ts";
import { TextView } from "../widgets/text.ts";
import { jobName, jobStyle } from "./job-words.ts";
import type { Control, Screen } from "./screen.ts";

/** One job: how far it is, and its log as it grows. */
export function jobLogScreen(control: Control, id: string): Screen {
  const text = new TextView({ follow: true });
  let follower: JobFollower | undefined;
  return {
    title: "jobs.title",
    help: "help.jobs",
    hints: () => [["c", "hint.cancel"]],
    typing: () => text.typing,
    enter() {
      text.clear();
      follower = new JobFollower(control, id, (lines) => text.append(lines.map((line) => ({ text: line }))));
      follower.changed();
    },
    leave: () => follower?.close(),
    changed: () => follower?.changed(),
    draw(canvas, { t, state, now }) {
      const job = state.jobs.find((j) => j.id === id);
      if (job === undefined) {
        canvas.text(2, 1, t("missing.pending"), "dim");
        return;
      }
      const x = canvas.text(2, 1, `${jobName(t, job)} ${job.subject}`, "strong");
      canvas.text(x + 3, 1, t(`job.state.${job.state}`), jobStyle[job.state]);
      drawProgress(canvas.part(2, 2, canvas.width - 4, 1), { ...job, share: job.progress }, now);
      if (job.error !== null) canvas.text(2, 3, t.find(`error.${job.error.code}`) ?? job.error.description, "bad");
      text.draw(canvas.part(2, 5, canvas.width - 4, canvas.height - 6), t);
    },
    key(key) {
      if (!text.typing && key.name === "char" && key.text === "c") {
        void control.attempt(() => control.client.call("cancelJob", { params: { id } }));
        return true;
      }
      return text.key(key);
    },
  };
}

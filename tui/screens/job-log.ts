import { JobFollower } from "../job-follower.ts";
import { drawProgress } from "../widgets/progress.ts";
import { TextView } from "../widgets/text.ts";
import { canCancel, jobName, jobStyle } from "./job-words.ts";
import type { Control, Screen } from "./screen.ts";

/** One job: how far it is, and its log as it grows. */
export function jobLogScreen(control: Control, id: string): Screen {
  const job = () => control.view().state.jobs.find((one) => one.id === id);
  const text = new TextView({ follow: true, growing: () => job()?.state === "running" });
  let follower: JobFollower | undefined;
  return {
    title: "jobs.title",
    help: "help.jobs",
    hints: () => (canCancel(job()) ? [["c", "hint.cancel"]] : []),
    typing: () => text.typing,
    enter() {
      text.clear();
      follower = new JobFollower(control, id, (lines) => text.append(lines.map((line) => ({ text: line }))));
      follower.changed();
    },
    leave: () => follower?.close(),
    changed: () => follower?.changed(),
    draw(canvas, { t, now }) {
      const current = job();
      if (current === undefined) {
        canvas.text(2, 1, t("missing.pending"), "dim");
        return;
      }
      const x = canvas.text(2, 1, `${jobName(t, current)} ${current.subject}`, "strong");
      canvas.text(x + 3, 1, t(`job.state.${current.state}`), jobStyle[current.state]);
      drawProgress(canvas.part(2, 2, canvas.width - 4, 1), { ...current, share: current.progress }, now);
      if (current.error !== null)
        canvas.text(2, 3, t.find(`error.${current.error.code}`) ?? current.error.description, "bad");
      text.draw(canvas.part(2, 5, canvas.width - 4, canvas.height - 6), t);
    },
    key(key) {
      if (!text.typing && key.name === "char" && key.text === "c" && canCancel(job())) {
        void control.attempt(() => control.client.call("cancelJob", { params: { id } }));
        return true;
      }
      return text.key(key);
    },
  };
}

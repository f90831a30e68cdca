import type { ArchiveKind } from "../../core/model/archives.ts";
import type { MessageKey } from "../i18n/catalogue.ts";
import { JobFollower } from "../job-follower.ts";
import { drawProgress } from "../widgets/progress.ts";
import { TextView } from "../widgets/text.ts";
import { confirmScreen } from "./confirm.ts";
import { canCancel, jobStyle } from "./job-words.ts";
import type { Control, Screen } from "./screen.ts";
import { servingScreen } from "./serving.ts";

/** An archive that is being made: how far it is, its log, and its address as soon as it has one. */
export function archiveJobScreen(
  control: Control,
  id: string,
  { kind, title, help }: { kind: ArchiveKind; title: MessageKey; help: MessageKey },
): Screen {
  const t = () => control.view().t;
  const job = () => control.view().state.jobs.find((one) => one.id === id);
  const text = new TextView({ follow: true, growing: () => job()?.state === "running", find: "none" });
  let follower: JobFollower | undefined;
  let shown = false;
  let here = false;

  /** Once by itself; later with Enter. */
  async function showAddress(): Promise<void> {
    const isAsked = shown;
    shown = true;
    const answer = await control.attempt(() => control.client.call("serving", {}));
    const serving = answer?.serving;
    if (!here) return;
    if (serving?.kind === kind) control.replace(screen, servingScreen(control, serving));
    else if (isAsked && answer !== undefined) control.notify(t()("serving.ended"), "warn");
  }

  function changed(): void {
    follower?.changed();
    if (job()?.state === "done" && !shown) void showAddress();
  }

  const screen: Screen = {
    title,
    help,
    hints: () => (canCancel(job()) ? [["c", "hint.stop"]] : job()?.state === "done" ? [["Enter", "hint.open"]] : []),
    enter() {
      here = true;
      text.clear();
      follower = new JobFollower(control, id, (lines) => text.append(lines.map((line) => ({ text: line }))));
      changed();
    },
    leave() {
      here = false;
      follower?.close();
    },
    changed,
    draw(canvas, view) {
      const current = job();
      if (current === undefined) {
        canvas.text(2, 1, view.t("missing.pending"), "dim");
        return;
      }
      const { state, error } = current;
      const x = canvas.text(2, 1, view.t(title), "strong");
      canvas.text(x + 3, 1, view.t(`job.state.${state}`), jobStyle[state]);
      drawProgress(canvas.part(2, 2, canvas.width - 4, 1), { ...current, share: current.progress }, view.now);
      if (error !== null)
        canvas.text(2, 3, view.t.find(`error.${error.code}`) ?? error.description, "bad", canvas.width - 4);
      else if (state === "running") canvas.text(2, 3, view.t("archives.job.running"), "dim", canvas.width - 4);
      else if (state === "done") canvas.text(2, 3, view.t("archives.job.done"), "good", canvas.width - 4);
      text.draw(canvas.part(2, 5, canvas.width - 4, canvas.height - 6), view.t);
    },
    key(key) {
      const current = job();
      if (key.name === "char" && key.text === "c" && canCancel(current)) {
        const stop = () => void control.attempt(() => control.client.call("cancelJob", { params: { id } }));
        control.open(confirmScreen(control, screen, { message: t()("archives.job.sure"), style: "warn" }, stop));
        return true;
      }
      if (key.name === "enter" && current?.state === "done") {
        void showAddress();
        return true;
      }
      return text.key(key);
    },
  };
  return screen;
}

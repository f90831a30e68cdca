import type { Job } from "../../core/model/records.ts";
import { formatDateTime } from "../widgets/format.ts";
import { Table } from "../widgets/table.ts";
import { confirmScreen } from "./confirm.ts";
import { jobLogScreen } from "./job-log.ts";
import { canCancel, jobName, jobStyle } from "./job-words.ts";
import type { Control, Hint, Screen } from "./screen.ts";

/** Long work on this node, from every console: running first, then newest first. */
export function jobsScreen(control: Control): Screen {
  const t = () => control.view().t;
  const table = new Table<Job>({
    items: () =>
      [...control.view().state.jobs].sort(
        (a, b) => Number(b.state === "running") - Number(a.state === "running") || b.startedAt - a.startedAt,
      ),
    id: (job) => job.id,
    columns: () => [
      {
        title: t()("jobs.column.state"),
        min: 11,
        value: (job) => t()(`job.state.${job.state}`),
        style: (job) => jobStyle[job.state],
      },
      { title: t()("jobs.column.kind"), min: 6, value: (job) => jobName(t(), job) },
      { title: t()("jobs.column.subject"), min: 12, grow: true, value: (job) => job.subject },
      { title: t()("jobs.column.console"), min: 8, value: (job) => job.console },
      {
        title: t()("jobs.column.started"),
        min: 19,
        value: (job) => formatDateTime(job.startedAt),
      },
    ],
    empty: () => t()("jobs.none"),
    onOpen: (job) => control.open(jobLogScreen(control, job.id)),
  });
  const screen: Screen = {
    title: "jobs.title",
    help: "help.jobs",
    hints: () => {
      const cancel: Hint[] = canCancel(table.selected) ? [["c", "hint.cancel"]] : [];
      return [["Enter", "hint.log"], ...cancel, ["/", "hint.filter"]];
    },
    typing: () => table.typing,
    draw: (canvas, view) => table.draw(canvas.part(2, 1, canvas.width - 4, canvas.height - 2), view.t),
    key(key) {
      const job = table.selected;
      if (!table.typing && key.name === "char" && key.text === "c" && job !== undefined && canCancel(job)) {
        const cancel = () => control.attempt(() => control.client.call("cancelJob", { params: { id: job.id } }));
        control.open(confirmScreen(control, screen, { message: t()("jobs.sure"), style: "warn" }, () => void cancel()));
        return true;
      }
      return table.key(key);
    },
  };
  return screen;
}

import { historyStepMs } from "../../core/model/history.ts";
import { valueOf } from "../../core/model/reading.ts";
import { coresHeight, drawCores } from "../widgets/cores.ts";
import { formatDuration, formatPercent } from "../widgets/format.ts";
import { graphHeight, HistoryView } from "./history-view.ts";
import { TopProcesses } from "./processes.ts";
import type { Control, Screen } from "./screen.ts";
import { reasonOf } from "./words.ts";

/** How busy each core is, how busy the machine was, and who uses most. */
export function cpuScreen(control: Control): Screen {
  const processes = new TopProcesses(control, "cpu");
  const history = new HistoryView(control);
  return {
    title: "cpu.title",
    help: "help.cpu",
    enter() {
      processes.start();
      history.load();
    },
    leave: () => processes.stop(),
    draw(canvas, view) {
      const { t, state } = view;
      const reading = state.facts.cpu;
      if (reading === undefined || reading.state === "missing") {
        const reason = reading === undefined ? t("missing.pending") : reasonOf(t, reading.why);
        canvas.text(2, 1, `-  ${reason}`, "dim");
      } else {
        const { cores, iowait, model, steal, usage } = reading.value;
        canvas.text(2, 0, model, "strong", canvas.width - 4);
        const figures = t("cpu.figures", {
          cores: cores.length,
          usage: formatPercent(usage),
          iowait: formatPercent(iowait),
          steal: formatPercent(steal),
        });
        canvas.text(2, 1, figures, reading.state === "stale" ? "warn" : "text", canvas.width - 4);
      }
      const cores = valueOf(reading)?.cores ?? [];
      const coreRows = coresHeight(cores.length, canvas.width - 4, Math.max(Math.floor(canvas.height / 5), 3));
      drawCores(canvas.part(2, 3, canvas.width - 4, coreRows), cores, t);

      const y = 4 + coreRows;
      const graphRows = graphHeight(canvas.height - y);
      const values = state.histories.cpu.values;
      const span = formatDuration((Math.min(values.length, canvas.width - 4) * historyStepMs) / 1000);
      canvas.text(2, y, t("history.last", { duration: span }), "heading");
      history.draw(canvas.part(2, y + 1, canvas.width - 4, graphRows), values, t("cpu.title"));
      canvas.text(2, y + 2 + graphRows, t("cpu.top"), "heading");
      processes.draw(canvas.part(2, y + 3 + graphRows, canvas.width - 4, canvas.height - y - graphRows - 4), view);
    },
    key: () => false,
  };
}

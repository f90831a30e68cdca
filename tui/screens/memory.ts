import { historyStepMs } from "../../core/model/history.ts";
import type { MessageKey } from "../i18n/catalogue.ts";
import { drawBar } from "../widgets/bar.ts";
import { formatBytes, formatDuration, formatPercent } from "../widgets/format.ts";
import { graphHeight, HistoryView } from "./history-view.ts";
import { TopProcesses } from "./processes.ts";
import type { Control, Screen } from "./screen.ts";
import { reasonOf } from "./words.ts";

const barWidth = 30;

/** What the memory is used for, how that was, and who uses most. */
export function memoryScreen(control: Control): Screen {
  const processes = new TopProcesses(control, "memory");
  const history = new HistoryView(control);
  return {
    title: "memory.title",
    help: "help.memory",
    enter() {
      processes.start();
      history.load();
    },
    leave: () => processes.stop(),
    draw(canvas, view) {
      const { t, state } = view;
      const reading = state.facts.memory;
      if (reading === undefined || reading.state === "missing") {
        const reason = reading === undefined ? t("missing.pending") : reasonOf(t, reading.why);
        canvas.text(2, 1, `-  ${reason}`, "dim");
      } else {
        const m = reading.value;
        const rows: [MessageKey, number, number][] = [
          ["memory.used", m.usedBytes, m.totalBytes],
          ["memory.available", m.availableBytes, m.totalBytes],
          ["memory.cached", m.cachedBytes, m.totalBytes],
          ["memory.swap", m.swapUsedBytes, m.swapTotalBytes],
        ];
        rows.forEach(([label, bytes, total], i) => {
          canvas.text(2, i, t(label));
          canvas.textRight(24, i, formatBytes(bytes));
          const share = total > 0 ? bytes / total : null;
          drawBar(canvas.part(26, i, barWidth, 1), share);
          const of = t("memory.ofTotal", { share: formatPercent(share), total: formatBytes(total) });
          canvas.text(28 + barWidth, i, share === null ? t("memory.none") : of);
        });
        const waiting =
          m.pressure === null ? t("memory.noPressure") : t("memory.waiting", { share: formatPercent(m.pressure) });
        canvas.text(2, rows.length, waiting, (m.pressure ?? 0) > 0.1 ? "warn" : "text");
      }
      const y = 6;
      const graphRows = graphHeight(canvas.height - y);
      const values = state.histories.memory.values;
      const span = formatDuration((Math.min(values.length, canvas.width - 4) * historyStepMs) / 1000);
      canvas.text(2, y, t("history.last", { duration: span }), "heading");
      history.draw(canvas.part(2, y + 1, canvas.width - 4, graphRows), values, t("memory.title"));
      canvas.text(2, y + 2 + graphRows, t("memory.top"), "heading");
      processes.draw(canvas.part(2, y + 3 + graphRows, canvas.width - 4, canvas.height - y - graphRows - 4), view);
    },
    key: () => false,
  };
}

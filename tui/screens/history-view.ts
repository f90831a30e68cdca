import type { Canvas } from "../terminal/canvas.ts";
import type { DrawLineChart } from "../terminal/chart.ts";
import { drawGraph } from "../widgets/graph.ts";
import type { Control } from "./screen.ts";

/** A history as a line chart where the console can show one, else as a graph of blocks or ASCII. */
export class HistoryView {
  readonly #control: Control;
  #chart: DrawLineChart | undefined;

  constructor(control: Control) {
    this.#control = control;
  }

  /** Fetches the chart's code, which only rich consoles need. */
  load(): void {
    if (!this.#control.canChart() || this.#chart !== undefined) return;
    void this.#control.attempt(async () => {
      const { loadLineChart } = await import("../terminal/chart.ts");
      this.#chart = await loadLineChart();
      this.#control.redraw();
    });
  }

  draw(canvas: Canvas, values: readonly (number | null)[], title: string): void {
    if (this.#chart === undefined || !this.#control.canChart() || canvas.height < 6) {
      drawGraph(canvas, values);
      return;
    }
    const shown = values.slice(-canvas.width * 2).map((share) => (share === null ? null : share * 100));
    this.#chart(canvas, [{ title, values: shown }], { min: 0, max: 100, labels: [] });
  }
}

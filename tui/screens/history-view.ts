import type { Canvas } from "../terminal/canvas.ts";
import type { DrawLineChart } from "../terminal/chart.ts";
import { drawGraph } from "../widgets/graph.ts";
import type { Control } from "./screen.ts";

/** Lines that a line chart needs at least to be read. */
const chartHeight = 6;

/** How many of the lines left over a graph takes, when a heading and a table of processes share them with it. */
export function graphHeight(room: number): number {
  return Math.max(Math.min(chartHeight, room - 8), Math.floor(room / 3), 3);
}

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
    if (this.#chart === undefined || !this.#control.canChart() || canvas.height < chartHeight) {
      drawGraph(canvas, values);
      return;
    }
    const shown = values.slice(-canvas.width * 2).map((share) => (share === null ? null : share * 100));
    this.#chart(canvas, [{ title, values: shown }], { min: 0, max: 100, labels: [] });
  }
}

import type { Process } from "../../core/model/records.ts";
import type { Canvas } from "../terminal/canvas.ts";
import { formatBytes, formatPercent } from "../widgets/format.ts";
import { Table } from "../widgets/table.ts";
import type { Control, View } from "./screen.ts";

/** How often the list is asked for while it is on the screen. */
const everyMs = 3_000;

/** The processes that use most, asked for as long as somebody looks. */
export class TopProcesses {
  readonly #control: Control;
  readonly #by: "cpu" | "memory";
  readonly #table: Table<Process>;
  #processes: readonly Process[] | undefined;
  #timer: NodeJS.Timeout | undefined;
  #asking = false;

  constructor(control: Control, by: "cpu" | "memory") {
    this.#control = control;
    this.#by = by;
    const t = () => control.view().t;
    this.#table = new Table<Process>({
      items: () => this.#processes ?? [],
      id: (process) => String(process.pid),
      select: false,
      filter: false,
      columns: () => [
        { title: t()("process.pid"), min: 7, align: "right", value: (p) => String(p.pid) },
        { title: t()("process.user"), min: 10, width: 16, value: (p) => p.user },
        { title: t()("process.cpu"), min: 6, align: "right", value: (p) => formatPercent(p.cpu) },
        { title: t()("process.memory"), min: 8, align: "right", value: (p) => formatBytes(p.memoryBytes) },
        { title: t()("process.name"), min: 16, grow: true, value: (p) => p.name },
      ],
      empty: () => t()(this.#processes === undefined ? "missing.pending" : "missing.absent"),
    });
  }

  start(): void {
    this.stop();
    this.#timer = setInterval(() => void this.#ask(), everyMs);
    void this.#ask();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  draw(canvas: Canvas, { t }: View): void {
    this.#table.draw(canvas, t);
  }

  async #ask(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    const { client } = this.#control;
    const answer = await this.#control.attempt(() => client.call("processes", { query: { by: this.#by, limit: 40 } }));
    this.#asking = false;
    if (answer === undefined || this.#timer === undefined) return;
    this.#processes = answer;
    this.#control.redraw();
  }
}

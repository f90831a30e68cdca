import type { Job } from "../core/model/records.ts";
import type { Control } from "./screens/screen.ts";

/** Fetches the lines of a job's log as they come; the events say that there are more, a call brings them. */
export class JobFollower {
  readonly #control: Control;
  readonly #id: string;
  readonly #onLines: (lines: readonly string[]) => void;
  #next = 0;
  #fetching = false;
  #closed = false;

  constructor(control: Control, id: string, onLines: (lines: readonly string[]) => void) {
    this.#control = control;
    this.#id = id;
    this.#onLines = onLines;
  }

  get job(): Job | undefined {
    return this.#control.view().state.jobs.find((job) => job.id === this.#id);
  }

  /** To be called when the state has changed, and once at the start. */
  changed(): void {
    const job = this.job;
    if (this.#fetching || this.#closed || job === undefined || job.lines <= this.#next) return;
    void this.#fetch();
  }

  close(): void {
    this.#closed = true;
  }

  async #fetch(): Promise<void> {
    this.#fetching = true;
    const { client } = this.#control;
    const answer = await this.#control.attempt(() =>
      client.call("jobLog", { params: { id: this.#id }, query: { from: this.#next } }),
    );
    this.#fetching = false;
    if (answer === undefined || this.#closed) return;
    this.#next = answer.first + answer.lines.length;
    if (answer.lines.length > 0) {
      this.#onLines(answer.lines);
      this.#control.redraw();
    }
    this.changed();
  }
}

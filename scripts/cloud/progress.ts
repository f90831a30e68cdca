import { printable } from "../network/say.ts";

/** How far a task is, on a terminal alone: one line that is drawn over, and gone at the end. */
export class ProgressLine {
  #shown = "";

  show(text: string): void {
    if (process.stderr.isTTY !== true) return;
    const line = printable(text).slice(0, (process.stderr.columns ?? 80) - 1);
    if (line === this.#shown) return;
    process.stderr.write(`\r${line.padEnd(this.#shown.length)}`);
    this.#shown = line;
  }

  end(): void {
    if (this.#shown === "") return;
    process.stderr.write(`\r${" ".repeat(this.#shown.length)}\r`);
    this.#shown = "";
  }
}

/*
 * Questions at a terminal. Lines that were typed before a question stood there are thrown away: nobody has answered
 * what he has not read. The terminal stays in its own mode, so that a command that is killed leaves nothing to mend.
 */

/** Whether there is a person to ask. */
export function isInteractive(): boolean {
  return process.stdin.isTTY === true && process.stdout.isTTY === true;
}

export class Terminal {
  #rest = "";
  #hasEnded = false;
  #answer: ((line: string) => void) | undefined;
  readonly #onData = (chunk: string) => this.#read(chunk);
  readonly #onEnd = () => {
    this.#hasEnded = true;
    if (this.#answer !== undefined) process.stdout.write("\n");
    this.#answer?.("");
  };

  constructor() {
    process.stdin.setEncoding("utf8").on("data", this.#onData).on("end", this.#onEnd).on("error", this.#onEnd);
  }

  /** Prints a question; resolves to whether the answer is yes. A terminal that hangs up says no. */
  async ask(question: string): Promise<boolean> {
    process.stdout.write(`${question} `);
    if (this.#hasEnded) return false;
    this.#rest = "";
    const line = await new Promise<string>((resolve) => {
      this.#answer = resolve;
    });
    this.#answer = undefined;
    return /^\s*(y|yes)\s*$/i.test(line);
  }

  /** Puts a text of the same width in the place of the question, and leaves what was typed behind it. */
  replace(question: string): void {
    const [saveCursor, restoreCursor] = ["\x1b7", "\x1b8"];
    if (this.#answer !== undefined && process.env["TERM"] !== "dumb")
      process.stdout.write(`${saveCursor}\r${question}${restoreCursor}`);
  }

  /** Ends the line of a question that nobody has answered. */
  leave(): void {
    if (this.#answer === undefined) return;
    this.#answer = undefined;
    process.stdout.write("\n");
  }

  close(): void {
    process.stdin.off("data", this.#onData).off("end", this.#onEnd).off("error", this.#onEnd);
    process.stdin.pause();
    process.stdin.unref();
  }

  #read(chunk: string): void {
    this.#rest += chunk;
    const end = this.#rest.indexOf("\n");
    if (end === -1) return;
    const line = this.#rest.slice(0, end);
    this.#rest = "";
    this.#answer?.(line);
  }
}

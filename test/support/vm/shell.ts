/** Of a `Line`: what a shell needs. */
type ShellLine = {
  readonly raw: string;
  type(bytes: string): void;
  until(holds: (text: string, raw: string) => boolean, timeoutMs?: number): Promise<void>;
};

export type Answer = { status: number; output: string };

/** A root shell of the guest on a serial line of its own, beside the product: what is true in there. */
export class Shell {
  readonly #line: ShellLine;
  #count = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(line: ShellLine) {
    this.#line = line;
  }

  /** Waits for the shell, of a machine that has just been started or that runs already. */
  async open(timeoutMs: number): Promise<void> {
    const from = this.#line.raw.length;
    // A shell that has been waiting answers with its prompt.
    this.#line.type("\n");
    await this.#line.until((_, raw) => raw.slice(from).includes("# "), timeoutMs);
    this.#line.type("stty -echo -opost; PS1=; PS2=; export SYSTEMD_COLORS=0 SYSTEMD_PAGER=cat\n");
    await this.try("true");
  }

  /** Runs a command of the guest's shell, one after the other. */
  try(command: string, timeoutMs = 60_000): Promise<Answer> {
    const answer = this.#last.then(() => this.#run(command, timeoutMs));
    this.#last = answer.catch(() => undefined);
    return answer;
  }

  /** Its output, without blanks at the end. @throws when it ends with another status than 0 */
  async run(command: string, timeoutMs?: number): Promise<string> {
    const { status, output } = await this.try(command, timeoutMs);
    if (status !== 0) throw new Error(`the guest's ${command} ended with ${status}: ${output}`);
    return output;
  }

  async #run(command: string, timeoutMs: number): Promise<Answer> {
    this.#count += 1;
    const [begin, end] = [`<<${this.#count}:`, `:${this.#count}>>`];
    const from = this.#line.raw.length;
    // The marks are put together by printf, so that an echo of the command is not taken for its answer.
    this.#line.type(
      `printf '<%s' '<${this.#count}:'; { ${command}\n} 2>&1 </dev/null; printf ':%s:%s%s' $? '${this.#count}>' '>'\n`,
    );
    const found = (raw: string) => {
      const start = raw.indexOf(begin, from);
      const stop = start < 0 ? -1 : raw.indexOf(end, start);
      return stop < 0 ? undefined : raw.slice(start + begin.length, stop);
    };
    await this.#line.until((_, raw) => found(raw) !== undefined, timeoutMs);
    const [, output = "", status = "1"] = /^([\s\S]*):(\d+)$/.exec(found(this.#line.raw) ?? "") ?? [];
    return { status: Number(status), output: output.replace(/\r\n/g, "\n").trimEnd() };
  }
}

import { StringDecoder } from "node:string_decoder";

/** What a person gave to a question: a line, nothing (Ctrl-C), or the end of the terminal. */
export type Reply = { line: string } | "cancelled" | "ended" | "gone";

/** Longer than any password that is accepted. */
const longestLine = 4096;

/**
 * Asks questions on a terminal, line by line, without moving the cursor: what works on a teletype works everywhere. The
 * terminal is in raw mode all the time, so that no line is echoed by the kernel and Ctrl-C is a key, not a signal that
 * would also reach the launcher.
 */
export class Lines {
  readonly #input: NodeJS.ReadStream;
  readonly #output: NodeJS.WriteStream;
  readonly #utf8 = new StringDecoder("utf8");
  #waiting: ((reply: Reply) => void) | undefined;
  #typed: string[] = [];
  #secret = false;
  #sequence: "none" | "escape" | "csi" | "ss3" = "none";
  #afterReturn = false;
  #gone = false;

  constructor(input: NodeJS.ReadStream, output: NodeJS.WriteStream) {
    this.#input = input;
    this.#output = output;
  }

  open(): void {
    this.#input.setRawMode(true);
    this.#input.on("data", (bytes: Buffer) => this.#keys(this.#utf8.write(bytes)));
    this.#input.on("end", () => this.#lost());
    this.#input.on("error", () => this.#lost());
    this.#output.on("error", () => this.#lost());
    process.on("SIGHUP", () => this.#lost());
  }

  close(): void {
    this.#input.pause();
    try {
      this.#input.setRawMode(false);
    } catch {
      // The line is dead; nothing is left to be restored.
    }
  }

  /** Writes lines; what a terminal would take for a command in data that comes from elsewhere is left out. */
  print(...lines: readonly string[]): void {
    if (!this.#gone) this.#output.write(lines.map((line) => `${plain(line)}\r\n`).join(""));
  }

  /** Asks on a line of its own. A `secret` answer is not shown, not even its length. What was typed before is dropped. */
  ask(question: string, options: { secret?: boolean } = {}): Promise<Reply> {
    if (this.#gone) return Promise.resolve("gone");
    this.#output.write(`${plain(question)} `);
    this.#typed = [];
    this.#secret = options.secret ?? false;
    return new Promise((resolve) => {
      this.#waiting = (reply) => {
        this.#waiting = undefined;
        this.#typed = [];
        if (reply !== "gone") this.#output.write("\r\n");
        resolve(reply);
      };
    });
  }

  #keys(text: string): void {
    for (const character of text) if (!this.#isPartOfSequence(character)) this.#key(character);
  }

  /** Arrows, F-keys and the marks around a paste mean nothing here. A lone Esc does neither. */
  #isPartOfSequence(character: string): boolean {
    const before = this.#sequence;
    if (character === "\x1b") this.#sequence = "escape";
    else if (before === "escape") this.#sequence = character === "[" ? "csi" : character === "O" ? "ss3" : "none";
    else if (before === "csi") this.#sequence = character >= "@" && character <= "~" ? "none" : "csi";
    else this.#sequence = "none";
    return before === "csi" || before === "ss3" || this.#sequence !== "none";
  }

  #key(key: string): void {
    const isSecondHalf = key === "\n" && this.#afterReturn;
    this.#afterReturn = key === "\r";
    if (this.#waiting === undefined || isSecondHalf) return;
    if (key === "\r" || key === "\n") this.#waiting({ line: this.#typed.join("") });
    else if (key === "\x03") this.#waiting("cancelled");
    else if (key === "\x04" && this.#typed.length === 0) this.#waiting("ended");
    else if (key === "\x7f" || key === "\b") this.#erase(1);
    else if (key === "\x15") this.#erase(this.#typed.length);
    else if (key >= " " && this.#typed.length < longestLine) {
      this.#typed.push(key);
      if (!this.#secret) this.#output.write(key);
    }
  }

  #erase(count: number): void {
    const erased = this.#typed.splice(Math.max(this.#typed.length - count, 0));
    // Answers are digits and words in capital letters: one cell each.
    if (!this.#secret) this.#output.write("\b \b".repeat(erased.length));
  }

  #lost(): void {
    this.#gone = true;
    this.#waiting?.("gone");
  }
}

function plain(line: string): string {
  return line.replace(/\p{Cc}/gu, " ");
}

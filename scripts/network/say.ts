/* What the commands print: lines of text, or one JSON document. */

/** Names from the network and arguments of the command line must not move the cursor of the terminal. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `\\u{${code.toString(16)}}`;
  });
}

/** Something that was typed, for a message: one that is longer is cut. */
export function shortened(text: string): string {
  const most = 40;
  return text === "" ? "''" : text.length <= most ? text : `${text.slice(0, most)}…`;
}

export class Voice {
  readonly isJson: boolean;
  readonly #command: string;

  constructor(command: string, isJson: boolean) {
    this.#command = command;
    this.isJson = isJson;
  }

  /** A line of the answer; not with `--json`. */
  say(line: string): void {
    if (!this.isJson) process.stdout.write(`${printable(line)}\n`);
  }

  /** A line for the person, beside the answer. */
  warn(line: string): void {
    process.stderr.write(`${this.#command}: ${printable(line)}\n`);
  }

  /** The whole answer for a program; only with `--json`. */
  document(value: object): void {
    if (this.isJson) process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
  }
}

import { StringDecoder } from "node:string_decoder";

const longestBytes = 1024 * 1024;

/** Cuts what comes in into lines of at most 1 MiB; a longer one ends the reading. */
export class LineReader {
  readonly #onLine: (line: string) => void;
  readonly #onTooLong: () => void;
  readonly #decoder = new StringDecoder("utf8");
  #rest = "";
  #ended = false;

  constructor(onLine: (line: string) => void, onTooLong: () => void) {
    this.#onLine = onLine;
    this.#onTooLong = onTooLong;
  }

  add(chunk: Buffer): void {
    if (this.#ended) return;
    const lines = (this.#rest + this.#decoder.write(chunk)).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line.length > longestBytes) {
        this.#end();
        return;
      }
      if (line.trim() !== "") this.#onLine(line);
    }
    if (this.#rest.length > longestBytes) this.#end();
  }

  #end(): void {
    this.#ended = true;
    this.#rest = "";
    this.#onTooLong();
  }
}

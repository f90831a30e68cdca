import { createConnection, type Socket } from "node:net";
import xterm from "@xterm/headless";

/** How often bytes move on a slow line; a line of 9,600 baud moves 48 of them each time. */
const tickMs = 50;

/**
 * The other end of a machine's serial line: a terminal program of 80x24, and all bytes that came. With a `baud` bytes
 * move no faster than that in either direction, and the machine waits for them as it would for a real line.
 */
export class Line {
  readonly #socket: Socket;
  readonly #terminal = new xterm.Terminal({ cols: 80, rows: 24, allowProposedApi: true });
  readonly #watchers = new Set<() => void>();
  #bytesPerTick = Number.POSITIVE_INFINITY;
  #raw = "";
  #incoming = Buffer.alloc(0);
  #outgoing = Buffer.alloc(0);
  #timer: NodeJS.Timeout | undefined;

  private constructor(path: string, baud: number | undefined) {
    this.pace(baud);
    this.#socket = createConnection({
      path,
      onread: {
        // Unread bytes fill the socket: after some hundred of them the machine's line counts as busy. A stream's
        // own pause() would go on reading into a buffer.
        buffer: Buffer.alloc(65_536),
        callback: (count, buffer) => {
          const bytes = Buffer.from(buffer.subarray(0, count));
          if (this.#slow) {
            this.#incoming = Buffer.concat([this.#incoming, bytes]);
            this.#tick();
          } else this.#show(bytes);
          return !this.#slow;
        },
      },
    });
    this.#socket.on("error", () => {});
    // Answers to questions such as "where is the cursor?"; systemd asks one to learn the terminal's size.
    this.#terminal.onData((text) => this.type(text));
  }

  static async open(path: string, baud?: number): Promise<Line> {
    const line = new Line(path, baud);
    await new Promise<void>((resolve, reject) => {
      line.#socket.once("connect", resolve);
      line.#socket.once("error", reject);
    });
    return line;
  }

  /** Bytes move no faster than this from now on, or as fast as they can. */
  pace(baud: number | undefined): void {
    // A start bit, eight of data and a stop bit.
    const perTick = Math.max(1, Math.round(((baud ?? 0) / 10) * (tickMs / 1000)));
    this.#bytesPerTick = baud === undefined ? Number.POSITIVE_INFINITY : perTick;
  }

  /** The screen's lines, without blanks at their ends. */
  text(): string {
    const { active } = this.#terminal.buffer;
    const rows = Array.from({ length: this.#terminal.rows }, (_, y) => active.getLine(active.viewportY + y));
    return rows.map((row) => row?.translateToString(true) ?? "").join("\n");
  }

  /** Every byte since the start, one character each. */
  get raw(): string {
    return this.#raw;
  }

  type(bytes: string): void {
    if (!this.#slow) {
      this.#socket.write(bytes);
      return;
    }
    this.#outgoing = Buffer.concat([this.#outgoing, Buffer.from(bytes)]);
    this.#tick();
  }

  /** Waits until the screen shows something, or a function of its text and of all bytes holds. */
  until(what: string | RegExp | ((text: string, raw: string) => boolean), timeoutMs = 60_000): Promise<void> {
    const holds = () => {
      if (typeof what === "function") return what(this.text(), this.#raw);
      return typeof what === "string" ? this.text().includes(what) : what.test(this.text());
    };
    return new Promise((resolve, reject) => {
      const end = (error?: Error) => {
        clearTimeout(timer);
        this.#watchers.delete(look);
        if (error === undefined) resolve();
        else reject(error);
      };
      const look = () => {
        if (holds()) end();
      };
      const timer = setTimeout(
        () => end(new Error(`the line never showed ${String(what)}:\n${this.text()}`)),
        timeoutMs,
      );
      this.#watchers.add(look);
      look();
    });
  }

  close(): void {
    clearInterval(this.#timer);
    this.#socket.destroy();
    this.#terminal.dispose();
  }

  get #slow(): boolean {
    return Number.isFinite(this.#bytesPerTick);
  }

  #show(bytes: Buffer): void {
    this.#raw += bytes.toString("latin1");
    this.#terminal.write(bytes, () => {
      for (const watcher of this.#watchers) watcher();
    });
  }

  #tick(): void {
    this.#timer ??= setInterval(() => {
      const [shown, typed] = [this.#incoming, this.#outgoing];
      if (shown.length > 0) this.#show(shown.subarray(0, this.#bytesPerTick));
      if (typed.length > 0) this.#socket.write(typed.subarray(0, this.#bytesPerTick));
      this.#incoming = shown.subarray(this.#bytesPerTick);
      this.#outgoing = typed.subarray(this.#bytesPerTick);
      if (this.#incoming.length === 0) this.#socket.resume();
      if (this.#incoming.length + this.#outgoing.length > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    }, tickMs);
  }
}

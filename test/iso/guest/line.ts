import { createConnection, type Socket } from "node:net";
import xterm from "@xterm/headless";

/** The other end of a guest's serial line: a terminal program of 80x24, and all bytes that came. */
export class Line {
  readonly #socket: Socket;
  readonly #terminal = new xterm.Terminal({ cols: 80, rows: 24, allowProposedApi: true });
  #raw = "";
  readonly #watchers = new Set<() => void>();

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (bytes: Buffer) => {
      this.#raw += bytes.toString("latin1");
      this.#terminal.write(bytes, () => {
        for (const watcher of this.#watchers) watcher();
      });
    });
    socket.on("error", () => {});
    // Answers to questions such as "where is the cursor?"; systemd asks one to learn the terminal's size.
    this.#terminal.onData((text) => socket.write(text));
  }

  static async open(path: string): Promise<Line> {
    const socket = createConnection(path);
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
    return new Line(socket);
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
    this.#socket.write(bytes);
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
    this.#socket.destroy();
    this.#terminal.dispose();
  }
}

import { constants } from "node:os";
import { FrameBudget } from "./budget.ts";
import { Canvas, Cells } from "./canvas.ts";
import { type Capabilities, capabilitiesOf } from "./capabilities.ts";
import { Decoder } from "./decoder.ts";
import { renderFrame } from "./frame.ts";
import type { Key } from "./key.ts";
import { Output } from "./output.ts";
import type { Profile } from "./profile.ts";
import { type Size, usableSize } from "./size.ts";

/** How long `close` waits for a busy line before it cuts what is left. */
const closeWaitMs = 500;

/** What comes so soon after a character belongs to the same burst: a paste is longer than one read. */
const burstGapMs = 50;

/** Without a listener these end a process with no exit event. */
const fatalSignals = ["SIGTERM", "SIGINT", "SIGQUIT"] as const;

/** process.stdin and process.stdout, when they are terminals. */
export type TerminalStreams = {
  readonly input: NodeJS.ReadStream;
  readonly output: NodeJS.WriteStream & { fd: number };
};

export type TerminalOptions = {
  readonly profile: Profile;
  /** TERM of this console. */
  readonly term: string | undefined;
  /** Speed of a real serial line, bits a second. */
  readonly baud?: number | undefined;
  /** SIGTSTP stops the program: only where a shell waits that can continue it. Otherwise it is ignored. */
  readonly canSuspend?: boolean;
  readonly streams?: TerminalStreams;
  onKey(key: Key): void;
  /** What comes in, before it is made keys of; true when it was taken. */
  onBytes?(bytes: Uint8Array): boolean;
  /** The terminal's size has changed; what was drawn last is drawn again at the new size. */
  onResize(size: Size): void;
  /** Nobody is there any more: end of input, hang-up, a dead line. Called once. */
  onGone(reason: string): void;
};

type Phase = "new" | "open" | "gone" | "closed";

/**
 * One console: keys in, frames out. Between `open` and `close` the terminal is in raw mode on its alternate screen; a
 * process that ends in any other way than by SIGKILL leaves it usable.
 */
export class Terminal {
  readonly #options: TerminalOptions;
  readonly #input: NodeJS.ReadStream;
  readonly #outputStream: TerminalStreams["output"];
  readonly #caps: Capabilities;
  readonly #decoder = new Decoder();
  readonly #budget = new FrameBudget();
  readonly #output: Output;
  #profile: Profile;
  #phase: Phase = "new";
  #size: Size;
  #shown: Cells | null = null;
  #paint: ((canvas: Canvas) => void) | null = null;
  #dirty = false;
  /** Counts what came from the decoder: a time-out that was overtaken by more bytes is none. */
  #keyTurn = 0;
  #keyTimer: NodeJS.Timeout | null = null;
  /** When the last character came. */
  #charAt = Number.NEGATIVE_INFINITY;
  #frameTimer: NodeJS.Timeout | null = null;
  #frameSoon: NodeJS.Immediate | null = null;
  #whenIdle: (() => void) | null = null;

  constructor(options: TerminalOptions) {
    this.#options = options;
    this.#profile = options.profile;
    this.#input = options.streams?.input ?? process.stdin;
    this.#outputStream = options.streams?.output ?? process.stdout;
    this.#caps = capabilitiesOf(options.term);
    this.#size = this.#readSize();
    this.#output = new Output({
      fd: this.#outputStream.fd,
      baud: options.baud,
      onIdle: () => this.#idle(),
      onGone: (error) => this.#lost(`output: ${error.code ?? error.message}`),
    });
  }

  get size(): Size {
    return this.#size;
  }

  get profile(): Profile {
    return this.#profile;
  }

  /** Takes the terminal over. Throws when input or output isn't a terminal. */
  open(): void {
    if (this.#phase !== "new") return;
    if (!this.#input.isTTY || !this.#outputStream.isTTY)
      throw new Error("Standard input and output must be a terminal.");
    this.#phase = "open";
    this.#input.setRawMode(true);
    this.#input.on("data", this.#onData);
    this.#input.on("end", this.#onEnd);
    this.#input.on("error", this.#onError);
    this.#outputStream.on("resize", this.#onResize);
    this.#outputStream.on("error", this.#onError);
    process.on("SIGHUP", this.#onHangup);
    process.on("SIGTSTP", this.#onStop);
    process.on("SIGCONT", this.#onContinue);
    process.on("exit", this.#onExit);
    for (const signal of fatalSignals) process.on(signal, this.#onFatal);
    this.#output.write(this.#enterSequence());
  }

  /**
   * Shows what `paint` draws, from now on and until the next call: it is called again after a resize, a Ctrl-L or a
   * change of profile. At once after a key, at most four times a second otherwise; only the newest counts.
   */
  draw(paint: (canvas: Canvas) => void): void {
    this.#paint = paint;
    this.#dirty = true;
    this.#schedule();
  }

  /** Draws everything anew, for a screen that something else has written on. */
  repaint(): void {
    this.#shown = null;
    this.#dirty = true;
    this.#schedule();
  }

  setProfile(profile: Profile): void {
    if (this.#phase === "open" && profile.bracketedPaste !== this.#profile.bracketedPaste)
      this.#output.write(bracketedPaste(profile.bracketedPaste));
    this.#profile = profile;
    this.repaint();
  }

  /** Gives the terminal back as it was. Resolves when that is written, or when the line takes nothing. */
  async close(): Promise<void> {
    if (this.#phase !== "open") return this.closeNow();
    this.#phase = "closed";
    this.#stopListening();
    this.#output.write(this.#leaveSequence());
    await new Promise<void>((resolve) => {
      if (!this.#output.busy) return resolve();
      const timer = setTimeout(resolve, closeWaitMs);
      this.#whenIdle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    const taken = !this.#output.busy || this.#output.writeNow(this.#leaveSequence());
    this.#output.stop();
    if (taken) this.#restoreLine();
  }

  /** As `close`, without waiting: for a crash and the end of the process. */
  closeNow(): void {
    this.#closeNow();
  }

  /** Returns false when the line took nothing any more. */
  #closeNow(): boolean {
    if (this.#phase === "new" || this.#phase === "closed") return true;
    const alive = this.#phase === "open";
    this.#phase = "closed";
    this.#stopListening();
    const taken = alive && this.#output.writeNow(this.#leaveSequence());
    if (taken) this.#restoreLine();
    return taken;
  }

  readonly #onData = (bytes: Buffer): void => {
    const now = performance.now();
    // The rest of a key that has begun belongs to it.
    if (this.#decoder.pendingMs() === null && this.#options.onBytes?.(bytes) === true) {
      this.#budget.key(now);
      if (this.#dirty) this.#schedule();
      return;
    }
    const keys = this.#decoder.push(bytes, now);
    this.#keys(keys.length > 1 || now - this.#charAt <= burstGapMs ? keys.map(inBurst) : keys);
    if (keys.at(-1)?.name === "char") this.#charAt = now;
  };
  readonly #onEnd = (): void => this.#lost("end of input");
  readonly #onError = (error: NodeJS.ErrnoException): void => this.#lost(error.code ?? error.message);
  readonly #onHangup = (): void => this.#lost("SIGHUP");
  readonly #onFatal = (signal: NodeJS.Signals): void => {
    const taken = this.#closeNow();
    // Whoever else listens decides what happens; otherwise the signal does what it always does.
    if (process.listenerCount(signal) > 0) return;
    if (taken) process.kill(process.pid, signal);
    else process.exit(128 + constants.signals[signal]);
  };
  readonly #onExit = (): void => this.closeNow();
  readonly #onResize = (): void => {
    const size = this.#readSize();
    const changed = size.width !== this.#size.width || size.height !== this.#size.height;
    this.#size = size;
    // Even at the same size the terminal may have moved its lines meanwhile.
    this.#budget.key(performance.now());
    this.repaint();
    if (changed) this.#options.onResize(size);
  };
  readonly #onStop = (): void => {
    if (this.#options.canSuspend !== true || this.#phase !== "open") return;
    this.#input.setRawMode(false);
    this.#output.write(this.#leaveSequence());
    const stop = () => process.kill(process.pid, "SIGSTOP");
    if (this.#output.busy) this.#whenIdle = stop;
    else stop();
  };
  readonly #onContinue = (): void => {
    if (this.#phase !== "open") return;
    // It may come before the stop that it should end.
    this.#whenIdle = null;
    // The shell has set the line to its own taste; libuv skips a mode that it believes to be set.
    this.#input.setRawMode(false);
    this.#input.setRawMode(true);
    this.#output.write(this.#enterSequence());
    this.#onResize();
  };

  #keys(keys: Key[]): void {
    if (this.#keyTimer !== null) clearTimeout(this.#keyTimer);
    this.#keyTimer = null;
    this.#keyTurn++;
    if (keys.length > 0) this.#budget.key(performance.now());
    for (const key of keys) {
      if (this.#phase !== "open") return;
      if (key.name === "ctrl" && key.letter === "l") this.repaint();
      else this.#options.onKey(key);
    }
    if (this.#phase !== "open") return;
    if (keys.length > 0 && this.#dirty) this.#schedule();
    const wait = this.#decoder.pendingMs();
    if (wait === null) return;
    // What has arrived while the program was busy is read before the time-out counts: timers come first in the loop.
    const turn = this.#keyTurn;
    this.#keyTimer = setTimeout(() => setImmediate(() => this.#keyTimeout(turn)), wait);
  }

  #keyTimeout(turn: number): void {
    if (turn === this.#keyTurn && this.#phase === "open") this.#keys(this.#decoder.timeout(performance.now()));
  }

  #schedule(): void {
    if (this.#phase !== "open" || this.#frameSoon !== null) return;
    if (this.#frameTimer !== null) clearTimeout(this.#frameTimer);
    this.#frameTimer = null;
    const wait = this.#budget.waitMs(performance.now());
    if (wait > 0) this.#frameTimer = setTimeout(() => this.#frame(), wait);
    // At the end of this turn of the loop, so that all that a burst of keys changes is one frame.
    else this.#frameSoon = setImmediate(() => this.#frame());
  }

  #frame(): void {
    this.#frameTimer = null;
    this.#frameSoon = null;
    // While the line is busy nothing is drawn; when it is idle again, the newest is.
    if (this.#phase !== "open" || this.#paint === null || !this.#dirty || this.#output.busy) return;
    const cells = new Cells(this.#size.width, this.#size.height);
    this.#paint(Canvas.on(cells, this.#profile.glyphs));
    this.#dirty = false;
    const frame = renderFrame(this.#shown, cells, this.#profile, this.#caps);
    this.#shown = cells;
    this.#budget.drawn(performance.now());
    this.#output.write(frame);
  }

  #idle(): void {
    const then = this.#whenIdle;
    this.#whenIdle = null;
    if (then !== null) then();
    else if (this.#dirty) this.#schedule();
  }

  #lost(reason: string): void {
    if (this.#phase !== "open") return;
    this.#phase = "gone";
    this.#stopListening();
    this.#output.stop();
    this.#options.onGone(reason);
  }

  #stopListening(): void {
    for (const timer of [this.#keyTimer, this.#frameTimer]) if (timer !== null) clearTimeout(timer);
    if (this.#frameSoon !== null) clearImmediate(this.#frameSoon);
    this.#input.off("data", this.#onData);
    this.#input.off("end", this.#onEnd);
    this.#input.pause();
    this.#outputStream.off("resize", this.#onResize);
    process.off("SIGTSTP", this.#onStop);
    process.off("SIGCONT", this.#onContinue);
    process.off("exit", this.#onExit);
    for (const signal of fatalSignals) process.off(signal, this.#onFatal);
    // The error listeners stay: a dead line may complain once more. So does SIGHUP's while the program cleans up after
    // a hang-up.
    if (this.#phase === "closed") process.off("SIGHUP", this.#onHangup);
  }

  /**
   * Puts the line's own settings back. Not on a line that takes nothing: this waits until all output is sent. Node
   * puts them back at its exit anyway, without waiting.
   */
  #restoreLine(): void {
    try {
      this.#input.setRawMode(false);
    } catch {
      // The line is dead; nothing is left to be restored.
    }
  }

  #readSize(): Size {
    return usableSize(this.#outputStream.columns, this.#outputStream.rows);
  }

  #enterSequence(): string {
    const paste = this.#profile.bracketedPaste ? bracketedPaste(true) : "";
    return this.#caps.enterScreen + this.#caps.keypadNormal + this.#caps.hideCursor + paste;
  }

  /** Where there is no alternate screen, an empty one is left behind rather than half a dialog. */
  #leaveSequence(): string {
    const { resetStyle, wrapOn, showCursor, leaveScreen, clear } = this.#caps;
    const paste = this.#profile.bracketedPaste ? bracketedPaste(false) : "";
    return resetStyle + wrapOn + paste + showCursor + (leaveScreen === "" ? clear : leaveScreen);
  }
}

function inBurst(key: Key): Key {
  return key.name === "char" ? { ...key, inBurst: true } : key;
}

function bracketedPaste(on: boolean): string {
  return `\x1b[?2004${on ? "h" : "l"}`;
}
